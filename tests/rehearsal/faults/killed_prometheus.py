"""Prometheus is killed, and starts again."""

import os
import signal
import time
from itertools import pairwise

import httpx

import containers
import prometheus
import service
from faults.scene import fault
from kube import get

CONTAINER = "prometheus"
UP = f'up{{service="{service.SERVICE}"}}'
LOOK_BACK = 120  # seconds of history around it
WATCHED = 30     # seconds that alerts are looked at once it is back


def pod():
    return get("pod", f"prometheus-{prometheus.NAME}-0", prometheus.NAMESPACE)


def restarts():
    return next(one["restartCount"] for one in pod()["status"]["containerStatuses"]
                if one["name"] == CONTAINER)


def active():
    """Names of alerts that are pending or fire; None while Prometheus does not answer."""
    try:
        return {one["labels"]["alertname"] for one in prometheus.alerts()}
    except (httpx.HTTPError, ValueError, KeyError):
        return None


def pods_up():
    """Pods of which it has figures that are not old."""
    try:
        return prometheus.value(f"count({UP} == 1)")
    except (httpx.HTTPError, ValueError, KeyError, AssertionError):
        return None


def history():
    """Times at which each pod was looked at."""
    told = prometheus.ask("/api/v1/query", query=f"{UP}[{LOOK_BACK}s]").json()
    return [[at for at, _ in row["values"]] for row in told["data"]["result"]]


def told_since(stage, n_messages):
    """Names of alerts that the team was told of."""
    messages = stage.receivers.webhook.received[n_messages:]
    return {alert["labels"]["alertname"] for message in messages for alert in message["alerts"]}


def watch(seconds):
    """All alerts that were pending or fired within so many seconds."""
    seen, until = set(), time.monotonic() + seconds
    while time.monotonic() < until:
        seen |= active() or set()
        time.sleep(1)
    return seen


@fault("Prometheus is killed")
def killed_prometheus(scene):
    stage = scene.stage
    with scene.load():
        before, count = active(), restarts()
        n_messages = len(stage.receivers.webhook.received)
        pid = containers.main_pid(pod(), CONTAINER)
        scene.strike("Prometheus is killed")
        at = time.time()
        os.kill(pid, signal.SIGKILL)
        gone = scene.until("Prometheus that does not answer", lambda: active() is None)
        scene.until("the container's restart", lambda: restarts() > count)
        scene.until("figures of four pods", lambda: pods_up() == service.REPLICAS_MIN)
        back = scene.since()
        scene.mark("Prometheus is back")
        after = watch(WATCHED)
        kept = history()
        scene.wait_until_whole()
    new = told_since(stage, n_messages) - before
    gap = max((right - left for row in kept for left, right in pairwise(row)), default=0)
    scene.check("metrics", "away, back by itself, with its history",
                gone and len(kept) >= service.REPLICAS_MIN
                and all(row[0] < at < row[-1] for row in kept),
                f"back with figures of {len(kept)} pods after {back:.0f} s; {gap:.0f} s between "
                f"two samples at most")
    scene.check("alerts", "those that were there are there; none more, and nobody is told of one",
                before <= after and after <= before and not new,
                f"before: {', '.join(sorted(before)) or 'none'}; after: "
                f"{', '.join(sorted(after)) or 'none'}; told of others: "
                f"{', '.join(sorted(new)) or 'nobody'}")
    scene.tell(f"Prometheus is killed; panels have a gap of {gap:.0f} s, alerts that fired go on, "
               "and no message is sent for it.")
