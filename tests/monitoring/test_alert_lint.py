"""What the rules speak of is there, and what they say helps."""

import json
import re

import pytest
import yaml
from promql_parser import MatchOp

from alert_rules import ALERTS, FILES, GROUP_OF, RECORDS, ROOT
from manifests import manifests
from policies import target_labels
from psi import BINS
from scrape import scrape
from series import HPA, target
from server import Server
from test_alerts import CASES
from vocabulary import complaints, known, matchers, of_the_service, selectors

RULES = [*ALERTS.values(), *RECORDS]
SEVERITIES = ("info", "warning", "critical")
GROUPS = {"ml-service", "ml-slo", "ml-model", "ml-resources", "ml-kafka", "ml-blind",
          "ml-retraining", "ml-sync"}
DASHBOARD = "https://grafana.example.com/d/tasks10-ml-dashboard?var-namespace="
UNITS = r"%|[Pp]redictions?|replicas|requests|times|messages|PSI|transactions|longer than"


def name_of(rule):
    return rule.get("alert") or rule["record"] + str(rule.get("labels", {}).get("bin", ""))


every_rule = pytest.mark.parametrize("rule", RULES, ids=name_of)
every_alert = pytest.mark.parametrize("alert", ALERTS)


# ---- metrics and labels -------------------------------------------------------------------------


@every_rule
def test_rule_speaks_of_what_there_is(rule):
    assert complaints(rule["expr"]) == []


@every_rule
def test_rule_selects_the_service_and_no_other(rule):
    for metric, found in matchers(rule["expr"]):
        if metric in of_the_service() or metric == "up":
            assert ("job", target()["job"]) in [(one.name, one.value) for one in found], metric


def test_series_of_tests_are_labelled_as_the_servicemonitor_does():
    assert set(target()) == target_labels(manifests("base").one("ServiceMonitor"))


def test_names_are_those_of_the_manifests():
    base = manifests("base")
    text = "".join(file.read_text() for file in FILES)
    assert set(re.findall(r'\bjob="([^"]*)"', text)) == {base.one("Service")["metadata"]["name"],
                                                          "ml-retraining"}
    pods = base.one("Deployment")["metadata"]["name"] + "-.+"
    assert set(re.findall(r'pod=~"([^"]*)"', text)) == {pods}
    assert {name + "-.+" for name in re.findall(r'deployment="([^"]*)"', text)} == {pods}
    hpa = base.one("HorizontalPodAutoscaler")["metadata"]["name"]
    assert set(re.findall(r'horizontalpodautoscaler="([^"]*)"', text)) == {hpa} == {HPA}


def equalities():
    """(metric, {label: value}) of all selectors of the service; a pattern counts as any value."""
    for rule in RULES:
        for metric, found in matchers(rule["expr"]):
            if metric in of_the_service() and not metric.startswith(("kafka_", "ml_model_sync_")):
                yield metric, {one.name: one.value for one in found
                               if one.name != "job" and one.op == MatchOp.Equal}


def test_a_real_server_shows_what_the_rules_select(place):
    """Every series about HTTP and models, by its very label values."""
    golden = (ROOT / "models/fraud/golden.jsonl").read_text().splitlines()[0]
    with Server(place / "nginx") as server:
        assert server.predict(json.loads(golden)["request"]).status_code == 200
        scrape(server)
        page = scrape(server)
    wanted = {(name, tuple(labels.items())) for name, labels in equalities()}
    assert len(wanted) >= 15
    for name, labels in wanted:
        assert page.series(name, **dict(labels)), (name, labels)
    for bound in [*BINS[:-1], "+Inf"]:
        assert page.series("ml_model_fraud_probability_bucket", le=bound), bound


# ---- what an alert says --------------------------------------------------------------------------


@every_alert
def test_alert_says_how_bad_and_what(alert):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert GROUP_OF[alert] in GROUPS
    summary = rule["annotations"]["summary"]
    assert "$value" in summary
    assert re.search(UNITS, re.sub(r"{{.*?}}", "", summary)) or "humanize" in summary, summary


