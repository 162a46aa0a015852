"""docs/runbooks and monitoring/README.md say what is so: every alert has its page, every query is
one that Prometheus takes, every command, setting, metric, manifest and log line is there."""

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from math import prod

import pytest
import yaml

from prometheus import Prometheus, static_job
from server import BUILD, ROWAN, Server, eventually
from vocabulary import ROOT, RULES, complaints, known, of_the_service, rules, selectors, source

RUNBOOKS = ROOT / "docs/runbooks"
MONITORING = ROOT / "monitoring"
ROWAN_STREAM = BUILD / "src/stream/rowan-stream"
ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
PAGES = {page.stem: page.read_text() for page in sorted(RUNBOOKS.glob("*.md"))
         if page.stem != "README"}
TEXTS = {str(page.relative_to(ROOT)): page.read_text()
         for page in [*sorted(RUNBOOKS.glob("*.md")), MONITORING / "README.md"]}
NAMES = sorted(TEXTS)


def without_head(text):
    """What a person wrote: not between the marks of docs-table.sh."""
    return re.sub(r"(?s)<!-- (\w+): begin -->.*?<!-- \1: end -->", "", text)


def between_marks(name, mark):
    return re.search(f"<!-- {mark}: begin -->\n(.*?)<!-- {mark}: end -->", TEXTS[name], re.S)[1]


def blocks(text, language):
    """Fenced blocks of a language, indented ones of lists too."""
    return [re.sub(rf"(?m)^{found[1]}", "", found[2]) for found in re.finditer(
        rf"(?ms)^( *)```{language}\n(.*?)^ *```", text)]


def commands(text):
    """Lines of blocks that are not PromQL or YAML, continued ones joined."""
    indented = re.findall(r"(?m)^    +(\S.*)$", re.sub(r"(?ms)^ *```\w*\n.*?^ *```", "", text))
    shell = [line for block in blocks(text, "sh") for line in block.splitlines()]
    joined = re.sub(r"(?m)[ \t]*\\\n\s*", " ", "\n".join([*shell, *indented]))
    return [line.strip() for line in re.sub(r"\|\n\s*", "| ", joined).splitlines()]


def spans(text):
    """What stands in backticks in the text, on one line each."""
    prose = re.sub(r"(?ms)^ *```\w*\n.*?^ *```", "", text)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


# ---- pages and alerts ----------------------------------------------------------------------


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    assert set(PAGES) == set(ALERTS)


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_the_runbook_is_where_the_alert_says(alert):
    url = ALERTS[alert]["annotations"]["runbook_url"]
    path = re.fullmatch(r"https://[^/]+/.+/blob/main/(.+)", url)[1]
    assert (ROOT / path).is_file() and path == f"docs/runbooks/{alert}.md"


def spellings(number):
    """How a page may write a threshold."""
    found = {f"{number:g}", f"{number:.15g}", f"{number * 100:g} %", f"{number:,.15g}"}
    for seconds, unit in ((60, "minute"), (3600, "hour"), (86400, "day")):
        if number >= seconds and number % seconds == 0:
            found |= {f"{number / seconds:g} {unit}", f"{number / seconds:g}-{unit}"}
    return found


def bounds(query):
    """What a query compares with, as factors; 0 and 1 alone are states."""
    compared = re.findall(r"[<>]=?\s*\(?\s*([\d.]+(?:\s*\*\s*[\d.]+)*)", query)
    factors = {tuple(float(one) for one in text.split("*")) for text in compared}
    return sorted(factors - {(0.0,), (1.0,)})


def names(text, number):
    return any(re.search(rf"(?<![\d.]){re.escape(one)}(?!\d|\.\d)", text)
               for one in spellings(number))


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_the_text_names_the_thresholds_of_the_rule(alert):
    """A product as itself, or by its factors: 14.4 times 0.1 %."""
    said = " ".join(without_head(PAGES[alert]).split())
    missing = [factors for factors in bounds(ALERTS[alert]["expr"])
               if not names(said, prod(factors)) and not all(names(said, one) for one in factors)]
    assert missing == []


