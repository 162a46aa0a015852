"""Prometheus is killed, and starts again. It takes an alert's time up again only where the rule's
`for` is at least --rules.alert.for-grace-period (10 minutes): others are pending anew, and who
listens to Alertmanager hears nothing of it as long as that is shorter than four minutes."""

import os
import signal
import time
from itertools import pairwise

import httpx

import containers
import prometheus
import service
from faults import bad_model, look
from faults.scene import fault, is_played
from kube import get

CONTAINER = "prometheus"
UP = f'up{{service="{service.SERVICE}"}}'
LOOK_BACK = 120  # seconds of history around it
WATCHED = 30     # seconds that alerts are looked at once it is back


def pod():
    return get("pod", f"prometheus-{prometheus.NAME}-0", prometheus.NAMESPACE)


def restarts():
    return look.restarts(pod())[CONTAINER]


def answer(question):
    """None while Prometheus does not answer."""
    try:
        return question()
    except (httpx.HTTPError, ValueError, KeyError, AssertionError):
        return None


def names(state=None):
    """Alerts that fire, or are in any state; empty while Prometheus does not answer."""
    return {one["labels"]["alertname"] for one in answer(lambda: prometheus.alerts(None, state))
            or ()}


def pods_seen(since):
    """Pods that it has looked at since then."""
    return answer(lambda: prometheus.value(f"count(timestamp({UP} == 1) > {since})"))


def history():
    """Times at which each pod was looked at."""
    told = prometheus.ask("/api/v1/query", query=f"{UP}[{LOOK_BACK}s]").json()
    return [[at for at, _ in row["values"]] for row in told["data"]["result"]]


def told_since(stage, n_messages):
    """Names of alerts that the team was told of: that they fire, and not that they are over."""
    messages = stage.receivers.webhook.received[n_messages:]
    return {alert["labels"]["alertname"] for message in messages for alert in message["alerts"]
            if alert["status"] == "firing"}


def watch(seconds):
    """Alerts that fired within so many seconds, and those that were in any state."""
    fired, seen, until = set(), set(), time.monotonic() + seconds
    while time.monotonic() < until:
        fired |= names("firing")
        seen |= names()
        time.sleep(1)
    return fired, seen


def listed(found):
    return ", ".join(sorted(found)) or "none"


@fault("Prometheus is killed")
def killed_prometheus(scene):
    stage = scene.stage
    # Without one that fires there is nothing to lose.
    wanted = {bad_model.ALERT} if is_played(bad_model.NAME) else set()
    with scene.load():
        before, known, count = names("firing"), names(), restarts()
        n_messages = len(stage.receivers.webhook.received)
        pid = containers.main_pid(pod(), CONTAINER)
        scene.strike("Prometheus is killed")
        at = time.time()
        os.kill(pid, signal.SIGKILL)
        scene.until("the container's restart", lambda: restarts() > count)
        scene.until("figures of four pods", lambda: pods_seen(at) == service.REPLICAS_MIN)
        back = scene.since()
        scene.mark("Prometheus is back")
        fired, seen = watch(WATCHED)
        kept = history()
        scene.wait_until_whole()
    false = (fired | told_since(stage, n_messages)) - known
    gap = max((right - left for row in kept for left, right in pairwise(row)), default=0)
    scene.check("metrics", "it is started again, and has its history",
                len(kept) >= service.REPLICAS_MIN
                and all(row[0] < at < row[-1] for row in kept),
                f"back with figures of {len(kept)} pods after {back:.0f} s; {gap:.0f} s between "
                f"two samples at most")
    scene.check("alerts", f"those that fired ({listed(wanted)} at least) are there again; nobody "
                "is told of another",
                wanted <= before <= seen and not false,
                f"fired before: {listed(before)}; after {WATCHED} s: {listed(fired & before)} "
                f"fire, {listed(before & seen - fired)} pending; false: {listed(false)}")
    scene.tell(f"Prometheus is killed and back after {back:.0f} s; panels have a gap of {gap:.0f} "
               "s, alerts are there again, and no message is sent for it.")
