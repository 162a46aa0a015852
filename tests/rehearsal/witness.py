"""Looks at the system from outside while a rehearsal is played: replicas as the API server tells
each change of them, everything else as the cluster's own Prometheus has it."""

import math
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import httpx

import broker
import prometheus
import service
from kube import ENVIRONMENT
from looks import SAMPLE_SECONDS, Looks
from place import Failed

LOOK_PATIENCE = 3  # seconds for an answer: a look must not delay the next one
WATCH_PAUSE = 1    # seconds before a watch that ended is begun again

POD = f'namespace="{service.NAMESPACE}",pod=~"{service.DEPLOYMENT}-.+"'
JOB = f'job="{service.SERVICE}"'
PREDICT = f'{JOB},endpoint="/predict"'
# The kubelet is scraped every 10 s and the pods every 15 s: both windows hold two scrapes for sure.
CPU_WINDOW = "30s"
WINDOW = "45s"
# Each pod tells of the whole topic; one whose broker does not answer keeps its last numbers.
BROKER_ANSWERS = f"and on (namespace, instance) kafka_broker_up{{{JOB}}} == 1"

# Figure -> expression; one with a value for each of several things is keyed by a label (KEYS).
# ml_model_predictions_total counts both ways in: what came by Kafka was produced to a topic.
EXPRESSIONS = {
    "cpu": "sum by (pod) (max by (pod, container) (rate(container_cpu_usage_seconds_total{"
           f'{POD},container!=""}}[{CPU_WINDOW}])))',
    "requests_per_s": 'sum by (class) (label_replace(rate(http_requests_total{'
                      f'{PREDICT}}}[{WINDOW}]), "class", "${{1}}xx", "status_code", "(.).."))',
    "p99_s": "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{"
             f"{PREDICT}}}[{WINDOW}])))",
    "predictions_per_s": f"clamp_min(sum(rate(ml_model_predictions_total{{{JOB}}}[{WINDOW}])) - "
                         "(sum(rate(kafka_messages_produced_total{"
                         f'{JOB},topic="{broker.TOPICS[1]}"}}[{WINDOW}])) or vector(0)), 0)',
    "consumed_per_s": f"sum(rate(kafka_messages_consumed_total{{{JOB}}}[{WINDOW}]))",
    "queue": f"max(kafka_queue_length{{{JOB}}} {BROKER_ANSWERS})",
    "lag": f"max(kafka_consumer_lag{{{JOB}}} {BROKER_ANSWERS})",
    "hpa_percent": "max(kube_horizontalpodautoscaler_status_target_metric{"
                   f'namespace="{service.NAMESPACE}",metric_name="cpu",'
                   'metric_target_type="utilization"})',
    "alerts": f'max by (alertname) (ALERTS{{service="{service.SERVICE}",alertstate="firing"}})',
}
KEYS = {"cpu": "pod", "requests_per_s": "class", "alerts": "alertname"}
FIGURE = "figure"
# All of them in one query: a look costs Prometheus and this machine one request.
QUERY = " or ".join(f'label_replace({expression}, "{FIGURE}", "{name}", "", "")'
                    for name, expression in EXPRESSIONS.items())
NOTHING = dict.fromkeys(EXPRESSIONS)

WATCH = ("kubectl", "get", "deployment", service.DEPLOYMENT, "-n", service.NAMESPACE, "--watch",
         "-o", r'jsonpath={.spec.replicas} {.status.readyReplicas}{"\n"}')


def figures(rows):
    """The figures of one answer: [(labels, value)] -> figure -> value, or key -> value."""
    told = {**NOTHING, **{name: {} for name in KEYS}}
    for labels, value in rows:
        if not math.isfinite(value):  # a quantile of no request
            continue
        name = labels[FIGURE]
        if name in KEYS:
            told[name][labels[KEYS[name]]] = value
        else:
            told[name] = value
    told["alerts"] = sorted(told["alerts"])
    return told


class Asker:
    """Prometheus, by one kept connection. Its address is looked up again when it is silent."""

    def __init__(self):
        self.client = httpx.Client(timeout=LOOK_PATIENCE)
        self.address = None

    def ask(self):
        """The figures, each None when nobody answers."""
        try:
            self.address = self.address or prometheus.address()
            told = self.client.post(f"{self.address}/api/v1/query", data={"query": QUERY}).json()
            rows = told["data"]["result"]
        except (httpx.HTTPError, Failed, KeyError, TypeError, ValueError):
            self.address = None
            return dict(NOTHING)
        return figures([(row["metric"], float(row["value"][1])) for row in rows])


class Processors:
    """How busy this machine was between two looks."""

    def __init__(self):
        self.before = self.counts()

    @staticmethod
    def counts():
        """(busy, all) in ticks. Guests are counted in user time already."""
        ticks = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
        idle = ticks[3] + ticks[4]  # and waiting for a disk
        return sum(ticks) - idle, sum(ticks)

    def percent(self):
        (busy, total), now = self.before, self.counts()
        self.before = now
        return 100 * (now[0] - busy) / (now[1] - total) if now[1] > total else None


class Watch:
    """The Deployment's replicas, each change of them, from one long `kubectl get --watch`."""

    def __init__(self, changed):
        self.changed = changed   # called with (wanted, ready) at each event
        self.process = None
        self.heard = Event()     # of the first event
        self.stopped = Event()
        self.thread = Thread(target=self._run, name="watch", daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        self.stopped.set()
        with suppress(AttributeError):  # none was begun
            self.process.terminate()
        self.thread.join()

    def _run(self):
        """The API server ends each watch after some time: then there is a next one."""
        while not self.stopped.is_set():
            self.process = subprocess.Popen(WATCH, env=ENVIRONMENT, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL, text=True)
            if self.stopped.is_set():  # stop() has not seen this one
                self.process.terminate()
            for line in self.process.stdout:
                self._take(line)
            self.process.wait()
            self.changed(None, None)
            self.stopped.wait(WATCH_PAUSE)

    def _take(self, line):
        wanted, _, ready = line.rstrip("\n").partition(" ")
        if wanted:
            self.changed(int(wanted), int(ready or 0))
            self.heard.set()


class Witness(Looks):
    """From `with` to its end: a look every SAMPLE_SECONDS, and each change of the replicas."""

    def __enter__(self):
        self.replicas = (None, None)
        self.stopped = Event()
        self.asker, self.processors = Asker(), Processors()
        self.watch = Watch(self._replicas_changed)
        self.watch.start()
        self.thread = Thread(target=self._run, name="witness", daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        self.watch.stop()
        self.asker.client.close()

    def _replicas_changed(self, wanted, ready):
        self.replicas = (wanted, ready)
        if wanted is not None and self.replicas_seen[-1:] != [wanted]:
            self.replica_changes.append([time.time(), wanted])

    def _look(self):
        now = time.time()
        wanted, ready = self.replicas
        self.samples.append({"t": now, "replicas_wanted": wanted, "replicas_ready": ready,
                             **self.asker.ask(), "node_cpu_percent": self.processors.percent()})

    def _run(self):
        self.watch.heard.wait(LOOK_PATIENCE)  # else the first look would lack the replicas
        due = time.monotonic()
        while not self.stopped.wait(max(0, due - time.monotonic())):
            self._look()
            due = max(due + SAMPLE_SECONDS, time.monotonic())  # looks that were missed are none