def minutes(text):
    return {int(number) * {"m": 1, "h": 60, "d": 1440}[unit]
            for number, unit in re.findall(r"(?<![\w.])(\d+)([mhd])\b", text)}


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_the_times_of_the_first_paragraph_are_those_of_the_rule(alert):
    first = PAGES[alert].split("\n\n")[1]
    said = {int(number) for number in re.findall(r"(?<!up to )\b(\d+)\s+minutes", first)}
    rule = ALERTS[alert]
    assert said <= minutes(rule.get("for", "0s")) | minutes(rule["expr"])


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_the_head_has_time_and_severity_of_the_rule(alert):
    head = between_marks(f"docs/runbooks/{alert}.md", "alert")
    every = [rule for rule in rules() if rule.get("alert") == alert]
    rows = re.findall(r"(?m)^\| (critical|warning|info) \| (\w+) \|", head)
    assert rows == [(rule["labels"]["severity"], rule.get("for", "0s")) for rule in every]
    assert [" ".join(query.split()) for query in blocks(head, "promql")] == \
           [" ".join(rule["expr"].split()) for rule in every]


@pytest.mark.parametrize("alert", sorted(PAGES))
def test_a_runbook_says_how_to_look_and_when_it_is_over(alert):
    text = without_head(PAGES[alert])
    assert text.startswith(f"# {alert}\n")
    assert text.index("\n## The rule\n") < text.index("\n## Look\n")
    assert "\n## Over when\n" in text
    assert re.search(r"\n## (Causes|What to do|When it is more than news)", text)
    assert len(text.splitlines()) <= 75, "a screen and a half"


# ---- tables that are made -----------------------------------------------------------------------


def made(*arguments):
    return subprocess.run([sys.executable, ROOT / "scripts/alerts.py", *arguments], check=True,
                          capture_output=True, text=True).stdout


@pytest.mark.parametrize("name, mark, arguments", [
    ("monitoring/README.md", "alerts", ["alerts"]),
    ("monitoring/README.md", "recorded", ["recorded"]),
    ("docs/runbooks/README.md", "alerts", ["index"]),
    *((f"docs/runbooks/{alert}.md", "alert", ["one", alert]) for alert in sorted(ALERTS))])
def test_tables_are_those_that_the_script_makes(name, mark, arguments):
    """make docs-alerts"""
    assert between_marks(name, mark) == made(*arguments)


def test_the_table_has_every_threshold():
    """As a regular expression finds them, and not the parser of the script."""
    table = made("alerts")
    for alert, rule in ALERTS.items():
        row = next(line for line in table.splitlines() if line.startswith(f"| [{alert}]"))
        for factors in bounds(rule["expr"]):
            assert " * ".join(f"{one:.15g}" for one in factors) in row


def sources(query):
    """Who tells the series of a query, those of recording rules included."""
    made_of = {}
    for rule in rules():
        if "record" in rule:
            made_of.setdefault(rule["record"], []).append(rule["expr"])
    return {found for one in selectors(query) for found in (
        set().union(*map(sources, made_of[one.metric])) if one.metric in made_of
        else {source(one.metric)})}


@pytest.mark.parametrize("cell, name", [("kube-state-metrics", "kube-state-metrics"),
                                        ("cAdvisor (the kubelet's)", "cadvisor")])
def test_the_page_says_which_alerts_need_a_source(cell, name):
    row = next(line for line in TEXTS["monitoring/README.md"].splitlines()
               if line.startswith(f"| {cell} |"))
    blind, teller = (set(re.findall(r"`(\w+)`", part)) for part in row.split("|")[2:4])
    need = {alert for alert, rule in ALERTS.items() if name in sources(rule["expr"])}
    assert blind == need - teller and teller == {"ResourceMetricsMissing"} < need


# ---- queries -------------------------------------------------------------------------------


# Blocks, and what stands within a sentence.
QUERIES = [(name, query) for name, text in TEXTS.items()
           for query in [*blocks(text, "promql"),
                         *(span for span in spans(text) if "{job=" in span)]]


