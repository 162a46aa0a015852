"""Pods and containers that are killed come back, and a client that asks again sees none of it."""

import os
import signal

import containers
import memory
import service
from kube import delete, get
from load import Load
from place import wait_for
from table import check

TRIES = 8  # of a careful client


def load():
    return Load(service.url("/predict"), service.request_file(), service.ANSWER, fresh=4,
                keepalive=4, tries=TRIES)


def pod_called(name):
    return get("pod", name, service.NAMESPACE)


def state_of(name, container="api"):
    found = pod_called(name)
    return next(one for one in found["status"]["containerStatuses"] if one["name"] == container)


def restarted(name, restarts, container="api"):
    """What ended the container, once it is ready again."""
    now = state_of(name, container)
    if now["restartCount"] <= restarts or not now["ready"]:
        return None
    return now["lastState"]["terminated"]


@check("a pod is deleted", "another one takes its place; 0 failed for clients that ask again")
def deleted_pod():
    service.wait_until_settled()
    victim = service.ready_pods()[0]["metadata"]["name"]
    with load() as clients:
        delete("pod", victim, service.NAMESPACE)
        service.wait_until_settled()
    return clients.failed == 0 and not pod_called(victim), f"4 of 4 Ready; {clients.describe()}"


@check("a pod is deleted without grace", "another one takes its place; 0 failed for such clients")
def killed_pod():
    service.wait_until_settled()
    victim = service.ready_pods()[0]["metadata"]["name"]
    with load() as clients:
        delete("pod", victim, service.NAMESPACE, "--grace-period=0", "--force")
        service.wait_until_settled()
    return clients.failed == 0 and not pod_called(victim), f"4 of 4 Ready; {clients.describe()}"


@check("kill -9 of nginx's master in a pod", "the container restarts; 0 failed for such clients")
def killed_container():
    service.wait_until_settled()
    victim = service.ready_pods()[0]
    name = victim["metadata"]["name"]
    restarts = state_of(name)["restartCount"]
    with load() as clients:
        os.kill(containers.main_pid(victim, "api"), signal.SIGKILL)
        ended = wait_for("the restart", lambda: restarted(name, restarts))
        service.wait_until_settled()
    return (clients.failed == 0 and ended["exitCode"] == 137,
            f"exit code {ended['exitCode']}, restarted; {clients.describe()}")


@check("a container runs out of memory",
       "OOMKilled, the container restarts; 0 failed for such clients")
def out_of_memory():
    service.wait_until_settled()
    victim = service.ready_pods()[0]
    name = victim["metadata"]["name"]
    restarts = state_of(name)["restartCount"]
    with load() as clients:
        memory.exhaust(containers.main_pid(victim, "api"))
        ended = wait_for("the restart", lambda: restarted(name, restarts))
        service.wait_until_settled()
    return (clients.failed == 0 and ended["reason"] == "OOMKilled",
            f"{ended['reason']}, restarted; {clients.describe()}")
