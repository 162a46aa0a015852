"""monitoring/alerts/ml-alerts.yaml in Prometheus' own words: promtool evaluates each alert where it
must fire, just below, and before its time."""

import json
import re
import sys
from dataclasses import dataclass, field

import pytest
import yaml

from manifests import manifests
from policies import target_labels
from tools import BUILD, ROOT, output, run

sys.path.append(str(ROOT / "tests/http"))  # its real nginx, and its reader of metrics

from scrape import scrape  # noqa: E402
from server import Server  # noqa: E402

RULES = ROOT / "monitoring/alerts/ml-alerts.yaml"
TEXT = RULES.read_text()
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(TEXT)["groups"]
          for rule in group["rules"] if "alert" in rule}
# Of Prometheus itself, and of kube-state-metrics.
FOREIGN = {"up", "kube_pod_container_resource_requests"}
TARGET_LABELS = {"job", "namespace", "pod", "instance", "resource", "le"}
KEPT = target_labels(manifests("base").one("ServiceMonitor"))
MINUTES = 30
MI = 2**20


@dataclass
class Case:
    alert: str
    fires_at: int      # minute; the one before it must be quiet
    fires: dict        # series -> values, in promtool's notation, one a minute
    summary: str
    quiet: list        # of such dicts: never fires
    labels: dict = field(default_factory=lambda: {"namespace": "n"})


def of(name, pod="a", **labels):
    """A series of a pod, as a ServiceMonitor labels it."""
    target = {"job": "tasks10-ml-service", "namespace": "n", "pod": pod, "instance": pod,
              "service": "tasks10-ml-service", "container": "api", "endpoint": "http"}
    target = {key: target[key] for key in sorted(KEPT)}
    labels = target | {f"exported_{key}" if key in target else key: value
                       for key, value in labels.items()}
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def requests(resource, pods, **containers):
    """Of a pod's containers, and of a pod that is no business of ours."""
    series = {f'kube_pod_container_resource_requests{{namespace="n",pod="{pod}",'
              f'container="{container}",resource="{resource}"}}': f"{value}x{MINUTES}"
              for pod in pods for container, value in containers.items()}
    return {**series, 'kube_pod_container_resource_requests{namespace="n",pod="other",'
                      f'container="c",resource="{resource}"}}': f"1000000x{MINUTES}"}


def steady(value):
    return f"{value}x{MINUTES}"


def growing(per_minute):
    return f"0+{per_minute}x{MINUTES}"


def replies(good, bad, endpoint="/predict"):
    name = "http_requests_total"
    return {of(name, method="POST", endpoint=endpoint, status_code="200"): growing(good),
            of(name, method="POST", endpoint=endpoint, status_code="500"): growing(bad)}


def latency(within_1s, within_2s, within_5s):
    name = "http_request_duration_seconds_bucket"
    counts = {"1.0": within_1s, "2.0": within_2s, "5.0": within_5s, "+Inf": within_5s}
    return {of(name, method="POST", endpoint="/predict", le=le): growing(n)
            for le, n in counts.items()}


def cpu(**cores):
    """Each pod requests 0.5 and 0.25 cores, as api and stream do."""
    return {**{of("process_cpu_seconds_total", pod): growing(round(60 * used, 3))
               for pod, used in cores.items()},
            **requests("cpu", cores, api=0.5, stream=0.25)}


def memory(share):
    return {of("process_resident_memory_bytes"): steady(int(share * 320 * MI)),
            **requests("memory", "a", api=64 * MI, stream=256 * MI)}


def replicas(n, busiest):
    pods = [f"p{i}" for i in range(n)]
    return {**{of("up", pod): steady(1) for pod in pods},
            **cpu(**{pod: 0.1 for pod in pods[1:]}, p0=busiest * 0.75)}


def told(name, *values, **labels):
    """A gauge of the broker as each replica tells it."""
    return {of(name, f"p{i}", **labels): steady(value) for i, value in enumerate(values)}


QUEUE = {"topic": "t"}
LAG = {"topic": "t", "partition": "3", "consumer_group": "g"}
UP = {of("up", "a"): steady(1), of("up", "b"): steady(1)}