@pytest.mark.parametrize("name, query", QUERIES)
def test_a_query_names_what_there_is(name, query):
    assert complaints(query) == []


def test_prometheus_takes_every_query(place):
    with Prometheus(place, {}) as prometheus:
        refused = {}
        for name, query in [*QUERIES, ("nowhere", "sum(up")]:
            try:
                prometheus.get("query", query=query)
            except AssertionError as error:
                refused[name, query] = str(error)
        assert list(refused) == [("nowhere", "sum(up")]


def is_of_http(query):
    """Does it read what a healthy replica without Kafka and rowan-sync always tells?"""
    return ('job="tasks10-ml-service"' in query
            and all(one.metric in {*of_the_service(), "up"}
                    and not one.metric.startswith(("kafka_", "rowan_stream_",
                                                    "ml_model_sync_"))
                    for one in selectors(query))
            and not re.search(r'unless|offset|[<>]|==|"5\.\."', query))


def test_queries_find_something_in_the_metrics_of_the_service(place):
    """Names and labels of a query exist (above); here its values of labels, too."""
    labels = {"namespace": "mlops-tasks10", "pod": "a", "container": "api",
              "service": "tasks10-ml-service"}
    requests = [json.loads(row)["request"] for row in
                (ROOT / "models/fraud/golden.jsonl").read_text().splitlines()[:50]]
    queries = {query for _, query in QUERIES if is_of_http(query)}
    assert len(queries) >= 15
    with Server(place / "server") as server, Prometheus(place, {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [static_job("tasks10-ml-service", f"127.0.0.1:{server.port}",
                                          **labels)]}) as prometheus:
        def empty():
            for request in requests:
                server.predict(request)
            return [query for query in queries
                    if not prometheus.get("query", query=query)["result"]]

        assert eventually(lambda: not empty()), empty()


# ---- links ----------------------------------------------------------------------------------


