"""The dashboard comes by Argo CD as Grafana's sidecar wants it, and each of its panels has data."""

import re
import sys

import httpx

import argocd
import broker
import prometheus
import service
from check_kafka import COUNT, RATE, kafka_is_on
from kube import get
from load import Load
from place import HERE, PATIENCE, ROOT, eventually
from table import check

sys.path.append(str(HERE.parent / "monitoring"))
import panels  # noqa: E402

# What the metrics of a query need that is not here.
ABSENT = {r"ml_retraining_": "a Pushgateway and a retraining",
          r"ml_model_sync_": "a registry of MLflow",
          r"fraud_probability_psi": "a week of scores",
          r"http_queue_delay_": "load shedding, which is off",
          r"kafka_client_errors_": "a broker that fails"}
CLIENTS = 2
BAD_REQUEST = b"{"


@check("ConfigMap of the dashboard",
       'label grafana_dashboard: "1", the file as it is in git; Synced Healthy')
def config_map():
    found = get("configmaps", namespace=service.NAMESPACE, selector="grafana_dashboard=1")
    texts = [text for one in found for text in one["data"].values()]
    wanted = service.REPOSITORY / panels.FILE.relative_to(ROOT)
    same = texts == [wanted.read_text()]
    state = argocd.state(service.APPLICATION)
    names = ", ".join(name for one in found for name in one["data"])
    return (same and state == "Synced Healthy",
            f"{names or 'none'}, {'the same' if same else 'another'}; {state}")


def asker():
    """The `ask` of panels.py."""
    at = prometheus.address()
    return lambda path, **parameters: prometheus.ask(path, at, **parameters).json()


def absent(query):
    """Why a query can have no data here; None when it must have some."""
    return next((why for metrics, why in ABSENT.items() if re.search(metrics, query)), None)


def empty_ones():
    """Queries without data, and no reason for that here: where they stand."""
    for _ in range(CLIENTS):
        httpx.post(service.url("/predict"), content=BAD_REQUEST, timeout=20)
    return [f"{title}, {letter}" for title, letter, query in panels.empty_panels(asker())
            if not absent(query)]


@check("every query of the dashboard's panels",
       f"data, but for those that need {', '.join(ABSENT.values())}")
def panels_have_data():
    kafka_is_on()
    with Load(service.url("/predict"), service.request_file(), service.ANSWER,
              keepalive=CLIENTS) as load, broker.LoadTest("--rate", RATE, "--count", COUNT):
        eventually(lambda: not empty_ones(), patience=2 * PATIENCE, every=5)
        found = empty_ones()
    queries = [panels.filled(target["expr"], panels.everything())
               for panel in panels.panels() for target in panel["targets"]]
    needed = [query for query in queries if not absent(query)]
    return (not found and load.failed == 0,
            "; ".join([f"{len(needed) - len(found)} of {len(needed)} have data, "
                       f"{len(queries) - len(needed)} others", *map("nothing: {}".format, found)]))