@every_alert
def test_a_count_of_messages_is_written_out(alert):
    """Bare, 2097153 would be 2.097153e+06."""
    summary = ALERTS[alert]["annotations"]["summary"]
    assert "messages" not in summary or not re.search(r"{{ *\$value *}}", summary)


@every_alert
def test_a_summary_names_labels_that_the_alert_has(alert):
    """Those that a firing case shows."""
    annotations = " ".join(ALERTS[alert]["annotations"].values())
    shown = {label for case in CASES if case.alert == alert
             for alerts in case.fires.values() for _, labels in alerts for label in labels}
    assert set(re.findall(r"\$labels\.(\w+)", annotations)) <= shown


@every_alert
def test_alert_has_a_runbook(alert):
    url = ALERTS[alert]["annotations"]["runbook_url"]
    repository = yaml.safe_load((ROOT / "argocd/application.yaml").read_text())
    repository = repository["spec"]["source"]["repoURL"].removesuffix(".git")
    assert url == f"{repository}/blob/main/docs/runbooks/{alert}.md"
    assert (ROOT / url.removeprefix(f"{repository}/blob/main/")).is_file()


@every_alert
def test_alert_leads_to_the_dashboard(alert):
    """In the namespace of the alert; retraining is in none."""
    wanted = (DASHBOARD.partition("?")[0] if GROUP_OF[alert] == "ml-retraining"
              else DASHBOARD + "{{ $labels.namespace }}")
    assert ALERTS[alert]["annotations"]["dashboard_url"] == wanted


def test_the_admin_is_told_when_the_hpa_is_at_its_end():
    rule = ALERTS["AdminNotification_MaxScaleHighCPU"]
    hpa = manifests("base").one("HorizontalPodAutoscaler")["spec"]
    assert [name for name, one in ALERTS.items() if "notify" in one["labels"]] == [rule["alert"]]
    assert rule["labels"]["notify"] == "admin"
    summary = rule["annotations"]["summary"]
    assert int(re.match(r"(\d+) replicas run", summary)[1]) == hpa["maxReplicas"]
    assert all(summary.startswith("6 ") for case in CASES if case.alert == rule["alert"]
               for alerts in case.fires.values() for summary, _ in alerts)
    cpu_target = hpa["metrics"][0]["resource"]["target"]["averageUtilization"]
    for alert in (rule, ALERTS["HighCPUUsage"]):
        assert re.search(r"> ([0-9.]+)$", alert["expr"], re.M)[1] == f"{cpu_target / 100:g}"


# ---- what is missing -----------------------------------------------------------------------------

# Without traffic or without an event there is none of them.
MAY_BE_MISSING = {"kube_pod_container_status_waiting_reason",
                  "kube_horizontalpodautoscaler_spec_min_replicas",
                  "ml_retraining_last_success_timestamp_seconds",
                  # Where no rowan-sync follows a registry.
                  "ml_model_sync_last_success_timestamp_seconds", "ml_model_sync_registry_up",
                  "ml_model_sync_refused_total",
                  "ml_retraining_outcome", "ml_retraining_last_run_timestamp_seconds",
                  "kube_deployment_spec_replicas",  # ServiceDown's other halves need none
                  "ml_model_info"}  # NoReadyModel


def test_a_metric_that_a_rule_needs_is_missed():
    needed = {one.metric for rule in RULES if GROUP_OF.get(rule.get("alert")) != "ml-blind"
              for one in selectors(rule["expr"]) if ":" not in one.metric} - {"up"}
    missed = {metric for alert in ALERTS if GROUP_OF[alert] == "ml-blind"
              for metric in re.findall(r'"metric", "(\w+)"', ALERTS[alert]["expr"])}
    assert needed - missed == MAY_BE_MISSING
    assert missed <= needed <= set(known())


def test_the_bucket_that_is_missed_is_that_of_the_objective():
    def bounds(expression):
        return {one.value for metric, found in matchers(expression) for one in found
                if metric == "http_request_duration_seconds_bucket" and one.name == "le"}
    objective = set().union(*(bounds(rule["expr"]) for rule in RECORDS))
    assert bounds(ALERTS["ServiceMetricsMissing"]["expr"]) == objective and len(objective) == 1