def anchors(text):
    """Those that GitHub makes of headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", sorted({*NAMES, *(
    str(page.relative_to(ROOT)) for page in MONITORING.rglob("*.md"))}))
def test_links_lead_somewhere(name):
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name}: {target}"
        if anchor:
            assert anchor in anchors(file.read_text()), f"{name}: {target}"


# ---- commands --------------------------------------------------------------------------------


@cache
def help_of(*command):
    return subprocess.run([*command, "--help"], check=True, capture_output=True, text=True).stdout


def of_rowan(line):
    """(subcommand, options) of each `rowan` in a line."""
    for found in re.finditer(r"(?:^|\s|/)rowan ([a-z]+)\b([^|>&]*)", line):
        yield found[1], re.findall(r"\s(--[a-z-]+)", found[2])


@pytest.mark.parametrize("name", NAMES)
def test_commands_of_rowan_exist(name):
    for line in [*commands(TEXTS[name]), *spans(TEXTS[name])]:
        for subcommand, options in of_rowan(line):
            if "amtool" in line or "helm" in line or subcommand == "in":
                continue
            for option in options:
                assert option in help_of(ROWAN, subcommand), line
            assert f"rowan {subcommand}" in help_of(ROWAN, subcommand), line
        for action in re.findall(r"rowan-stream (live|ready)\b", line):
            assert re.search(rf"(?m)^ +{action} ", help_of(ROWAN_STREAM)), line


@pytest.mark.parametrize("name", NAMES)
def test_targets_of_make_exist(name):
    targets = set(re.findall(r"(?m)^([a-z0-9-]+):", (ROOT / "Makefile").read_text()))
    for line in [*commands(TEXTS[name]), *spans(TEXTS[name])]:
        for target in re.findall(r"(?:^|&& )make ([a-z-]+)", line):
            assert target in targets, line


@pytest.mark.parametrize("name", NAMES)
def test_programs_of_debian_take_their_options(name):
    """amtool and promtool: as much of a line as can be told without a server."""
    for line in commands(TEXTS[name]):
        if line.startswith(("amtool ", "promtool ")):
            words = [word for word in line.split() if re.fullmatch("[a-z-]+", word)]
            depth = 4 if "routes" in words else 3
            usage = subprocess.run([*words[:depth], "--help"], capture_output=True, text=True)
            usage = usage.stdout + usage.stderr
            for option in re.findall(r"\s(--[a-z.-]+)", line):
                assert option in usage, line


def told_by(program, *arguments):
    listed = subprocess.run([program, *arguments, "--list-settings"], check=True,
                            capture_output=True, text=True).stdout
    return set(re.findall(r"(?m)^\| `([A-Z_]+)` \|", listed))


@cache
def settings():
    """Names that a program of ours knows, and properties that the manifests set."""
    manifests = "".join(file.read_text() for file in (ROOT / "argocd").rglob("*")
                        if file.suffix in (".yaml", ".env"))
    retraining = (ROOT / "training/rowan_training/retraining/settings.py").read_text()
    return told_by(ROWAN, "serve") | told_by(ROWAN_STREAM) | set(
        re.findall(r"\b(KAFKA_[A-Z_]+)=", manifests)) | set(re.findall('"([A-Z_]+_[A-Z_]+)"', retraining))


@pytest.mark.parametrize("name", NAMES)
def test_settings_exist(name):
    upper = {word for span in spans(TEXTS[name])
             for word in re.findall(r"(?<![\w$])([A-Z]+(?:_[A-Z]+)+)\b", span)}
    # Errors of librdkafka are written like settings, and begin with _.
    assert upper - settings() == set()


# ---- metrics, manifests, log lines ---------------------------------------------------------------


def is_metric(text):
    return re.fullmatch(
        r"(?:ml|http|kafka|kube|container|process|rowan|namespace)_[a-z_0-9]*[a-z0-9]"
        r"|namespace[a-z_]*:[a-z_]+:[a-z0-9_]+", text)


@pytest.mark.parametrize("name", NAMES)
def test_metrics_in_the_text_exist(name):
    histograms = {one.removesuffix("_bucket") for one in of_the_service() if "_bucket" in one}
    directives = set(re.findall(r"`(rowan_[a-z_]+)[ `]", "".join(
        (ROOT / f"docs/{page}.md").read_text() for page in ("http", "limits"))))
    there = set(known()) | histograms | directives
    for span in spans(TEXTS[name]):
        word = re.match(r"[\w:]*", span)[0]
        if is_metric(word):
            assert word in there, span


def labels_of_manifests():
    return "".join(file.read_text() for file in (ROOT / "argocd").rglob("*")
                   if file.suffix in (".yaml", ".env"))


@pytest.mark.parametrize("name", NAMES)
def test_names_of_the_cluster_are_those_of_the_manifests(name):
    manifests = labels_of_manifests() + json.dumps(
        [one.get("uid") for one in [json.loads(file.read_text())
                                    for file in MONITORING.glob("dashboards/*.json")]])
    text = TEXTS[name]
    for word in re.findall(r"\b(tasks10-[a-z0-9-]+(?:\.[a-z]+\.[a-z]+)?|mlops-tasks10)\b", text):
        assert word in manifests, word
    for container in re.findall(r" -c ([a-z]+)\b", text):
        assert f"- name: {container}\n" in manifests


@pytest.mark.parametrize("name", NAMES)
def test_files_in_the_text_exist(name):
    """Files of this repository, named from its root."""
    roots = "argocd|monitoring|docs|models|scripts|src|tests|compose"
    for line in [*commands(TEXTS[name]), *spans(TEXTS[name])]:
        for path in re.findall(rf"(?<![\w/.-])((?:{roots})/[\w./-]*\w/?)", line):
            assert (ROOT / path).exists(), f"{name}: {path}"


# What the pages tell the reader to search logs for.
LOG_LINES = ["the version before goes on serving", "there is none to serve",
             "no memory for a prediction", "a message is not taken: ", " is not written to: ",
             "fenced: another rowan-stream has the same transactional id",
             "raise its max.message.bytes", "is known again", "is not known: ",
             "this worker is missing in metrics: ", "missing in metrics: ", "No model is loaded"]


@cache
def programs():
    """Text of the C sources, with strings that go on in the next line joined."""
    text = "".join(file.read_text() for file in (ROOT / "src").rglob("*.c"))
    return re.sub(r'"\s*\n\s*"', "", text)


@pytest.mark.parametrize("line", LOG_LINES)
def test_log_lines_are_those_of_the_programs(line):
    assert line in programs()
    assert any(line.strip() in " ".join(text.split()) for text in TEXTS.values())


@pytest.mark.parametrize("name", NAMES)
def test_reasons_in_the_text_are_those_of_the_programs(name):
    """Values of failure_reason, reason, error_type, outcome: first cells of tables of causes."""
    text = TEXTS[name]
    for value in re.findall(r"(?m)^\| `([a-z]+_[a-z_]+|shed|internal|tombstone)`", text):
        if not is_metric(value) and value != "failure_reason":  # the heading of such a table
            assert f'"{value}"' in programs(), value


# Fields of the access log that the pages send the reader to, or search by.
FIELDS = {"client", "decision", "path", "processing_time_ms", "seconds", "status",
          "transaction_id", "transactions"}


def test_a_search_of_the_access_log_finds_what_the_page_says(place):
    """The patterns of grep in the pages, on the log of real servers: a prediction, one that fails
    because there is no model, and one that is refused."""
    log = place / "access.log"
    log.touch(0o666)
    log.chmod(0o666)
    settings = {"ROWAN_ACCESS_LOG": "json", "ROWAN_ACCESS_LOG_FILE": log, "MODEL_OPTIONAL": 1}
    model = place / "model"
    request = json.loads((ROOT / "models/fraud/golden.jsonl").read_text().splitlines()[0])
    with Server(place / "server", MODEL_DIR=model, **settings) as server:
        reply = server.predict(request["request"])
        assert reply.status_code == 503 and "No model is loaded" in reply.text
        model.symlink_to(ROOT / "models/fraud")
        assert eventually(lambda: server.predict(request["request"]).status_code == 200)
    with Server(place / "strict", RATE_LIMIT=1, RATE_BURST=0, **settings) as server:
        assert eventually(lambda: server.predict(request["request"]).status_code == 429)
    lines = log.read_text().splitlines()
    assert all(set(json.loads(line)) >= FIELDS for line in lines)
    used = {pattern for text in TEXTS.values() for line in commands(text)
            for pattern in re.findall(r"grep (?:-[ov] )?'([^']*\"[^']*)'", line)}
    assert len(used) >= 3
    for pattern in used:
        assert any(re.search(pattern, line) for line in lines), pattern
    said = {span.split(":")[0].strip('"') for text in TEXTS.values() for span in spans(text)}
    assert FIELDS - {"path", "status"} <= said


# ---- pictures -----------------------------------------------------------------------------------


def test_pictures_of_prometheus_are_small_and_shown():
    pictures = sorted((ROOT / "docs/images").glob("prometheus-*.png"))
    assert [picture.stem for picture in pictures] == [
        "prometheus-alerts", "prometheus-p95", "prometheus-queue", "prometheus-requests"]
    for picture in pictures:
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size < 150_000
        assert f"(../docs/images/{picture.name})" in TEXTS["monitoring/README.md"]


# ---- the configuration of the README ------------------------------------------------------------


def test_promtool_takes_the_configuration_of_the_page(place):
    """`Prometheus, without the operator`: as printed, beside our rules."""
    text = next(block for block in blocks(TEXTS["monitoring/README.md"], "yaml")
                if "scrape_configs:" in block)
    (place / "prometheus.yml").write_text(text)
    shutil.copytree(RULES, place / "alerts")
    checked = subprocess.run(["promtool", "check", "config", place / "prometheus.yml"],
                             capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert len(re.findall(r"SUCCESS: \d+ rules found", checked.stdout)) == len(
        list(RULES.glob("*.yaml")))
    jobs = {job["job_name"]: job for job in yaml.safe_load(text)["scrape_configs"]}
    assert set(jobs) == {"tasks10-ml-service", "pushgateway"}
    assert jobs["pushgateway"]["honor_labels"]
