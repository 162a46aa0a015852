"""The metrics of others that rules and dashboards read are there, by the labels declared for them;
and what is recorded from them agrees with what the API says."""

import json
import re

import yaml

import metrics_server
import prometheus
import service
from kube import kubectl
from place import ROOT, eventually
from table import check

DECLARED = ROOT / "monitoring/metrics-elsewhere.yaml"
SECTIONS = ("kube-state-metrics", "cadvisor")
# Told only while, or after, a container falls: check_alerts.py lets one fall, and looks for them.
OF_FALLEN_CONTAINERS = {
    "kube_pod_container_status_waiting_reason", "kube_pod_container_status_last_terminated_reason"}
UNITS = {"": 1, "m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
MEMORY_TOLERANCE = 0.1  # of the API's figure: the two are not taken at the same moment


def declared():
    """name -> labels, of the sections that a cluster has."""
    everything = yaml.safe_load(DECLARED.read_text())
    return {name: set(labels) for section in SECTIONS
            for name, labels in everything[section].items()}


def lacks(name, labels):
    """What is wrong with a metric in Prometheus; empty when some series has all of its labels."""
    found = [series for series, _ in
             prometheus.query(f'{name}{{namespace="{service.NAMESPACE}"}}')]
    if not found:
        return f"{name}: no series"
    missing = min((labels - set(series) for series in found), key=len)
    return f"{name}: no {', '.join(sorted(missing))}" if missing else ""


@check("metrics of kube-state-metrics and cAdvisor",
       f"every one of {DECLARED.name}, by its labels; {len(OF_FALLEN_CONTAINERS)} wait for a "
       "container that falls")
def metrics_there():
    wanted = {name: labels for name, labels in declared().items()
              if name not in OF_FALLEN_CONTAINERS}

    def complaints():
        return [text for name, labels in wanted.items() if (text := lacks(name, labels))]
    eventually(lambda: not complaints())
    found = complaints()
    seen = f"{len(wanted) - len(found)} of {len(wanted)}"
    return (not found and len(declared()) == len(wanted) + len(OF_FALLEN_CONTAINERS),
            "; ".join([seen, *found]))


@check("recorded CPU of each pod, over its request", "a value for each of 4 pods, and no other")
def cpu_of_each_pod():
    service.wait_until_settled()
    wanted = {pod["metadata"]["name"] for pod in service.ready_pods()}

    def recorded():
        return {labels["pod"]: ratio for labels, ratio in
                prometheus.query("namespace_pod:cpu_request:ratio_rate2m")}
    eventually(lambda: set(recorded()) == wanted)
    found = recorded()
    return (set(found) == wanted and len(wanted) == service.REPLICAS_MIN,
            ", ".join(f"{found[pod]:.1%}" for pod in sorted(found)))


def quantity(text):
    """A number of Kubernetes, such as "64Mi"."""
    number, unit = re.fullmatch(r"(\d+)(\w*)", text).groups()
    return int(number) * UNITS[unit]


def working_sets():
    """(pod, container) -> bytes, of the metrics API, from which the HPA has its figures."""
    told = json.loads(kubectl(
        "get", "--raw", f"/apis/metrics.k8s.io/v1beta1/namespaces/{service.NAMESPACE}/pods").stdout)
    return {(pod["metadata"]["name"], one["name"]): quantity(one["usage"]["memory"])
            for pod in told["items"] for one in pod["containers"]}


def memory_limits():
    """(pod, container) -> bytes."""
    return {(pod["metadata"]["name"], one["name"]): quantity(one["resources"]["limits"]["memory"])
            for pod in service.ready_pods() for one in pod["spec"]["containers"]}


@check("recorded memory of each container, over its limit",
       f"as the metrics API has it, within {MEMORY_TOLERANCE:.0%}; of 4 containers and no other")
def memory_recorded():
    metrics_server.wait_for_figures(service.NAMESPACE)
    service.wait_until_settled()
    limits = memory_limits()

    def recorded():
        return {(labels["pod"], labels["container"]): ratio * limits.get(
                    (labels["pod"], labels["container"]), 0) for labels, ratio in
                prometheus.query("namespace_pod_container:memory_limit:ratio")}

    def agree():
        ours, theirs = recorded(), working_sets()
        return (set(ours) == set(theirs) == set(limits)
                and all(abs(ours[one] / theirs[one] - 1) < MEMORY_TOLERANCE for one in ours))
    agreed = eventually(agree)
    ours, theirs = recorded(), working_sets()
    pairs = [f"{ours[one] / 2**20:.1f} and {theirs.get(one, 0) / 2**20:.1f} MiB"
             for one in sorted(ours)]
    return agreed and len(limits) == service.REPLICAS_MIN, ", ".join(pairs)
