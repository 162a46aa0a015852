"""Cases of ml-kafka."""

from cases import BELOW, FIRES, MISSING, OTHERS, RESOLVES, RESTART, ZERO, case
from series import growing, of, ramps, restarted, steady, told

TOPIC = {"topic": "t"}
LAG = {"topic": "t", "partition": "3", "consumer_group": "g"}
N = {"namespace": "n"}



def broker(values, pod="a", **where):
    return {of("kafka_broker_up", pod, **where): values}


def answered(series):
    """The same, and brokers that answer all the pods that may tell them."""
    return series | {name: values for pod in ("a", "p0", "p1") for where in ("n", "m")
                     for name, values in broker(steady(1), pod, namespace=where).items()}


# ---- queue and lag: every replica tells the same, two that tell 600 do not make 1200 -------------

for alert, metric, labels, minutes, summary in (
        ("KafkaQueueHigh", "kafka_queue_length", TOPIC, 5, "1001 messages of t wait to be scored"),
        ("KafkaConsumerLagHigh", "kafka_consumer_lag", LAG, 10,
         "g is 1001 messages behind in t/3")):
    late = [(summary, {**N, **labels})]

    def high(*values, metric=metric, labels=labels):
        return answered(told(values, metric, **labels))

    case(alert, FIRES, high(1001, 1001), [minutes - 1], {minutes: late})
    case(alert, FIRES + ": one replica is behind with telling", high(1001, 0), [minutes - 1],
         {minutes: late})
    case(alert, BELOW, high(1000, 999), range(0, 30, 5))
    case(alert, BELOW + ": told twice", high(600, 600), range(0, 30, 5))
    # The broker has been away from a replica for long, and the backlog is worked off.
    case(alert, BELOW + ": the last number of one whose broker is away",
         high(1001, 5) | broker(steady(0), "p0"), range(0, 30, 5))
    case(alert, RESTART, answered({of(metric, **labels): "1001x3 _x3 1001x20"}), (),
         {20: late})
    case(alert, MISSING, {of("up"): steady(1)}, range(0, 30, 5))
    case(alert, MISSING + ": no broker answers, and KafkaBrokerUnreachable says it",
         high(1001) | broker(steady(0), "p0"), range(0, 30, 5))
    case(alert, RESOLVES, answered({of(metric, **labels): "1001x12 1000x9"}), [13], {12: late})
    million = [(summary.replace("1001", "2097153"), {**N, **labels})]
    case(alert, FIRES + ": more than 2^21", high(2**21 + 1), (), {minutes: million})
    case(alert, OTHERS, high(1001) | {of(metric, **{**labels, "topic": "u"}): steady(5)}
         | {of(metric, namespace="m", **labels): steady(5)}, (), {minutes: late})

# ---- KafkaQueueHigh: what two replicas score within a second is under way ------------------------


def scored(*per_second, topic="t", **where):
    return {of("kafka_messages_consumed_total", f"p{i}", topic=topic, **where): growing(60 * one)
            for i, one in enumerate(per_second)}


LATE = [("1001 messages of t wait to be scored", {**N, **TOPIC})]
WAITING = answered(told([1001, 1001], "kafka_queue_length", **TOPIC))
case("KafkaQueueHigh", FIRES + ": a little more than a second's", WAITING | scored(500, 500), [4],
     {5: LATE})
case("KafkaQueueHigh", BELOW + ": a second's", WAITING | scored(500, 502), range(0, 30, 5))
case("KafkaQueueHigh", OTHERS + " score more", WAITING | scored(5000, topic="u")
     | scored(5000, namespace="m"), [4], {5: LATE})

# ---- KafkaProcessingStalled ----------------------------------------------------------------------



def stalled(n):
    return [(f"{n} messages of t wait, and none has been consumed for 5 minutes",
             {**N, **TOPIC})]


STALLED = stalled(7)


def queue(values=steady(7), partitions=6, **labels):
    """And as many partitions: how far behind each of them is matters to no one."""
    there = {**TOPIC, "consumer_group": "g", **labels}
    return answered({of("kafka_queue_length", **{**TOPIC, **labels}): values} | {
        of("kafka_consumer_lag", **{**there, "partition": str(i)}): steady(i)
        for i in range(partitions)})


def consumed(values, **labels):
    return {of("kafka_messages_consumed_total", **{**TOPIC, **labels}): values}


