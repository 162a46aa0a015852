"""What must have been seen of the flood, and what people want to know of it."""

import math
import re

import broker
import prometheus
import service
from looks import SAMPLE_SECONDS
from messages import MAIL, WEBHOOK, Message

SCALED_WITHIN = 120  # seconds
QUEUE_HIGH = 1000    # KafkaQueueHigh's
SUCCESS = 0.999
DRAIN_SPAN = 30      # seconds of the drain: over them the queue does not grow
P99_MAX = 1          # seconds, where attackers, brokers and pods share two saturated CPUs
SHOWN = 300          # characters of a message that says something else

ADMINISTRATOR = Message("administrator", "admin@example.com", "AdminNotification_MaxScaleHighCPU",
                        "critical")
QUEUE = Message("team", "team@example.com", "KafkaQueueHigh", "warning")
QUEUE_OVER = Message("team", "team@example.com", "KafkaQueueHigh", "warning", "resolved")
MESSAGES = (ADMINISTRATOR, QUEUE, QUEUE_OVER)
TOLD = (
    (ADMINISTRATOR, "The administrator is told", "of six replicas and the CPU of a pod, by mail "
     "and webhook", r"6 replicas run, and one uses \S+ of the CPU"),
    (QUEUE, "The team is told of the queue", f"of more than {QUEUE_HIGH} messages, by mail and "
     "webhook", rf"\d{{4,}} messages of {broker.TOPICS[0]} wait"),
    (QUEUE_OVER, "The team is told that the queue is short again", "RESOLVED, by mail and webhook",
     rf"\d+ messages of {broker.TOPICS[0]} wait"),
)
# Alerts that a flood explains, and whether each is right.
SHED = "right by its words, since load that is shed (503) counts"
SLOW = "right by its words, since the attackers' requests count, and they waited"
EXPLAINED = {
    "AdminNotification_MaxScaleHighCPU": "right: six replicas are all there may be, and busy",
    "KafkaQueueHigh": "right: the queue was long",
    "KafkaConsumerLagHigh": "right: partitions stayed behind",
    "ModelScaledToMax": "right; hidden behind the administrator's, which contains it",
    "HighCPUUsage": "right; hidden behind the administrator's, which contains it",
    "HPAScalingEvent": "right: for the record, nobody is woken",
    "FloodShedding": "right: requests were refused",
    "HighErrorRate": SHED, "AvailabilityBudgetBurnFast": SHED, "AvailabilityBudgetBurnSlow": SHED,
    "SlowResponseTime": SLOW, "LatencyBudgetBurnFast": SLOW, "LatencyBudgetBurnSlow": SLOW,
    "HighFraudRate": "right: the attackers' one transaction is fraud to the model",
}
WRONG = ("missing", "doubled", "misplaced", "unknown", "unreadable", "undelivered")


# ---- what must be ------------------------------------------------------------------------------


def check_scaling(seen, record):
    steps = seen.stage.witness.replicas_since(seen.began)
    up = steps[0] == service.REPLICAS_MIN and max(steps) == service.REPLICAS_MAX
    record.check("The HPA answers the flood", f"4 to 6 replicas within {SCALED_WITHIN} s, never 7",
                 up and seen.six is not None and seen.six - seen.began <= SCALED_WITHIN,
                 f"6 after {seen.after(seen.six)}; {' -> '.join(map(str, steps))}")
    record.check("Replicas after the flood", "4 again",
                 seen.four is not None and steps[-1] == service.REPLICAS_MIN,
                 f"4 after {seen.after(seen.four, seen.http_ended)} without the flood over HTTP")


def check_message(seen, record, message, what, expected, pattern):
    """It came both ways, and says what it should."""
    came = {way: seen.inbox.arrived.get((message, way)) for way in (MAIL, WEBHOOK)}
    texts = {way: seen.inbox.text(message, way) for way in came}
    said = re.search(pattern, texts[MAIL])
    fired = seen.fired().get(message.alert)
    times = ", ".join(f"{way} after {seen.after(t)}" for way, t in came.items())
    record.check(what, expected,
                 all(came.values()) and all(re.search(pattern, text) for text in texts.values()),
                 f'{message.subject}: "{said.group(0) if said else texts[MAIL][:SHOWN]}"; the '
                 f"alert fires after {seen.after(fired)}; {times}")


