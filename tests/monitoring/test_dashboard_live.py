"""Every query of the dashboard, asked of a real Prometheus that has scraped the real service under
traffic, a real rowan-stream on a real broker, a real rowan-sync, and a real Pushgateway. Of a
cluster, which is not here, a declared page stands in: declared_cluster.py."""

import json
import re
import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml

import panels
from declared_cluster import DeclaredCluster
from follower import Follower
from hostile_registry import HostileRegistry
from kafka import Cluster
from model_directories import FRAUD, make_broken, make_second_version
from pipeline import Pipeline
from prometheus import Prometheus, static_job
from records import flat, golden, message
from retraining_run import Pushgateway, push
from score_history import back_fill
from server import NO_LIMITS, PATIENCE, Server, eventually, replace_link
from traffic import Traffic
from vocabulary import ELSEWHERE, RULES, recorded

NAMESPACE = "mlops-tasks10"
JOB = "tasks10-ml-service"
MODEL = "fraud"
# One with both containers and the limits of a client, one that is asked and gets a new model.
BOTH, OTHER = (f"{JOB}-api-5d8f9c7b6d-{name}" for name in ("aaaaa", "bbbbb"))
EVERY = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "2s"}
MINUTES = 4 * 60  # seconds until what must come counts as absent; no measure of speed
BAD = (b"{", "invalid_json")


def soon(condition):
    """The first true value of `condition`, or its last one; it asks Prometheus much."""
    deadline = time.monotonic() + MINUTES
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(2)
    return value


def rules(folder):
    """Those of the repository; groups that are evaluated every few minutes are not waited for."""
    copies = []
    for file in sorted(RULES.glob("*.yaml")):
        document = yaml.safe_load(file.read_text())
        for group in document["groups"]:
            group.pop("interval", None)
        copies.append(folder / file.name)
        copies[-1].write_text(yaml.safe_dump(document))
    return [str(copy) for copy in copies]


def rules_of_others(folder):
    """Another service of the namespace has an alert of the same name as one of ours."""
    file = folder / "of-others.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "of-others", "rules": [
        {"alert": "TargetDown", "expr": "vector(1)",
         "labels": {"namespace": NAMESPACE, "severity": "warning", "of": "others"}}]}]}))
    return str(file)


def pod(name, server):
    labels = {"namespace": NAMESPACE, "pod": name, "service": JOB, "container": "api"}
    return static_job(JOB, f"127.0.0.1:{server.port}", **labels)["static_configs"][0]


class World:
    """Two pods, a broker, a Pushgateway, the page of a cluster, and who scrapes them."""

    def __init__(self, folder, running):
        self.folder = folder
        self.broker = running.enter_context(Cluster(folder / "broker"))
        self.pipeline = Pipeline(self.broker, folder / "pipeline")
        running.callback(self.pipeline.close)
        self.stream = self.pipeline.stream(replica=BOTH, files=None)
        self.stream.metrics_dir.chmod(0o755)
        running.enter_context(self.stream)
        self.link = folder / "model"
        self.link.symlink_to(FRAUD)
        self.both = running.enter_context(Server(
            folder / "both", METRICS_DIR=self.stream.metrics_dir, RATE_LIMIT=1, SHED_TARGET=5))
        self.other = running.enter_context(Server(folder / "other", MODEL_DIR=self.link,
                                                  **NO_LIMITS))
        self.follow(running, "champion")
        # Its files are not those that were registered.
        wrong = {name: "0" * 64 for name in ("model.ubj", "contract.json", "golden.jsonl")}
        self.follow(running, "challenger", **{"rowan.sha256": json.dumps(wrong)})
        self.gateway = running.enter_context(Pushgateway(folder))
        push(self.gateway, MODEL)
        self.cluster = running.enter_context(DeclaredCluster(NAMESPACE, (BOTH, OTHER), 4))
        self.rule_files = [*rules(folder), rules_of_others(folder)]
        self.prometheus = Prometheus(folder, self.configuration())
        back_fill(self.prometheus, job=JOB, namespace=NAMESPACE, pod=f"{JOB}-api-of-last-week",
                  model=MODEL, model_version="1.0.0")
        running.enter_context(self.prometheus)
        self.traffic = Traffic(self.other, [row["request"] for row in golden()], 8)
        running.callback(self.traffic.close)

    def follow(self, running, alias, **tags):
        """A rowan-sync in the pod with both containers, and the registry that it asks."""
        registry = running.enter_context(HostileRegistry(FRAUD))
        registry.tags = tags
        follower = Follower(self.folder / alias, {"MLFLOW_TRACKING_URI": registry.url},
                            MLFLOW_MODEL_ALIAS=alias, METRICS_DIR=self.stream.metrics_dir)
        running.enter_context(follower.following())

    def configuration(self):
        declared = f"127.0.0.1:{self.cluster.port}"
        return {"global": EVERY, "rule_files": self.rule_files, "scrape_configs": [
            {"job_name": JOB, "static_configs": [pod(BOTH, self.both), pod(OTHER, self.other)]},
            {**static_job("declared-cluster", declared), "honor_labels": True},
            {**static_job("pushgateway", self.gateway.address), "honor_labels": True}]}

    def ask(self, path, **parameters):
        return httpx.get(self.prometheus.url + path, params=parameters, timeout=PATIENCE).json()

    def number(self, query):
        """The value of a query without labels; 0 if it has none."""
        return self.prometheus.query(query)[()]

    # ---- what happens in it ---------------------------------------------------------------------
    def some_traffic(self, name):
        """Over HTTP with every kind of fault, refused by a limit, and through Kafka."""
        self.traffic.run(80)
        for row in golden()[:20]:
            assert self.both.predict(row["request"]).status_code in (200, 429)
        now = round(time.time() * 1000)
        self.pipeline.produce(
            message(number, BAD[0] if number % 10 == 0 else flat, name, timestamp=now,
                    reason=BAD[1] if number % 10 == 0 else None) for number in range(200))
        self.pipeline.wait()

    def scraped(self):
        """Until each target has been scraped from now on."""
        now = self.number("vector(time())")
        assert eventually(lambda: self.number(f"count(timestamp(up) > {now})") == 4)

    def counted(self, query, least=1):
        assert soon(lambda: self.number(query) >= least), query

    def live(self):
        assert eventually(lambda: self.number("sum(up)") == 4)
        self.some_traffic("first")
        self.scraped()
        self.cluster.roll_out()
        replace_link(self.link, make_second_version(self.folder / "second"))
        self.counted(f'sum(ml_model_loads_total{{pod="{OTHER}",outcome="loaded"}})', 2)
        self.some_traffic("second")
        self.scraped()
        broken, _ = make_broken("golden row that differs", self.folder / "broken")
        replace_link(self.link, broken)
        self.counted(f'sum(ml_model_loads_total{{pod="{OTHER}",outcome="refused"}})')
        with self.broker.away():
            self.counted("sum(kafka_client_errors_total)")
        self.stream.wait_until_ready()
        self.some_traffic("third")
        self.cluster.scale(5)
        self.scraped()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashboard")
    for part in (folder, folder.parent):
        part.chmod(0o755)
    with ExitStack() as running:
        made = World(folder, running)
        made.live()
        yield made
    shutil.rmtree(folder)