CASES = [
    Case("ServiceDown", 1, {of("up", "a"): steady(0), of("up", "b"): steady(0)},
         "No replica of the service answers", [UP, {**UP, of("up", "b"): steady(0)}]),
    Case("ServiceDown", 1, {'up{job="another"}': steady(1)}, "No replica of the service answers",
         [UP], labels={"job": "tasks10-ml-service"}),
    Case("HighErrorRate", 6, replies(949, 51), "5.1% of predictions fail",
         [replies(951, 49), {**replies(951, 49), **replies(0, 1000, "/health")}]),
    Case("SlowResponseTime", 6, latency(900, 949, 1000),
         "One prediction in twenty takes longer than 2.059s", [latency(900, 951, 1000)]),
    Case("NoReadyModel", 2, {**UP, of("ml_model_info"): steady(1)}, "1 replicas have no model",
         [{**UP, of("ml_model_info"): steady(1), of("ml_model_info", "b"): steady(1)}]),
    Case("ModelLoadFailed", 3,
         {of("ml_model_loads_total", outcome="refused"): f"0 0 0 1x{MINUTES}"},
         "A new model has been refused",
         [{of("ml_model_loads_total", outcome="loaded"): growing(1),
           of("ml_model_loads_total", outcome="refused"): steady(0)}]),
    # On average over the pods, as the HPA counts: 0.615 and 0.6 of 1.5 cores are 81 %. A rate is
    # full when its window of 5 minutes is.
    Case("HighCPUUsage", 10, cpu(a=0.615, b=0.6),
         "The pods use 81% of the CPU that they request", [cpu(a=0.9, b=0.285)]),
    Case("HighMemoryUsage", 5, memory(0.81), "a uses 81% of the memory that it requests",
         [memory(0.79)], labels={"namespace": "n", "pod": "a"}),
    Case("AdminNotification_MaxScaleHighCPU", 10, replicas(6, 0.81),
         "6 replicas run, and one uses 81% of the CPU that it requests",
         [replicas(6, 0.79), replicas(5, 0.81)]),
    Case("NoResourceRequests", 15, {of("process_cpu_seconds_total"): growing(1)},
         "Of 1 pods nobody knows what CPU they request", [cpu(a=0.1)]),
    # Every replica tells the same of the whole topic: two that tell 600 do not make 1200.
    Case("KafkaQueueHigh", 5, told("kafka_queue_length", 1001, 1001, **QUEUE),
         "1001 messages of t wait to be scored",
         [told("kafka_queue_length", 1000, 999, **QUEUE),
          told("kafka_queue_length", 600, 600, **QUEUE)], labels={"namespace": "n", **QUEUE}),
    Case("KafkaConsumerLagHigh", 10, told("kafka_consumer_lag", 1001, 1001, **LAG),
         "g is 1001 messages behind in t/3",
         [told("kafka_consumer_lag", 1000, 999, **LAG),
          told("kafka_consumer_lag", 600, 600, **LAG)], labels={"namespace": "n", **LAG}),
]


# ---- promtool ------------------------------------------------------------------------------


def expected(case):
    rule = ALERTS[case.alert]
    return {"exp_labels": {**rule["labels"], **case.labels},
            "exp_annotations": {"summary": case.summary,
                                "description": rule["annotations"]["description"]}}


def asked(case, minute, alerts):
    return {"eval_time": f"{minute}m", "alertname": case.alert, "exp_alerts": alerts}


def series_test(series, questions):
    return {"interval": "1m", "alert_rule_test": questions,
            "input_series": [{"series": name, "values": values}
                             for name, values in series.items()]}


def judge(folder, case, text=TEXT):
    """promtool's verdict over a case, with the text of the rules."""
    (folder / "rules.yaml").write_text(text)
    quiet = range(0, MINUTES, 5)
    tests = [series_test(case.fires, [asked(case, case.fires_at - 1, []),
                                  asked(case, case.fires_at, [expected(case)])])]
    tests += [series_test(series, [asked(case, minute, []) for minute in quiet])
              for series in case.quiet]
    (folder / "tests.yaml").write_text(yaml.safe_dump(
        {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}))
    return run("promtool", "test", "rules", "tests.yaml", cwd=folder)


def test_promtool_accepts_the_rules():
    printed = output("promtool", "check", "rules", RULES)
    assert f"{len(ALERTS)} rules found" in printed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_alert_fires_where_it_must_and_nowhere_else(case, tmp_path):
    finished = judge(tmp_path, case)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_every_alert_has_a_case():
    assert set(ALERTS) == {case.alert for case in CASES}


# ---- what a mistake would do ----------------------------------------------------------------


def numbers_near(text):
    """A threshold, a little too high and a little too low."""
    value = float(text)
    if value == 0:
        return ["2"]
    if "." not in text and value < 10:
        return [str(int(value) + 1), str(int(value) - 1)]
    return [f"{value * 1.03:g}", f"{value * 0.97:g}"]


