"""With Kafka: the second container of each pod scores the stream, each message exactly once."""

import os
import re
import signal
from functools import cache

import httpx

import broker
import containers
import prometheus
import service
from check_failures import load as http_load, pod_called, restarted, state_of
from kube import delete, get
from place import eventually, wait_for
from table import check

COUNT = 6000  # transactions of a run
KILLS = 2     # Kubernetes waits longer before each restart
RATE = 300    # a second: a pod that is deleted goes away in the middle of them
CONSUMED = 'kafka_messages_consumed_total{service="%s"}' % service.SERVICE


@cache
def kafka_is_on():
    """Broker and topics, and a commit that takes the component argocd/manifests/kafka. It stays:
    these checks are the last."""
    service.wait_until_settled()
    address = broker.up()
    made = service.commit("Kafka", service.Wanted(
        components=["../../manifests/kafka"], config={"KAFKA_BOOTSTRAP_SERVERS": address}))
    service.wait_until_synced(made)
    wait_for("pods with `stream`", lambda: len(with_stream()) == service.REPLICAS_MIN)
    service.wait_until_settled()


def with_stream():
    return [pod for pod in service.ready_pods()
            if any(one["name"] == "stream" for one in pod["spec"]["containers"])]


def consumers():
    """Pods that have consumed something, as Prometheus knows."""
    return {labels["pod"] for labels, value in prometheus.query(CONSUMED) if value > 0}


def consumed_by(pod):
    """Messages, as its own page tells."""
    page = httpx.get(f"http://{pod['status']['podIP']}:8000/metrics", timeout=20).text
    return sum(float(value) for value in re.findall(
        r"^kafka_messages_consumed_total\{.*\} (\S+)$", page, re.MULTILINE))


def verdict(load):
    """Whether kafka-load-test found each transaction answered once, and its own words."""
    lines = [" ".join(line.split()) for line in load.said.splitlines()
             if line.strip().startswith(("answered once", "otherwise"))]
    return load.status == 0, f"status {load.status}: {'; '.join(lines) or load.said[-300:]}"


@check("kafka-load-test --verify through 4 pods", f"{COUNT} answered once, by all 4 pods")
def verified():
    kafka_is_on()
    with broker.LoadTest("--rate", RATE, "--count", COUNT) as load:
        pass
    passed, seen = verdict(load)
    names = {pod["metadata"]["name"] for pod in with_stream()}
    eventually(lambda: consumers() >= names)
    used = len(consumers() & names)
    return passed and used == service.REPLICAS_MIN, f"{seen}; {used} pods have consumed"


@check("the same, while a pod is deleted", f"{COUNT} answered once")
def verified_without_a_pod():
    kafka_is_on()
    victim = with_stream()[0]
    before = consumed_by(victim)
    with broker.LoadTest("--rate", RATE, "--count", COUNT) as load:
        wait_for("a message of this run", lambda: consumed_by(victim) > before)
        delete("pod", victim["metadata"]["name"], service.NAMESPACE)
        running = load.process.poll() is None
    gone = get("pod", victim["metadata"]["name"], service.NAMESPACE) is None
    service.wait_until_settled()
    passed, seen = verdict(load)
    return (passed and gone and running,
            f"{seen}; pod {'gone' if gone else 'there'}, load {'went on' if running else 'over'}")


@check("kill -9 of `stream`, twice, in one pod",
       f"it restarts; HTTP 0 failed for such clients; {COUNT} answered once")
def killed_stream():
    kafka_is_on()
    name = with_stream()[0]["metadata"]["name"]
    restarts = state_of(name, "stream")["restartCount"]
    with http_load() as clients, broker.LoadTest("--rate", RATE, "--count", COUNT) as load:
        for number in range(KILLS):
            os.kill(containers.main_pid(pod_called(name), "stream"), signal.SIGKILL)
            wait_for("the restart", lambda number=number: restarted(
                name, restarts + number, "stream"))
    service.wait_until_settled()
    passed, seen = verdict(load)
    return (passed and clients.failed == 0,
            f"{state_of(name, 'stream')['restartCount'] - restarts} restarts; "
            f"{clients.describe()}; {seen}")