# ---- nothing is empty ---------------------------------------------------------------------------

def test_no_panel_is_empty(world):
    soon(lambda: not panels.empty_panels(world.ask))
    assert panels.empty_panels(world.ask) == []


def test_no_panel_is_empty_when_all_is_chosen_by_name(world):
    offered = panels.offered(world.ask)
    assert offered == {"namespace": [NAMESPACE], "pod": [BOTH, OTHER], "model": [MODEL]}
    chosen = {name: f"({'|'.join(values)})" for name, values in offered.items()}
    soon(lambda: not panels.empty_panels(world.ask, chosen))
    assert panels.empty_panels(world.ask, chosen) == []


def test_every_event_happened(world):
    soon(lambda: not panels.empty_annotations(world.ask))
    assert panels.empty_annotations(world.ask) == []


# ---- what is chosen is what is shown ------------------------------------------------------------

def test_another_namespace_shows_nothing_but_the_retraining(world):
    """Every panel heeds the variable; who retrains is in no namespace, nor are some alerts."""
    nothing = panels.everything() | {"namespace": "another"}
    full = {panel["title"] for panel in panels.panels()} - \
        {title for title, *_ in panels.empty_panels(world.ask, nothing)}
    titles = [panel["title"] for panel in panels.dashboard()["panels"]]
    assert full - {"Alerts that fire"} == set(titles[titles.index("Retraining") + 1:])


def test_a_pod_that_is_chosen_is_the_only_one_shown(world):
    shown, of_one = (pods_shown(world, panels.everything() | chosen)
                     for chosen in ({}, {"pod": OTHER}))
    assert of_one == {title: {OTHER} for title, pods in shown.items() if OTHER in pods}
    assert of_one


def pods_shown(world, chosen):
    """{title of a panel: the pods that its series name}, of panels that name any."""
    shown = {}
    for panel in panels.panels():
        for target in panel["targets"]:
            query = panels.filled(target["expr"], chosen)
            for one in panels.result(world.ask("/api/v1/query", query=query))["result"]:
                if "pod" in one["metric"]:
                    shown.setdefault(panel["title"], set()).add(one["metric"]["pod"])
    return shown


def asked(world, panel):
    """(target, series) of each query of a panel, when everything is chosen."""
    for target in panel["targets"]:
        query = panels.filled(target["expr"], panels.everything())
        yield target, panels.result(world.ask("/api/v1/query", query=query))["result"]


def test_alerts_of_others_are_not_shown(world):
    theirs = 'ALERTS{alertname="TargetDown",of="others",alertstate="firing"}'
    assert soon(lambda: world.prometheus.get("query", query=theirs)["result"])
    panel, = [panel for panel in panels.panels() if panel["title"] == "Alerts that fire"]
    (_, shown), = asked(world, panel)
    names = {one["metric"]["alertname"] for one in shown}
    assert names and "TargetDown" not in names, shown


