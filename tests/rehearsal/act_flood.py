"""Act two: a flood over Kafka and HTTP at once that six small replicas cannot hold. The HPA ends at
its maximum, the administrator is told, the queue grows and drains, and real clients see nothing."""

import re
import signal
import time
from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

import prometheus
import service
from flood import NICELY, HttpFlood
from messages import MAIL, WEBHOOK, Inbox, Message
from place import eventually, wait_for

TITLE = "Act two: a flood that saturates"
# Of real clients: requests a second, each client 5, and addresses of their own.
CLIENTS = {"fresh": 5, "keepalive": 5, "rate": 5, "tries": 1, "network": "198.51.100.0/24"}
KAFKA_RATE = 20000
VERIFY_PATIENCE = 600  # seconds for the queue to drain
EVERY = 1              # seconds between two looks
SCALED_WITHIN = 120
QUEUE_HIGH = 1000      # KafkaQueueHigh's
SUCCESS = 0.999
P99_MAX = 0.25         # seconds: LatencyBudgetBurnFast's bound

ADMINISTRATOR = Message("administrator", "admin@example.com", "AdminNotification_MaxScaleHighCPU",
                        "critical")
QUEUE = Message("team", "team@example.com", "KafkaQueueHigh", "warning")
QUEUE_OVER = Message("team", "team@example.com", "KafkaQueueHigh", "warning", "resolved")
MESSAGES = (ADMINISTRATOR, QUEUE, QUEUE_OVER)

# Alerts that a flood explains, and whether each is right.
EXPLAINED = {
    "AdminNotification_MaxScaleHighCPU": "right: six replicas are all there may be, and busy",
    "KafkaQueueHigh": "right: the queue grows",
    "KafkaConsumerLagHigh": "right: partitions stayed behind",
    "ModelScaledToMax": "right: contained in the administrator's, and hidden behind it",
    "HighCPUUsage": "right: contained in the administrator's, and hidden behind it",
    "HPAScalingEvent": "right: for the record, nobody is woken",
    "FloodShedding": "right: requests are refused",
    "HighErrorRate": "right by its words, load that is shed (503) counts; only attackers got them",
    "AvailabilityBudgetBurnFast": "as HighErrorRate: the budget counts the attackers' 503",
    "AvailabilityBudgetBurnSlow": "as HighErrorRate: the budget counts the attackers' 503",
    "LatencyBudgetBurnFast": "right by its words: the attackers' requests wait, and count",
    "LatencyBudgetBurnSlow": "right by its words: the attackers' requests wait, and count",
    "SlowResponseTime": "right by its words: the attackers' requests wait, and count",
    "HighFraudRate": "right: the model calls what the attackers send fraud",
}
# They look back half an hour or more: a flood is in their windows longer than an act lasts.
LOOK_FAR_BACK = {"AvailabilityBudgetBurnFast", "AvailabilityBudgetBurnSlow", "HighFraudRate",
                 "LatencyBudgetBurnFast", "LatencyBudgetBurnSlow"}


def until(condition, inbox, patience):
    """Looks for messages until the condition is true, or the patience at its end; the time."""
    deadline = time.monotonic() + patience
    while not (true := condition()) and time.monotonic() < deadline:
        inbox.look()
        time.sleep(EVERY)
    inbox.look()
    return time.time() if true else None


def minutes(seconds):
    return "never" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def restarts():
    """(pod, container) -> how often it was started again, and what ended it last."""
    return {(pod["metadata"]["name"], one["name"]):
            (one["restartCount"], ((one.get("lastState") or {}).get("terminated") or {}).get("reason"))
            for pod in service.pods() for one in pod["status"].get("containerStatuses") or ()}


@contextmanager
def ended_on_error(load):
    """A load test that nobody waits for any more is ended, its wait for answers, too."""
    try:
        yield load
    except BaseException:
        for _ in range(2):
            load.process.send_signal(signal.SIGINT)
            time.sleep(EVERY)
        raise


def kafka_flood(stage):
    test = stage.load_test("--rate", KAFKA_RATE, "--duration", stage.plan.flood_kafka_seconds,
                           "--verify-timeout", VERIFY_PATIENCE)
    test.command = [*NICELY, *test.command]
    return test


def wanted_replicas(stage):
    return (stage.witness.replicas_seen or [None])[-1]


# ---- what happens ------------------------------------------------------------------------------


def hold(stage, inbox, seen):
    """The flood over HTTP, until six replicas run and both messages have come."""
    left = lambda: seen.began + stage.plan.flood_seconds_max - time.time()  # noqa: E731
    with HttpFlood(service.url("/predict"), service.request_file, left()) as seen.http:
        seen.six = until(lambda: wanted_replicas(stage) == service.REPLICAS_MAX, inbox, left())
        stage.record.mark("six replicas wanted")
        until(lambda: inbox.has(ADMINISTRATOR, QUEUE), inbox, left())
    seen.http_ended = time.time()
    stage.record.mark("the flood over HTTP ends")