def mistakes(rule):
    """Texts of a rule, each with one mistake."""
    block = TEXT[TEXT.index(f"- alert: {rule}\n"):]
    block = block[:block.index("        annotations:")]
    for found in re.finditer(r"(>=?) ([0-9.]+)$", block, re.M):
        for number in numbers_near(found[2]):
            yield (f"{found[0]} becomes {number}", block,
                   block[:found.start(2)] + number + block[found.end(2):])
    for found in re.finditer(r"for: (\d+)m", block):
        for minutes in (int(found[1]) + 1, int(found[1]) - 1):
            yield f"for {minutes}m", block, block.replace(found[0], f"for: {minutes}m")
    if rule.startswith("Kafka"):
        yield "sum", block, block.replace("max by", "sum by")


MISTAKES = [(case, what, block, wrong) for case in CASES
            for what, block, wrong in mistakes(case.alert)]


@pytest.mark.parametrize("case, block, wrong",
                         [(case, block, wrong) for case, _, block, wrong in MISTAKES],
                         ids=[f"{case.alert}, {what}" for case, what, _, _ in MISTAKES])
def test_a_mistake_is_noticed(case, block, wrong, tmp_path):
    assert TEXT.count(block) == 1
    assert judge(tmp_path, case, TEXT.replace(block, wrong)).returncode != 0


# ---- what the rules speak of ---------------------------------------------------------------------


def known_metrics():
    """name -> labels, of `rowan metrics --list`."""
    found = {}
    for line in output(BUILD / "src/cli/rowan", "metrics", "--list").splitlines()[2:]:
        name, kind, labels = [cell.strip(" `") for cell in line.split("|")[1:4]]
        names = [name] if kind != "histogram" else [name + end for end in
                                                    ("_bucket", "_sum", "_count")]
        found |= {each: set(re.findall(r"\w+", labels)) for each in names}
    return found


def selectors(rule):
    """(metric, labels that it is selected by)"""
    for name, labels in re.findall(r"\b([a-z_]+)\{([^}]*)\}", rule["expr"]):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!=|=)", labels))


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_speaks_of_metrics_that_exist(alert):
    known = known_metrics()
    found = list(selectors(ALERTS[alert]))
    assert found
    for name, labels in found:
        assert name in known or name in FOREIGN, name
        assert labels <= known.get(name, set()) | TARGET_LABELS, (name, labels)
        if name.startswith("kube_"):
            continue
        assert "job" in labels, f"{name}: of any service"
    for names in re.findall(r"(?:by|on) \(([^)]*)\)", ALERTS[alert]["expr"]):
        grouped = {name.strip() for name in names.split(",")}
        assert grouped <= set().union(TARGET_LABELS, *(known.get(n, set()) for n, _ in found))


def equalities(rule):
    """(metric, {label: value}) of its selectors; a pattern counts as any value."""
    for name, matchers in re.findall(r"\b([a-z_]+)\{([^}]*)\}", rule["expr"]):
        yield name, {label: value for label, value in re.findall(r'(\w+)="([^"]*)"', matchers)
                     if label not in TARGET_LABELS}


def test_a_real_server_shows_what_the_alerts_select(place):
    """Every series about HTTP and models, by its very label values."""
    golden = (ROOT / "models/fraud/golden.jsonl").read_text().splitlines()[0]
    with Server(place / "nginx") as server:
        assert server.predict(json.loads(golden)["request"]).status_code == 200
        page = scrape(server)
    wanted = [(name, labels) for rule in ALERTS.values() for name, labels in equalities(rule)
              if name not in FOREIGN and not name.startswith("kafka_")]
    assert len(wanted) >= 9
    for name, labels in wanted:
        assert page.series(name, **labels), (name, labels)


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_says_how_bad_and_what(alert):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}


def test_the_admin_is_told_when_the_hpa_is_at_its_end():
    rule = ALERTS["AdminNotification_MaxScaleHighCPU"]
    hpa = manifests("base").one("HorizontalPodAutoscaler")["spec"]
    assert rule["labels"]["notify"] == "admin"
    assert int(re.search(r">= (\d+)", rule["expr"])[1]) == hpa["maxReplicas"]
    cpu_target = hpa["metrics"][0]["resource"]["target"]["averageUtilization"]
    assert re.search(r"> ([0-9.]+)$", rule["expr"], re.M)[1] == f"{cpu_target / 100:g}"


def test_the_job_is_the_name_of_the_service():
    jobs = set(re.findall(r'job="([^"]*)"', TEXT))
    assert jobs == {manifests("base").one("Service")["metadata"]["name"]}