def test_lines_of_two_namespaces_can_be_told_apart(world):
    """A line of a pod has its name, and one of retraining no namespace."""
    unclear = {(panel["title"], target["legendFormat"])
               for panel in panels.panels() if panel["type"] == "timeseries"
               for target, series in asked(world, panel) for one in series
               if "namespace" in one["metric"] and "pod" not in one["metric"]
               and "{{namespace}}" not in target["legendFormat"]}
    assert unclear == set()


def test_the_age_of_what_is_told_is_that_of_the_stalest_pod(world):
    panel, = [panel for panel in panels.panels() if panel["title"] == "Age of what is told"]
    told = f'kafka_lag_timestamp_seconds{{job="{JOB}"}}'
    other = f'(label_replace({told} - 600, "pod", "stale", "pod", ".*") or {told})'
    query = panels.filled(panel["targets"][1]["expr"], panels.everything())
    stale = re.sub(r"kafka_lag_timestamp_seconds\{[^}]*\}", other, query)
    assert stale != query
    (one,) = panels.result(world.ask("/api/v1/query", query=stale))["result"]
    assert float(one["value"][1]) > 600


# ---- thresholds ---------------------------------------------------------------------------------

NUMBER = r"(\([\d.e*/+ -]+\)|[\d.]+(?:e-?\d+)?(?: [*/+-] [\d.]+(?:e-?\d+)?)*)"
COMPARED = re.compile(rf"[<>]=? *{NUMBER}")


def numbers_of_alerts(world):
    """{alert: the numbers that it compares with}, of the rules as Prometheus reads them."""
    found = {}
    for group in world.ask("/api/v1/rules", type="alert")["data"]["groups"]:
        for rule in group["rules"]:
            found[rule["name"]] = {float(world.ask("/api/v1/query", query=f"vector({text})")
                                         ["data"]["result"][0]["value"][1])
                                   for text in COMPARED.findall(rule["query"])}
    return found


def drawn(panel):
    thresholds = panel["fieldConfig"]["defaults"].get("thresholds", {})
    return {step["value"] for step in thresholds.get("steps", []) if step["value"] is not None}


DRAWN = {
    "Share of fraud": "HighFraudRate",
    "Shift of the scores": "PredictionDistributionShift",
    "Share of predictions that fail": "HighErrorRate",
    "Time of an answer": "SlowResponseTime",
    "Refused by guard": "FloodShedding",
    "CPU of each pod, of its request": "AdminNotification_MaxScaleHighCPU",
    "CPU of all pods, of their requests": "HighCPUUsage",
    "Memory of each container, of its limit": "HighMemoryUsage",
    "Restarts": "PodCrashLooping",
    "Messages that wait": "KafkaQueueHigh",
    "Lag of each partition": "KafkaConsumerLagHigh",
    "Share of dead letters": "KafkaDeadLettersHigh",
}


@pytest.mark.parametrize("title", DRAWN)
def test_a_threshold_is_the_alerts(world, title):
    panel, = [panel for panel in panels.panels() if panel["title"] == title]
    line, = drawn(panel)
    assert line in numbers_of_alerts(world)[DRAWN[title]]
    assert panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"] == "dashed"


@pytest.mark.parametrize("kind, budget", [("Availability", 0.001), ("Latency", 0.01)])
def test_burn_rates_are_the_alerts_multiples_of_the_budget(world, kind, budget):
    alerts = numbers_of_alerts(world)
    # Shares: a number of requests is compared, too, and has no line here.
    wanted = {number for name in ("Fast", "Slow") for number in alerts[f"{kind}BudgetBurn{name}"]
              if number < 1}
    panel, = [panel for panel in panels.panels()
              if any(f"{kind}BudgetBurnFast" in link["title"] for link in panel.get("links", []))]
    assert sorted(drawn(panel)) == pytest.approx(sorted(one / budget for one in wanted))


def test_replicas_are_marked_where_the_hpa_stops():
    panel, = [panel for panel in panels.panels() if panel["title"] == "Replicas"]
    assert drawn(panel) == {4, 6}


# ---- what stands in for a cluster ---------------------------------------------------------------

def test_the_page_of_a_cluster_says_what_is_declared():
    declared = yaml.safe_load(ELSEWHERE.read_text())
    declared = declared["kube-state-metrics"] | declared["cadvisor"]
    told = {}
    for name, labels, _ in DeclaredCluster("n", ["p"], 4).samples():
        told.setdefault(name, set()).update(labels)
    assert told == {name: set(labels) for name, labels in declared.items()}


def test_prometheus_has_read_every_rule(world):
    groups = world.ask("/api/v1/rules")["data"]["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
    assert set(recorded()) == {rule["name"] for group in groups for rule in group["rules"]
                               if rule["type"] == "recording"}
    assert Path(groups[0]["file"]).parent == world.folder