def rule_seconds(alert):
    """The rule's `for`, as Prometheus has loaded it."""
    [seconds] = {rule["duration"] for group in prometheus.rule_groups()
                 for rule in group["rules"] if rule["name"] == alert}
    return seconds


def check_not_sooner(seen, record):
    alert = ADMINISTRATOR.alert
    fired, waits = seen.fired().get(alert), rule_seconds(alert)
    took = None if None in (fired, seen.all_wanted) else fired - seen.all_wanted
    record.check("The administrator is not told too soon",
                 f"not before six replicas were busy for {waits:.0f} s, the rule's time; a look "
                 f"comes every {SAMPLE_SECONDS} s",
                 took is not None and took >= waits - SAMPLE_SECONDS,
                 f"{alert} fires after {seen.after(fired)}, six replicas were wanted after "
                 f"{seen.after(seen.all_wanted)}"
                 + (f": {took:.0f} s" if took is not None else ""))


def longest_queue(report):
    return max((second["lag"] or 0 for second in report["seconds"]), default=0)


def drain_seconds(report):
    """From the last message sent to the last answer read back."""
    return report["verification"]["ended_seconds"] - report["sending_seconds"]


def growth(report):
    """The most that the queue grew over DRAIN_SPAN, or over the whole drain if that is shorter,
    once every message was acknowledged; None when nobody saw it fall."""
    begin = math.ceil(max(report["sending_seconds"], report["acknowledged_seconds"]))
    lags = [second["lag"] for second in report["seconds"][begin:]]
    lags = [lag for lag in lags if lag is not None]  # a second that nobody answered is left out
    if lags and not any(lags):  # it was empty by then
        return 0
    span = min(DRAIN_SPAN, len(lags) - 1)
    return max(later - lag for lag, later in zip(lags, lags[span:])) if span > 0 else None


def check_queue(seen, record):
    report = seen.test.report
    queue, grew = longest_queue(report), growth(report)
    seen_to = "how it fell nobody saw" if grew is None else f"it grew by {max(0, grew):,} meanwhile"
    record.check(
        "The queue", f"longer than {QUEUE_HIGH}, never longer than what was sent; after the last "
        f"message it never grows over {DRAIN_SPAN} s, and falls to 0. What is bounded is memory: "
        "it has a row of its own",
        QUEUE_HIGH < queue <= report["sent"] and grew is not None and grew <= 0
        and seen.queue_empty is not None,
        f"{queue:,} of {report['sent']:,} messages waited at most; all were answered "
        f"{drain_seconds(report):.1f} s after the last one was sent, {seen_to}, and the queue is 0 "
        f"after {seen.after(seen.queue_empty)}")


def check_answers(seen, record):
    report = seen.test.report
    verdict = report["verification"]
    record.check("Every message of the flood", "exactly one prediction or dead letter",
                 seen.test.status == 0 and verdict["once"] == report["sent"]
                 and not any(verdict[name] for name in WRONG),
                 f"{verdict['once']:,} of {report['sent']:,} answered once; "
                 + ", ".join(f"{name} {verdict[name]}" for name in WRONG)
                 + f"; kafka-load-test ends with status {seen.test.status}")


def check_containers(seen, record):
    again = [f"{container} of {pod} ({why or 'ended'})"
             for (pod, container), (number, why) in seen.restarts.items()
             if number > seen.restarts_before.get((pod, container), (0, None))[0]]
    record.check("Memory of `stream`, and restarts", "below its limit; no container restarts",
                 seen.memory is not None and seen.memory < 1 and not again,
                 f"at most {100 * (seen.memory or 0):.0f} % of the limit; "
                 f"{', '.join(again) or 'no'} restarts")


