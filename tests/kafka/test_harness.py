"""The tests' own house: can it fail? A reckoning that accepts everything proves nothing."""

import json
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from kafka import PATIENCE
from records import (Record, as_json, assert_at_least_once, assert_exactly_once, golden, message,
                     messages, produce, read, shipped_scores, transaction)

N = 30
VERSION, SCORES = next(iter(shipped_scores().items()))


def reply_to(number, **change):
    return as_json({"transaction_id": transaction(number)["transaction_id"],
                    "fraud_probability": golden()[number]["fraud_probability"],
                    "model_version": VERSION, **change})


def position_of(record):
    place = f"{record.topic}/{record.partition}/{record.offset}"
    return (("rowan-input", place.encode()),)


@pytest.fixture
def inputs():
    """Three partitions, a message each in turn."""
    return [Record("in", number % 3, number // 3, f"key-{number}".encode(),
                   as_json(transaction(number)), (("name", b"%d" % number),), 1000 + number)
            for number in range(N)]


@pytest.fixture
def outputs(inputs):
    """The right ones."""
    return [Record("out", record.partition, 2 * record.offset, record.key, reply_to(number),
                   record.headers + position_of(record), record.timestamp)
            for number, record in enumerate(inputs)]


def dead(record, offset=0, reason=b"tombstone"):
    return Record("dead", record.partition, offset, record.key, record.value,
                  record.headers + (("rowan-reason", reason), ("rowan-detail", b"no value"))
                  + position_of(record), record.timestamp)


def test_right_answers_pass(inputs, outputs):
    assert_exactly_once(inputs, outputs)
    assert_exactly_once(inputs, outputs[1:], [dead(inputs[0])])
    folded = [replace(output, partition=output.partition % 2,
                      offset=100 * output.partition + output.offset) for output in outputs]
    assert_exactly_once(inputs, folded, output_partitions=2)


def replaced(outputs, index, **change):
    return [*outputs[:index], replace(outputs[index], **change), *outputs[index + 1:]]


def swapped(outputs):
    """Two neighbours of a partition in each other's place."""
    first, second = outputs[4], outputs[7]
    return replaced(replaced(outputs, 4, offset=second.offset), 7, offset=first.offset)


def without_header(outputs, name):
    headers = tuple(pair for pair in outputs[9].headers if pair[0] != name)
    return replaced(outputs, 9, headers=headers)


def next_bit(number):
    return float(str(json.loads(reply_to(number))["fraud_probability"])) * (1 + 2 ** -23)


FAULTS = {
    "lost": (lambda found: found[:-1], "1 of 30 lost"),
    "doubled": (lambda found: [*found, replace(found[3], offset=99)], "1 of 30 more than once"),
    "of no input": (lambda found: [*found, replace(
        found[3], offset=99, headers=found[3].headers[:-1] + (("rowan-input", b"in/0/77"),))],
        "1 of 30 of no input"),
    "reordered": (swapped, "answers offset 1 after 2"),
    "in the wrong partition": (lambda found: replaced(found, 5, partition=0, offset=99),
                               "another partition"),
    "with another key": (lambda found: replaced(found, 5, key=b"other"), "another key"),
    "with another time": (lambda found: replaced(found, 5, timestamp=1),
                          "another timestamp"),
    "without a header of the input": (lambda found: without_header(found, "name"),
                                      "other headers"),
    "with a score that differs in a bit": (
        lambda found: replaced(found, 5, value=reply_to(5, fraud_probability=next_bit(5))),
        "another score"),
    "with the answer to another": (lambda found: replaced(found, 5, value=reply_to(6)),
                                   "another id"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_answers_are_found(inputs, outputs, fault):
    change, words = FAULTS[fault]
    with pytest.raises(AssertionError, match=words):
        assert_exactly_once(inputs, change(outputs))


def test_an_answer_and_a_dead_letter_are_one_too_many(inputs, outputs):
    with pytest.raises(AssertionError, match="1 of 30 more than once"):
        assert_exactly_once(inputs, outputs, [dead(inputs[0])])


def test_a_dead_letter_keeps_the_bytes(inputs, outputs):
    letter = replace(dead(inputs[0]), value=b"other")
    with pytest.raises(AssertionError, match="another value"):
        assert_exactly_once(inputs, outputs[1:], [letter])


def test_at_least_once_forgives_repeats_alone(inputs, outputs):
    assert_at_least_once(inputs, [*outputs, replace(outputs[3], offset=99)])
    with pytest.raises(AssertionError, match="1 of 30 lost"):
        assert_at_least_once(inputs, outputs[:-1])
    with pytest.raises(AssertionError, match="another score"):
        assert_at_least_once(inputs, replaced(
            outputs, 5, value=reply_to(5, fraud_probability=next_bit(5))))


def test_what_is_sent_is_read(cluster, pipeline):
    """Bytes, keys, headers, times and order, through the broker and back."""
    sent = messages(500) + [message(500, None), message(501, key=None), message(502, partition=4)]
    produce(cluster, pipeline.input, sent)
    found = {record.name: record for record in read(cluster, pipeline.input)}
    assert len(found) == len(sent)
    for item in sent:
        record = found[item.name]
        assert (record.key, record.value, record.timestamp) == (
            item.key, item.value, item.timestamp)
        assert record.headers == tuple(item.headers)
    assert found["t-502"].partition == 4


def test_aborted_records_are_not_read(cluster, pipeline):
    producer = Producer(cluster.client(transactional_id=pipeline.group))
    producer.init_transactions(PATIENCE)
    for value, end in ((b"aborted", producer.abort_transaction),
                       (b"committed", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(pipeline.output, value, partition=0)
        assert producer.flush(PATIENCE) == 0
        end(PATIENCE)
    assert [record.value for record in read(cluster, pipeline.output)] == [b"committed"]


def test_a_broker_that_was_killed_keeps_what_it_has(mortal_cluster, pipeline_on):
    pipeline = pipeline_on(mortal_cluster)
    produce(mortal_cluster, pipeline.input, messages(100))
    with mortal_cluster.away():
        pass
    produce(mortal_cluster, pipeline.input, messages(100, first=100))
    assert len(read(mortal_cluster, pipeline.input)) == 200


def test_three_brokers_live_with_two(three_brokers, pipeline_on):
    pipeline = pipeline_on(three_brokers, partitions=3)
    with three_brokers.away(three_brokers.leader(pipeline.input)):
        produce(three_brokers, pipeline.input, messages(100))
    assert len(read(three_brokers, pipeline.input)) == 100


def test_the_groups_own_offsets_are_seen(cluster, pipeline):
    """committed() and wait() stand on these."""
    pipeline.produce(messages(10))
    assert pipeline.committed() == {}
    consumer = Consumer(cluster.client(group_id=pipeline.group, enable_auto_commit=False))
    consumer.commit(offsets=[TopicPartition(pipeline.input, 2, 1)], asynchronous=False)
    assert pipeline.committed() == {2: 1}
    consumer.close()
