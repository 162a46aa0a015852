"""Alerts about what the cluster says of the pods: a pod that crashes, and nobody who says anything.
Those of a load are in check_scaling.py, that of a service without pods in check_monitoring.py."""

import argocd
import kube_state_metrics
import prometheus
import service
from check_broken import Rollout, names
from check_metrics_elsewhere import OF_FALLEN_CONTAINERS, declared, lacks
from kube import kubectl
from place import eventually
from table import check

CRASHING = "PodCrashLooping"
BLIND = "ResourceMetricsMissing"
CRASH_PATIENCE = 660  # the alert looks back 10 minutes


def unknown():
    """What Prometheus does not know of a container that falls."""
    return [text for name in sorted(OF_FALLEN_CONTAINERS)
            if (text := lacks(name, declared()[name]))]


def crashing(rollout):
    """New pods of which the alert fires. Those before them may have been killed by a check."""
    new = names(rollout.new_pods())
    return {alert["labels"]["pod"] for alert in prometheus.alerts(CRASHING, "firing")} & new


@check("a pod that crashes again and again",
       f"{CRASHING} fires, and ends without the pod; the metrics about such containers are there")
def crash_loops():
    service.wait_until_settled()
    rollout = Rollout()
    with service.committed("a port that is none", config={"API_PORT": "eighty"}):
        argocd.refresh(service.APPLICATION)
        fired = eventually(lambda: crashing(rollout), CRASH_PATIENCE)
        eventually(lambda: not unknown())
        wrong = unknown()
    ended = bool(eventually(lambda: not fired & {alert["labels"]["pod"] for alert in
                                                 prometheus.alerts(CRASHING)}, CRASH_PATIENCE))
    return (bool(fired) and ended and not wrong, "; ".join(
        [f"{'fires' if fired else 'silent'}, {'ends' if ended else 'goes on'}",
         f"{len(OF_FALLEN_CONTAINERS) - len(wrong)} of {len(OF_FALLEN_CONTAINERS)} metrics",
         *wrong]))


def scale_exporter(replicas):
    kubectl("scale", "deployment", kube_state_metrics.NAME, f"--replicas={replicas}",
            "-n", kube_state_metrics.NAMESPACE)


def blind():
    """The metrics that an alert, pending or firing, calls missing."""
    return {alert["labels"]["metric"] for alert in prometheus.alerts(BLIND)}


@check("kube-state-metrics is taken away, and comes back",
       f"{BLIND}: inactive, pending, inactive; its 15 minutes are not waited for")
def blindness():
    eventually(lambda: not blind())
    before = blind()
    scale_exporter(0)
    try:
        eventually(blind)
        during = blind()
    finally:
        scale_exporter(1)
    ended = bool(eventually(lambda: not blind()))
    missing = {name.split("{")[0] for name in during}
    return (not before and bool(missing) and missing <= set(declared()) and ended,
            f"{', '.join(sorted(before)) or 'inactive'}, {', '.join(sorted(during)) or 'silent'}, "
            f"{'inactive' if ended else 'goes on'}")
