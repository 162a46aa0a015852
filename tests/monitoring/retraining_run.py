"""A run of the retraining as it tells a real Pushgateway: by prometheus_client, as the step report does."""

import time

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

from daemon import Daemon
from server import free_port

JOB = "ml-retraining"
SCORES = {"champion": {"auc_roc": 0.961, "average_precision": 0.672, "card_precision_100": 0.284},
          "challenger": {"auc_roc": 0.968, "average_precision": 0.701, "card_precision_100": 0.291}}


class Pushgateway(Daemon):
    def __init__(self, folder):
        self.log_path = folder / "pushgateway.log"
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        # Debian's keeps what was pushed in a file of the system unless told otherwise.
        self.command = ["prometheus-pushgateway", f"--web.listen-address={self.address}",
                        f"--persistence.file={folder}/pushgateway.data"]


def push(gateway, model):
    registry, gauges = CollectorRegistry(), {}

    def tell(name, value, **labels):
        if name not in gauges:
            gauges[name] = Gauge(name, name, list(labels), registry=registry)
        (gauges[name].labels(**labels) if labels else gauges[name]).set(value)

    now = time.time()
    tell("ml_retraining_last_run_timestamp_seconds", now)
    tell("ml_retraining_last_success_timestamp_seconds", now)
    tell("ml_retraining_duration_seconds", 412.5)
    for outcome in ("promoted", "refused", "failed", "rolled-back"):
        tell("ml_retraining_outcome", outcome == "promoted", outcome=outcome)
    for role, metrics in SCORES.items():
        for metric, value in metrics.items():
            tell("ml_retraining_score", value, role=role, metric=metric)
    for split, (rows, frauds) in {"train": (700_000, 5_900), "test": (100_000, 830)}.items():
        tell("ml_retraining_rows", rows, split=split)
        tell("ml_retraining_frauds", frauds, split=split)
    push_to_gateway(gateway.address, job=JOB, registry=registry, grouping_key={"model": model})
