"""What a pod tells of itself, asked of the pod and not of Prometheus."""

import os

import httpx
from prometheus_client.parser import text_string_to_metric_families

import containers

PORT = 8000
PATIENCE = 5
LINK = "run/models/champion"  # MODEL_DIR of argocd/manifests/registry
SHIPPED = "/models/fraud"     # SYNC_FALLBACK of it


def name(pod):
    return pod["metadata"]["name"]


def uid(pod):
    return pod["metadata"]["uid"]


def address(pod):
    return pod["status"].get("podIP")


def restarts(pod):
    """{container: how often it was started again}"""
    return {one["name"]: one["restartCount"]
            for one in pod["status"].get("containerStatuses") or ()}


def ended(pod):
    """{container: what ended the one before it}, such as "OOMKilled, exit code 137"."""
    return {one["name"]: f"{last.get('reason', 'ended')}, exit code {last['exitCode']}"
            for one in pod["status"].get("containerStatuses") or ()
            if (last := (one.get("lastState") or {}).get("terminated"))}


def samples(pod, metric):
    """[(labels, value)] of one metric on the pod's page; empty when it does not answer."""
    try:
        page = httpx.get(f"http://{address(pod)}:{PORT}/metrics", timeout=PATIENCE).text
    except httpx.TransportError:
        return []
    return [(sample.labels, sample.value) for family in text_string_to_metric_families(page)
            for sample in family.samples if sample.name == metric]


def figure(pod, metric, **labels):
    """The sum of a metric's samples that have these labels; 0 without any."""
    return sum(value for found, value in samples(pod, metric)
               if labels.items() <= found.items())


def served(pod):
    """Where the link leads that `api` and `stream` serve, inside of the pod; None without one."""
    pid = containers.main_pid(pod, "sync")
    try:
        return os.readlink(f"/proc/{pid}/root/{LINK}") if pid else None
    except OSError:
        return None
