"""The dashboard's file: what the script makes, what Grafana's schema knows, what all need."""

import json
import re
import shutil
import subprocess
import sys
from itertools import combinations

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from panels import FILE, LABEL_VALUES, choices, dashboard, every_query, panels
from vocabulary import ELSEWHERE, ROOT, complaints, rules, selectors, source

WIDTH = 24
ALERTS = ROOT / "monitoring/alerts/ml-alerts.yaml"
QUERIES = dict(every_query())
# Fields of an annotation that Grafana's plugin for Prometheus reads, and the SDK does not know.
OF_THE_PLUGIN = re.compile(r"/annotations/list/\d+/(step|titleFormat|textFormat)")
UNITS = {value for name, value in vars(units).items() if isinstance(value, str)} | {"none"}


def alert_names():
    return {rule["alert"] for group in yaml.safe_load(ALERTS.read_text())["groups"]
            for rule in group["rules"]}


# ---- the file -----------------------------------------------------------------------------------

def test_the_file_is_what_the_script_makes():
    made = subprocess.run([sys.executable, FILE.with_name("make.py")], check=True, text=True,
                          capture_output=True).stdout
    assert made == FILE.read_text(), "run: make docs-dashboard"


def leaves(value, path=""):
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}/{key}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from leaves(part, f"{path}/{number}")
    else:
        yield path, value


def lost(document):
    """What Grafana's typed schema does not give back as it was."""
    register_default_plugins()
    back = dict(leaves(json.loads(JSONEncoder().encode(Dashboard.from_json(document)))))
    return {path: value for path, value in leaves(document)
            if value is not None and back.get(path) != value}


def test_grafanas_schema_knows_every_field():
    assert {path for path in lost(dashboard()) if not OF_THE_PLUGIN.fullmatch(path)} == set()


def test_a_field_that_the_schema_does_not_know_is_noticed():
    document = dashboard()
    document["panels"][1]["fieldConfig"]["defaults"]["untit"] = "s"
    assert "/panels/1/fieldConfig/defaults/untit" in lost(document)


def test_the_dashboard_is_the_one_that_alerts_link_to():
    document = dashboard()
    assert document["uid"] == "tasks10-ml-dashboard"
    assert 10 <= int(document["refresh"].removesuffix("s")) <= 30
    assert document["tags"] and document["description"]
    assert document["schemaVersion"] >= 39, "of Grafana 11"
    assert "id" not in document, "Grafana gives it"


# ---- panels -------------------------------------------------------------------------------------