def flood(stage, inbox, seen):
    """Both floods, to the moment at which every message is answered."""
    seen.began = time.time()
    stage.record.mark("the flood begins")
    with kafka_flood(stage) as seen.test, ended_on_error(seen.test):
        hold(stage, inbox, seen)
        patience = stage.plan.flood_kafka_seconds + VERIFY_PATIENCE
        until(lambda: seen.test.process.poll() is not None, inbox, patience)
    seen.drained = time.time()
    stage.record.mark("the queue is empty")
    seen.restarts = restarts()
    seen.memory = prometheus.value(
        "max(max_over_time(namespace_pod_container:memory_limit:ratio{container=\"stream\"}"
        f"[{int(seen.drained - seen.began)}s]))")


def settle(stage, inbox, seen):
    """Until four replicas are left, the alerts are over, and the message says so."""
    patience = stage.plan.settle_seconds
    seen.queue_empty = until(lambda: prometheus.value("max(kafka_queue_length)") == 0, inbox,
                             patience)
    until(lambda: inbox.has(QUEUE_OVER), inbox, patience)
    seen.four = until(lambda: wanted_replicas(stage) == service.REPLICAS_MIN, inbox, patience)
    service.wait_until_settled()
    until(lambda: not goes_on(stage, seen), inbox, patience)
    seen.goes_on, seen.ended = goes_on(stage, seen), time.time()


def fired(stage, seen):
    """Alert -> when it began to fire, of those that the flood brought."""
    return {name: t for name, t in stage.witness.firing(seen.began).items()
            if name not in seen.before}


def goes_on(stage, seen):
    """Alerts of the flood that should be over and are not."""
    return (set(fired(stage, seen)) & prometheus.firing()) - LOOK_FAR_BACK


def last_seen(stage, seen, name):
    return max(sample["t"] for sample in stage.witness.since(seen.began)
               if name in (sample["alerts"] or ()))


# ---- what must be ------------------------------------------------------------------------------


def check_scaling(stage, seen):
    steps = stage.witness.replicas_since(seen.began)
    took = seen.six and seen.six - seen.began
    stage.record.check(
        "The HPA answers the flood", f"4 to 6 replicas within {SCALED_WITHIN} s, never 7",
        took is not None and took <= SCALED_WITHIN and max(steps) == service.REPLICAS_MAX
        and steps[0] == service.REPLICAS_MIN,
        f"6 after {minutes(took)} min; {' -> '.join(map(str, steps))}")
    stage.record.check(
        "Replicas after the flood", "back to 4", seen.four is not None and steps[-1] == 4,
        f"4 after {minutes(seen.four and seen.four - seen.http_ended)} min of calm over HTTP")


def check_message(stage, inbox, seen, message, what, expected, pattern):
    """It came both ways, and says what it should."""
    since = fired(stage, seen).get(message.alert)
    ways = {way: inbox.arrived.get((message, way)) for way in (MAIL, WEBHOOK)}
    texts = {way: inbox.text(message, way) for way in ways}
    right = all(re.search(pattern, text) for text in texts.values())
    times = ", ".join(f"{way} at {minutes(t and t - seen.began)}" for way, t in ways.items())
    said = re.search(pattern, texts[MAIL])
    stage.record.check(what, expected, all(ways.values()) and right,
                       f'{message.subject}: "{said.group(0) if said else texts[MAIL][:200]}"; '
                       f"fires at {minutes(since and since - seen.began)} min of the flood; {times}")


def check_messages(stage, inbox, seen):
    told = (stage, inbox, seen)
    check_message(*told, ADMINISTRATOR, "The administrator is told",
                  "six replicas and a pod above 80 %, by mail and by webhook",
                  r"6 replicas run, and one uses \S+ of the CPU")
    check_message(*told, QUEUE, "The team is told of the queue",
                  f"more than {QUEUE_HIGH} messages wait, by mail and by webhook",
                  r"\d{4,} messages of transactions-input wait")
    check_message(*told, QUEUE_OVER, "The team is told that the queue is over",
                  "RESOLVED, by mail and by webhook", r"messages of transactions-input wait")


def check_queue(stage, seen):
    report = seen.test.report
    queue = max((second["lag"] or 0 for second in report["seconds"]), default=0)
    took = report["verification"]["ended_seconds"] - report["sending_seconds"]
    stage.record.check(
        "The queue", f"grows beyond {QUEUE_HIGH}, never beyond what was sent, and drains to 0",
        QUEUE_HIGH < queue <= report["sent"] and seen.queue_empty is not None
        and report["verification"]["read_to_end"],
        f"{queue:,} of {report['sent']:,} messages waited at most; all were answered "
        f"{took:.1f} s after the last one was sent")
    verdict = report["verification"]
    wrong = {name: verdict[name] for name in ("missing", "doubled", "misplaced", "unknown",
                                              "unreadable", "undelivered")}
    stage.record.check(
        "Every message of the flood", "exactly one prediction or dead letter",
        seen.test.status == 0 and verdict["once"] == report["sent"] and not any(wrong.values()),
        f"status {seen.test.status}: {verdict['once']:,} of {report['sent']:,} answered once; "
        + ", ".join(f"{name} {n}" for name, n in wrong.items()))


