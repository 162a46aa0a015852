"""With Kafka: the second container of each pod scores the stream, each message exactly once."""

from functools import cache

import broker
import prometheus
import service
from kube import delete
from place import eventually, wait_for
from table import check

COUNT = 6000  # transactions of a run
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
    victim = with_stream()[0]["metadata"]["name"]
    with broker.LoadTest("--rate", RATE, "--count", COUNT) as load:
        delete("pod", victim, service.NAMESPACE)
        gone = load.process.poll() is None
    service.wait_until_settled()
    passed, seen = verdict(load)
    return passed and gone, f"{seen}; {'pod gone before the end' if gone else 'pod gone too late'}"