@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_every_panel_says_what_it_shows(panel):
    assert len(panel["description"].split()) >= 5
    unit = panel["fieldConfig"]["defaults"]["unit"]
    assert unit in UNITS or re.fullmatch("(suffix|prefix):.+", unit), f"unit {unit}"
    assert panel["fieldConfig"]["defaults"]["noValue"]
    assert panel["targets"]
    letters = [target["refId"] for target in panel["targets"]]
    assert len(letters) == len(set(letters))
    for part in (panel, *panel["targets"]):
        assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_ids_and_titles_are_unique():
    every = dashboard()["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    assert len({panel["title"] for panel in every}) == len(every)


def overlap(one, other):
    return (one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
            and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"])


def test_panels_fill_the_grid_and_do_not_overlap():
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    for place in places:
        assert place["x"] >= 0 and place["w"] > 0 and place["x"] + place["w"] <= WIDTH, place
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []
    height = max(place["y"] + place["h"] for place in places)
    assert sum(place["w"] * place["h"] for place in places) == WIDTH * height, "no holes"


def test_overlap_is_noticed():
    place = {"x": 0, "y": 0, "w": 8, "h": 8}
    assert overlap(place, {**place, "x": 7, "y": 7})
    assert not overlap(place, {**place, "x": 8}) and not overlap(place, {**place, "y": 8})


def test_rows_are_those_of_the_readme():
    rows = [panel["title"] for panel in dashboard()["panels"] if panel["type"] == "row"]
    assert rows == ["Service level", "Model", "HTTP", "Resources and scaling", "Kafka",
                    "Registry", "Retraining"]


def test_scores_are_a_heatmap_of_their_buckets():
    panel, = [panel for panel in panels() if panel["type"] == "heatmap"]
    target, = panel["targets"]
    assert target["format"] == "heatmap" and target["legendFormat"] == "{{le}}"
    assert "ml_model_fraud_probability_bucket" in target["expr"]
    assert panel["options"]["calculate"] is False, "they are buckets already"


def test_links_lead_to_runbooks_of_alerts():
    for panel in panels():
        for link in panel.get("links", []):
            name = link["url"].rpartition("/")[2].removesuffix(".md")
            assert name in alert_names(), f"{panel['title']}: {link['url']}"
            assert link["title"] == f"Runbook: {name}"
    linked = {link["title"].removeprefix("Runbook: ")
              for panel in panels() for link in panel.get("links", [])}
    # What is missing is shown by no panel.
    assert {name for name in alert_names() - linked if not name.endswith("Missing")} == set()


def after_the_seds_of_the_readme(folder):
    """The dashboard that `make docs-dashboard` writes in a copy, its output; one address of ours is
    replaced by another."""
    text = (ROOT / "monitoring/README.md").read_text()
    lines = [line.strip() for line in text.split("**Links.**")[1].split("###")[0].splitlines()
             if line.startswith("    ")]
    assert lines[-2:] == ["make docs-alerts", "make docs-dashboard"]
    for path in ("Makefile", "scripts", "monitoring", "argocd", "tests/requirements.txt"):
        (folder / path).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
        copy(ROOT / path, folder / path)
    # Pages and PrometheusRule are another test's.
    subprocess.run(["sh", "-euc", "\n".join([*lines[:-2], lines[-1]])], cwd=folder, check=True)
    return (folder / FILE.relative_to(ROOT)).read_text()


def test_the_seds_of_the_readme_reach_the_dashboard(tmp_path):
    made = after_the_seds_of_the_readme(tmp_path)
    assert "git.example.com" in FILE.read_text()
    assert "example.com" not in made
    assert made.count("https://your.host/your/rowan/blob/main/docs/runbooks/") \
        == FILE.read_text().count("https://git.example.com/mlops/rowan/blob/main/docs/runbooks/")


def test_only_alerts_of_the_service_are_shown():
    """By the label of the rules: others have alerts of these names, too."""
    queries = [query for query in QUERIES.values() if "ALERTS{" in query]
    assert len(queries) == 2
    for query in queries:
        assert 'service="tasks10-ml-service"' in query and "alertname=" not in query


def test_restarts_are_those_that_the_alert_counts():
    """The same series, made one a container in the same way."""
    rule = next(rule for rule in rules() if rule.get("alert") == "PodCrashLooping")
    alerts = " ".join(rule["expr"].split()).replace(" ", "").split(">=3")[0]
    panel = QUERIES["Restarts, A"].replace('namespace=~".*",', "").replace(',pod=~".*"', "")
    assert panel.replace(" ", "") == alerts


# ---- queries ------------------------------------------------------------------------------------

@pytest.mark.parametrize("where", QUERIES)
def test_queries_name_what_there_is(where):
    assert complaints(QUERIES[where]) == []


def test_variables_filter_what_has_their_labels():
    """A query that a variable does not reach would show other pods than those chosen."""
    for panel in panels():
        for target in panel["targets"]:
            for selector in re.findall(r"\{([^}]*)\}", target["expr"]):
                assert ("$namespace" in selector or "$pod" in selector
                        or 'job="ml-retraining"' in selector), target["expr"]
            assert "$namespace" in target["expr"] or "ml_retraining_" in target["expr"], target


def test_variables_are_multi_and_have_all():
    assert [variable["name"] for variable in choices()] == ["namespace", "pod", "model"]
    for variable in choices():
        assert variable["multi"] and variable["includeAll"] and variable["allValue"] == ".*"
        assert LABEL_VALUES.fullmatch(variable["query"])
    first = dashboard()["templating"]["list"][0]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource",
                                                              "prometheus")


def test_each_source_of_metrics_has_its_panels():
    """What is declared to come from elsewhere, and shown nowhere, is not declared for nothing."""
    sources = {source(one.metric) for query in QUERIES.values() for one in selectors(query)}
    assert set(yaml.safe_load(ELSEWHERE.read_text())) <= sources


# ---- how it gets into Grafana -------------------------------------------------------------------

def test_only_the_dashboard_has_the_ending_that_a_provider_loads():
    assert sorted(FILE.parent.rglob("*.json")) == [FILE]
