"""Act two: a flood over Kafka and HTTP at once that six small replicas cannot hold. The HPA ends at
its maximum, the administrator is told, the queue grows and drains, and real clients are served."""

import time

import alertmanager
import flood_findings
import prometheus
import service
from flood import NICELY, HttpFlood
from flood_findings import ADMINISTRATOR, MESSAGES, QUEUE, QUEUE_OVER
from flood_seen import Seen, known, restarts
from messages import Inbox
from place import eventually, wait_for

# Requests so small that the HPA has a reason on a busy node of 2 CPUs, and a limit of `stream` that
# a flood of this machine exceeds: a replica then scores some 2,500 messages a second. With 50m it
# is 5,000 and more, and six hold any flood.
TIGHT = {"api": {"requests": {"cpu": "20m"}},
         "stream": {"requests": {"cpu": "15m"}, "limits": {"cpu": "15m"}}}
# A probe of `stream` runs within that limit, and takes seconds.
SLOW_PROBE = {"timeoutSeconds": 30}
PROBES = service.deployment_patch(containers=[
    {"name": "stream", "startupProbe": SLOW_PROBE, "livenessProbe": SLOW_PROBE}])
# Real clients: 5 requests a second each, nobody asks again, and addresses of their own.
CLIENTS = {"fresh": 5, "keepalive": 5, "rate": 5, "tries": 1, "network": "198.51.100.0/24"}
KAFKA_RATE = 18000     # messages a second: more than six of those `stream` can score
VERIFY_PATIENCE = 600  # seconds for the queue to drain
MEMORY = 'max(max_over_time(namespace_pod_container:memory_limit:ratio{container="stream"}[%ds]))'


def kafka_flood(stage):
    test = stage.load_test("--rate", KAFKA_RATE, "--duration", stage.plan.flood_kafka_seconds,
                           "--verify-timeout", VERIFY_PATIENCE)
    test.command = [*NICELY, *test.command]
    return test


def hold(seen):
    """The flood over HTTP, until six replicas run and both messages have come."""
    def left():
        return seen.began + seen.stage.plan.flood_seconds_max - time.time()
    with HttpFlood(service.url("/predict"), service.request_file, left()) as seen.http:
        seen.six = seen.until(lambda: seen.replicas == service.REPLICAS_MAX, left())
        seen.stage.record.mark(f"{seen.replicas} replicas wanted")
        seen.until(lambda: seen.inbox.has(ADMINISTRATOR, QUEUE), left())
    seen.http_ended = time.time()
    seen.stage.record.mark("the flood over HTTP ends")


def flood(seen):
    """Both floods, to the load test's end: every message is answered, or its patience is over."""
    seen.began = time.time()
    seen.stage.record.mark("the flood begins")
    with kafka_flood(seen.stage) as seen.test:
        hold(seen)
        seen.until(lambda: seen.test.process.poll() is not None,
                   seen.stage.plan.flood_kafka_seconds + VERIFY_PATIENCE)
    seen.drained = time.time()
    seen.stage.record.mark("the load test has ended")
    seen.restarts = restarts()
    seen.memory = prometheus.value(MEMORY % (seen.drained - seen.began))


def settle(seen):
    """Until four replicas are left, the alerts are over, and the message says so."""
    patience = seen.stage.plan.settle_seconds
    seen.queue_empty = seen.until(lambda: prometheus.value("max(kafka_queue_length)") == 0,
                                  patience)
    seen.until(lambda: seen.inbox.has(QUEUE_OVER), patience)
    seen.four = seen.until(lambda: seen.replicas == service.REPLICAS_MIN, patience)
    service.wait_until_settled()
    seen.until(lambda: not seen.go_on(), patience)
    seen.went_on, seen.ended = seen.go_on(), time.time()


def is_quiet():
    """Whether neither Prometheus nor Alertmanager has the alerts that are waited for. One that
    still fires would be told of again, whatever the flood does."""
    names = {message.alert for message in MESSAGES}
    return not names & prometheus.firing() and not any(map(alertmanager.receivers, names))


def perform(stage):
    """The act itself; what was seen, and the clients."""
    wait_for("the end of earlier alerts", lambda: known(is_quiet), stage.plan.settle_seconds)
    seen = Seen(stage, Inbox(stage.receivers, MESSAGES), prometheus.firing(), restarts())
    with stage.clients(**CLIENTS) as clients:
        time.sleep(stage.plan.baseline_seconds)
        flood(seen)
        settle(seen)
    return seen, clients


def play(stage):
    with stage.record.act("Act two: a flood that saturates"):
        try:
            stage.deploy("little CPU", TIGHT, [PROBES])
            found = perform(stage)
        except Exception:  # the next act begins with four replicas; Ctrl-C waits for nothing
            eventually(lambda: service.is_rolled_out() and len(service.pods())
                       == service.REPLICAS_MIN, stage.plan.settle_seconds)
            raise
        flood_findings.check(*found)
        flood_findings.note(*found)