def check_containers(stage, seen):
    again = {key: now for key, now in seen.restarts.items()
             if now[0] > seen.restarts_before.get(key, (0, None))[0]}
    stage.record.check(
        "Memory of `stream`, and restarts", "below its limit; no container restarts",
        seen.memory is not None and seen.memory < 1 and not again,
        f"at most {100 * (seen.memory or 0):.0f} % of the limit; " + (", ".join(
            f"{container} of {pod} {reason or 'ended'}"
            for (pod, container), (_, reason) in again.items()) or "no restart"))


def check_clients(stage, seen, clients):
    requests = clients.total("requests")
    share = clients.total("200") / requests if requests else 0
    calm = clients.latencies(end=seen.began)
    flooded = clients.latencies(seen.began, seen.http_ended)
    stage.record.check(
        "Real clients", f">= {SUCCESS:.1%} of their requests get the right answer at once",
        share >= SUCCESS, f"{100 * share:.3f} %: {clients.describe()}")
    stage.record.check(
        "Real clients' wait during the flood", f"p99 below {1e3 * P99_MAX:.0f} ms",
        (flooded.percentile(0.99) or P99_MAX) < P99_MAX,
        f"{flooded.describe()} (before: {calm.describe()})")


def check_alerts(stage, seen):
    names = fired(stage, seen)
    unexplained = sorted(set(names) - set(EXPLAINED))
    stage.record.check("Alerts of the flood", "none that the flood does not explain",
                       names and not unexplained, "unexplained: " + ", ".join(unexplained)
                       if unexplained else ", ".join(sorted(names)))
    long = sorted(set(names) & LOOK_FAR_BACK)
    stage.record.check(
        "Alerts after the flood", "over, but for those that look back half an hour or more",
        not seen.goes_on, ("go on: " + ", ".join(sorted(seen.goes_on)) if seen.goes_on else
                           f"over {minutes(seen.ended - seen.http_ended)} min after it")
        + (f"; look back longer: {', '.join(long)}" if long else ""))


# ---- what people want to know ------------------------------------------------------------------


def note_flood(stage, seen):
    report = seen.test.report
    took = report["verification"]["ended_seconds"] - report["sending_seconds"]
    row = int(report["sending_seconds"])
    waiting = max((second["lag"] or 0 for second in report["seconds"][row - 1:row + 2]), default=0)
    rate = report["sent"] / report["sending_seconds"]
    drain = waiting / took if took > 0 else 0
    stage.record.note(
        f"Over Kafka came {rate:,.0f} messages/s for {minutes(report['sending_seconds'])} min, "
        f"{report['sent']:,} in all. When the last one was sent {waiting:,} waited; six replicas "
        f"took {took:.0f} s for them, {drain:,.0f} messages/s" + (
            f" or {drain / 6:,.0f} each with this limit of CPU: to hold the flood "
            f"{-(-rate * 6 // drain):.0f} of them would be needed." if drain else "."))
    stage.record.note(f"Over HTTP the attackers got, in "
                      f"{minutes(seen.http_ended - seen.began)} min: {seen.http.describe()}.")


def note_alerts(stage, seen):
    for name, t in sorted(fired(stage, seen).items(), key=lambda one: one[1]):
        end = ("goes on" if name in prometheus.firing() else
               f"to {minutes(last_seen(stage, seen, name) - seen.began)}")
        stage.record.note(f"{name} fires from {minutes(t - seen.began)} {end}: "
                          f"{EXPLAINED.get(name, 'not explained')}.")


def note_clients(stage, seen, clients):
    stage.record.note(
        "What a user saw: "
        f"{clients.failed} of {clients.total('requests'):,} requests failed; answers took "
        f"{clients.latencies(end=seen.began).describe()} before the flood, "
        f"{clients.latencies(seen.began, seen.http_ended).describe()} during it, and "
        f"{clients.latencies(seen.http_ended).describe()} after it.")


def play(stage):
    with stage.record.act(TITLE):
        stage.small()
        inbox = Inbox(stage.receivers, MESSAGES)
        seen = SimpleNamespace(before=prometheus.firing(), restarts_before=restarts())
        try:
            with stage.clients(**CLIENTS) as clients:
                time.sleep(stage.plan.baseline_seconds)
                flood(stage, inbox, seen)
                settle(stage, inbox, seen)
        except BaseException:
            eventually(service.is_rolled_out, stage.plan.settle_seconds)
            raise
        check_scaling(stage, seen)
        check_messages(stage, inbox, seen)
        check_queue(stage, seen)
        check_containers(stage, seen)
        check_clients(stage, seen, clients)
        check_alerts(stage, seen)
        note_clients(stage, seen, clients)
        note_flood(stage, seen)
        note_alerts(stage, seen)