NAME = "KafkaProcessingStalled"
# The last message in minute 10: of 2 minutes the window is empty from 12 on.
case(NAME, FIRES, queue() | consumed(ramps((10, 5), (20, 0))), [10, 16], {17: STALLED})
case(NAME, FIRES + ": one message after a quiet hour", queue("0x60 2x20", 1)
     | consumed(steady(9)), [60, 65], {66: stalled(2)})
case(NAME, FIRES + ": more than 2^21", queue(steady(2**21 + 1)), (), {5: stalled(2**21 + 1)})
# The producer's transaction leaves one record in each of them, which is no message.
case(NAME, BELOW + ": ends of transactions", queue(steady(6)) | consumed(steady(9)),
     range(0, 30, 5))
case(NAME, BELOW, queue() | consumed(ramps(*([(2, 0), (1, 1)] * 20))), range(40))
case(NAME, BELOW + ": nothing waits", queue(steady(0)) | consumed(steady(5)), range(0, 30, 5))
case(NAME, BELOW + ": the last number of one whose broker is away",
     queue() | broker("1x3 0x60"), range(30))
case(NAME, RESTART, queue() | consumed(restarted(5, 11)), range(25))
case(NAME, RESTART + ", and then none",
     queue() | consumed(f"{growing(5, 11)} {growing(5, 8)} 40x20"), [20, 26], {27: STALLED})
case(NAME, MISSING, queue(), [4], {5: STALLED})
case(NAME, MISSING + ": no queue", consumed(steady(5)), range(0, 30, 5))
case(NAME, RESOLVES, queue() | consumed(ramps((15, 0), (20, 5))), [16, 20], {15: STALLED})
case(NAME, OTHERS, queue() | consumed(steady(5)) | consumed(growing(5), topic="u")
     | queue(topic="u") | queue(namespace="m") | consumed(growing(5), namespace="m"), (),
     {9: STALLED})

# ---- KafkaBrokerUnreachable ----------------------------------------------------------------------

AWAY = [("None of 2 replicas gets an answer from Kafka", N)]
BOTH = broker(steady(0)) | broker(steady(0), "b")


NAME = "KafkaBrokerUnreachable"
case(NAME, FIRES, BOTH, [1], {2: AWAY})
case(NAME, BELOW + ": one of two", broker(steady(0)) | broker(steady(1), "b"), range(0, 30, 5))
case(NAME, BELOW, broker(steady(1)) | broker(steady(1), "b"), range(0, 30, 5))
case(NAME, RESTART, broker("1x5 0x1 1x20"), range(20))
case(NAME, MISSING, {of("up"): steady(1)}, range(0, 30, 5))
case(NAME, RESOLVES, BOTH | broker("0x5 1x9"), [6], {5: AWAY})
case(NAME, OTHERS, BOTH | broker(steady(1), namespace="m"), (), {2: AWAY})

# ---- KafkaDeadLettersHigh ------------------------------------------------------------------------

DEAD = [("5.1% of the messages of t cannot be scored", {**N, **TOPIC})]


def letters(dead, every=1000, values=growing, **where):
    """Of two reasons."""
    series = {of("kafka_dead_letters_total", **where, **TOPIC, reason=reason): values(n)
              for reason, n in (("invalid_json", 20), ("contract_violation", dead - 20))}
    return series | {of("kafka_messages_consumed_total", **where, **TOPIC): values(every)}


NAME = "KafkaDeadLettersHigh"
case(NAME, FIRES, letters(51), [5], {6: DEAD})
case(NAME, BELOW, letters(49), range(0, 30, 5))
case(NAME, RESTART, letters(51, values=lambda n: restarted(n, 11)), (),
     dict.fromkeys(range(6, 25), DEAD))
case(NAME, RESTART + ", just below", letters(49, values=lambda n: restarted(n, 11)), range(25))
case(NAME, MISSING, {of("kafka_messages_consumed_total", **TOPIC): growing(10)},
     range(0, 30, 5))
case(NAME, ZERO, letters(51, values=lambda n: steady(0)), range(0, 30, 5))
case(NAME, RESOLVES, letters(51, values=lambda n: ramps((12, n), (20, n if n == 1000 else 0))),
     [18], {12: DEAD})
case(NAME, OTHERS, letters(51) | letters(30, namespace="m"), (), {6: DEAD})
