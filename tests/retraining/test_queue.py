"""The steps kafka and attack against a real broker."""

import json

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline import Pipeline
from server import BUILD
from world import EX_TEMPFAIL, World, pushed

NOWHERE = "127.0.0.1:9"
LOAD_TEST = BUILD / "load-testing/kafka-load-test"
TOPIC, GROUP = "asked-of-the-broker", "scorers"


@pytest.fixture(scope="module")
def topic(cluster):
    """Three partitions with 10, 5 and 0 messages, of which the group has processed 4 of the first."""
    cluster.create_topic(TOPIC, 3)
    producer = Producer(cluster.client())
    for partition, n in ((0, 10), (1, 5)):
        for _ in range(n):
            producer.produce(TOPIC, b"{}", partition=partition)
    producer.flush()
    consumer = Consumer(cluster.client(group_id=GROUP))
    consumer.commit(offsets=[TopicPartition(TOPIC, 0, 4)], asynchronous=False)
    consumer.close()
    return TOPIC


@pytest.fixture
def asking(session_folder, numbers, cluster, pushgateway):
    return World(session_folder / f"asking-{next(numbers)}", "fraud", PUSHGATEWAY_URL=pushgateway.url,
                 KAFKA_BOOTSTRAP_SERVERS=cluster.brokers, KAFKA_INPUT_TOPIC=TOPIC,
                 KAFKA_CONSUMER_GROUP=GROUP)


def test_queue_and_lag_are_those_of_the_broker(asking, topic, pushgateway):
    found = asking.well("kafka")
    assert found["queue_length"] == 11
    assert found["consumer_lag"] == {"0": 6, "1": 5, "2": 0}
    values = pushed(pushgateway, topic=TOPIC)
    assert values["kafka_queue_length", ()] == 11
    assert values["kafka_consumer_lag", (("consumer_group", GROUP), ("partition", "0"))] == 6


def test_a_broker_that_is_away_may_come_back(asking):
    text = asking.fails("kafka", EX_TEMPFAIL, KAFKA_BOOTSTRAP_SERVERS=NOWHERE)
    assert text.startswith(f"rowan_training: Kafka at {NOWHERE}") and "then retry" in text


def test_a_topic_that_nobody_made_will_not_come(asking):
    assert "KAFKA_INPUT_TOPIC" in asking.fails("kafka", 1, KAFKA_INPUT_TOPIC="nobody-made-this")


def test_a_pushgateway_that_is_away_does_not_end_the_check(asking, topic):
    assert asking.well("kafka", PUSHGATEWAY_URL="http://127.0.0.1:9")["queue_length"] == 11


def test_without_brokers_nothing_is_asked(asking):
    assert asking.well("kafka", KAFKA_BOOTSTRAP_SERVERS="")["checked"] is False


# ---- the attack -----------------------------------------------------------------------------


@pytest.fixture
def attacking(asking, cluster):
    """A hundredth of the attack's rate, for 4.4 seconds."""
    if "attacked" not in cluster.admin.list_topics().topics:
        cluster.create_topic("attacked", 3)
    return asking.given(KAFKA_INPUT_TOPIC="attacked", ATTACK_PROGRAM=LOAD_TEST, ATTACK_RATE=50,
                        ATTACK_SECONDS=4.4)


def test_an_attack_has_the_shape_of_the_whole_one(attacking, pushgateway):
    found = attacking.well("attack")
    report = json.loads((attacking.run / "load-test.json").read_text())
    assert [phase["rate"] for phase in report["phases"]] == [5, 10, 20, 50]
    assert [round(phase["end_seconds"], 1) for phase in report["phases"]] == [0.4, 1.2, 2.4, 4.4]
    assert found["complete"] and found["sent"] == found["acknowledged"] == report["sent"] > 100
    assert (attacking.run / "load-test.svg").read_text().startswith("<svg")
    values = pushed(pushgateway, topic="attacked", job="attack-simulation")
    assert values["attack_simulation_messages", (("result", "acknowledged"),)] == found["sent"]
    assert values["attack_simulation_complete", ()] == 1


@pytest.mark.parametrize("setting, value", [("ATTACK_RATE", 5001), ("ATTACK_SECONDS", 661)])
def test_more_than_the_whole_attack_is_refused(attacking, setting, value):
    assert "at most 5000 and 660" in attacking.fails("attack", 1, **{setting: value})


def test_an_attack_on_brokers_that_are_away(attacking):
    attacking.fails("attack", EX_TEMPFAIL, KAFKA_BOOTSTRAP_SERVERS=NOWHERE)


def test_a_load_test_that_is_not_there(attacking):
    assert "ATTACK_PROGRAM" in attacking.fails("attack", 1, ATTACK_PROGRAM="/nowhere")


# ---- what it was answered with --------------------------------------------------------------

@pytest.fixture
def answered(asking, cluster, session_folder, numbers):
    """The same small attack, with --verify, on topics that rowan-stream reads and writes."""
    pipeline = Pipeline(cluster, session_folder / f"answered-{next(numbers)}", partitions=3)
    asking.pipeline = pipeline
    yield asking.given(KAFKA_INPUT_TOPIC=pipeline.input, KAFKA_OUTPUT_TOPIC=pipeline.output,
                       KAFKA_DEAD_LETTER_TOPIC=pipeline.dead_letter,
                       KAFKA_CONSUMER_GROUP=pipeline.group, ATTACK_PROGRAM=LOAD_TEST,
                       ATTACK_RATE=50, ATTACK_SECONDS=4.4, ATTACK_VERIFY=1)
    pipeline.close()


def results_pushed(pushgateway, topic):
    values = pushed(pushgateway, topic=topic, job="attack-simulation")
    return values, {dict(labels)["result"]: value for (name, labels), value in values.items()
                    if name == "attack_simulation_messages"}


def test_each_message_of_an_attack_is_answered_once(answered, pushgateway):
    with answered.pipeline.stream():
        found = answered.well("attack")
    assert found["complete"] and found["verified"] and found["once"] == found["sent"] > 100
    assert [found[name] for name in ("missing", "doubled", "misplaced")] == [0, 0, 0]
    values, results = results_pushed(pushgateway, answered.pipeline.input)
    assert results == {name: found[name] for name in results}
    assert {"once", "missing", "doubled", "misplaced"} < set(results)
    assert values["attack_simulation_verified", ()] == 1
    assert values["attack_simulation_visible_p99_seconds", ()] == found["visible_p99_seconds"] > 0


def test_an_attack_that_is_answered_twice_fails(answered, pushgateway):
    """By two groups, each of which scores every message."""
    pipeline = answered.pipeline
    with pipeline.stream(), pipeline.stream("replica-1", group=f"{pipeline.group}-2"):
        text = answered.fails("attack", 1)
    values, results = results_pushed(pushgateway, pipeline.input)
    assert results["doubled"] > 0 and values["attack_simulation_verified", ()] == 0
    assert f"not answered whole: {results['once']:.0f} of {results['sent']:.0f} messages once" in text
    assert f"{results['doubled']:.0f} doubled" in text


def test_without_verify_nobody_reads_back(attacking, pushgateway):
    found = attacking.well("attack")
    assert found["verified"] is None and found["once"] is None
    values, results = results_pushed(pushgateway, "attacked")
    assert set(results) == {"sent", "acknowledged", "failed"}
    assert ("attack_simulation_verified", ()) not in values