def check_clients(seen, record, clients):
    requests = clients.total("requests")
    share = clients.total("200") / requests if requests else 0
    answered, asked = clients.answered(seen.began, seen.http_ended)
    share_then = answered / asked if asked else 0
    flooded = clients.latencies(seen.began, seen.http_ended)
    expected = f">= {100 * SUCCESS} % of requests get the right answer, nobody asks again"
    record.check("Real clients over the whole act", expected,
                 share >= SUCCESS, f"{100 * share:.3f} %: {clients.describe()}")
    record.check("Real clients during the flood", expected,
                 share_then >= SUCCESS, f"{100 * share_then:.3f} %: {answered:,} of {asked:,} that "
                 "were due then")
    record.check("Real clients' wait during the flood", f"p99 below {1e3 * P99_MAX:.0f} ms",
                 (flooded.percentile(0.99) or P99_MAX) < P99_MAX,
                 f"{flooded.describe()}; before it {clients.latencies(0, seen.began).describe()}")


def check_alerts(seen, record):
    names = set(seen.fired())
    unexplained = sorted(names - set(EXPLAINED))
    record.check("Alerts of the flood", "some, and none that the flood does not explain",
                 names and not unexplained,
                 f"not explained: {', '.join(unexplained)}" if unexplained else
                 ", ".join(sorted(names)))
    far = ", ".join(sorted(names & seen.not_waited_for))
    record.check("Alerts after the flood", "over, but for those that look far back",
                 not seen.went_on,
                 (f"go on: {', '.join(sorted(seen.went_on))}" if seen.went_on else
                  f"over after {seen.after(seen.ended, seen.http_ended)} without it")
                 + (f"; look far back: {far}" if far else ""))


def check(seen, clients):
    record = seen.stage.record
    check_scaling(seen, record)
    for told in TOLD:
        check_message(seen, record, *told)
    check_not_sooner(seen, record)
    check_queue(seen, record)
    check_answers(seen, record)
    check_containers(seen, record)
    check_clients(seen, record, clients)
    check_alerts(seen, record)


# ---- what people want to know ------------------------------------------------------------------


def note_clients(seen, record, clients):
    times = {"before the flood": (0, seen.began), "during it": (seen.began, seen.http_ended),
             "after it": (seen.http_ended, float("inf"))}
    waits = "; ".join(f"{clients.latencies(*span).describe()} {when}"
                      for when, span in times.items())
    record.note(f"What a user saw: {clients.failed} of {clients.total('requests'):,} requests "
                f"failed. Answers took {waits}.")


def note_attackers(seen, record):
    record.note(f"What the attackers got over HTTP in {seen.after(seen.http_ended)}: "
                f"{seen.http.describe()}.")


def note_kafka(seen, record):
    """What came, and how many replicas would have held it, by what the replicas drained."""
    report = seen.test.report
    last, took = int(report["sending_seconds"]), drain_seconds(report)
    rate = report["sent"] / report["sending_seconds"]
    waited = max((one["lag"] or 0 for one in report["seconds"][last - 1:last + 2]), default=0)
    told = (f"Over Kafka came {rate:,.0f} messages/s for {last} s, {report['sent']:,} in all. When "
            f"the last one was sent {waited:,} waited, which took {took:.0f} s")
    ready = seen.mean_replicas(seen.began + report["sending_seconds"], seen.drained)
    if waited and took > 0 and ready:
        each = waited / took / ready
        told += (f" with {ready:.1f} replicas: {each:,.0f} messages/s each, with the small limit "
                 f"of CPU that they have here. To hold this flood it takes {-(-rate // each):.0f} "
                 "of them, or a larger limit (docs/capacity.md)")
    record.note(told + ".")


def explained(name, clients):
    """Why it is right, as long as that is true."""
    why = EXPLAINED.get(name, "not explained")
    if why != SHED:
        return why
    return why + ("; real clients failed, too" if clients.failed else
                  "; real clients got none of it")


def note_alerts(seen, record, clients):
    firing = prometheus.firing()
    rows = sorted(seen.fired().items(), key=lambda one: one[1])
    record.note("Alerts, from the flood's begin: " + "; ".join(
        f"{name} from {seen.after(t)} "
        + ("on" if name in firing else f"to {seen.after(seen.last_fired(name))}")
        + f" ({explained(name, clients)})" for name, t in rows) + ".")


def note(seen, clients):
    record = seen.stage.record
    note_clients(seen, record, clients)
    note_attackers(seen, record)
    note_kafka(seen, record)
    note_alerts(seen, record, clients)
