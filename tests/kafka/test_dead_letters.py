"""What cannot be scored goes to the dead letters, whole, with its reason; nothing else waits."""

import json
from dataclasses import replace

import pytest
from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType,
                                   ResourcePatternType, ResourceType)

from records import as_json, flat, message, messages, transaction

MESSAGE_BYTES_MAX = 1 << 20
MEGABYTES = 1_000_000


def without(field):
    fields = transaction(0)
    del fields[field]
    return as_json(fields)


BAD = {
    "cut off": (flat(0)[:-1], "invalid_json", ""),
    "empty": (b"", "invalid_json", ""),
    "no UTF-8": (b'{"transaction_id":"\xff"}', "invalid_json", ""),
    "words": (b"not JSON", "invalid_json", ""),
    "two values": (flat(0) + flat(0), "invalid_json", ""),
    "deep": (b"[" * 100_000, "invalid_json", ""),
    "field missing": (without("tx_amount"), "contract_violation", "tx_amount"),
    "field of another type": (as_json(transaction(0, tx_amount="a lot")), "contract_violation",
                              "tx_amount"),
    "field out of range": (as_json(transaction(0, customer_id=0)), "contract_violation",
                           "customer_id"),
    "missing in data": (as_json({"data": json.loads(without("tx_amount"))}),
                        "contract_violation", "tx_amount"),
    "data of another type": (as_json({"data": 5}), "contract_violation", ""),
    "no object": (b"5", "contract_violation", ""),
    "array": (as_json([transaction(0)]), "contract_violation", ""),
    "null": (b"null", "contract_violation", ""),
    "tombstone": (None, "tombstone", "no value"),
}


@pytest.fixture
def wide(pipeline_on, cluster):
    """Topics of input and dead letters that take 20 MB."""
    config = {"max_message_bytes": 20 * MEGABYTES}
    return pipeline_on(cluster, input_config=config, dead_letter_config=config)


def padded(size, number=0):
    """A valid transaction of so many bytes."""
    text = flat(number)
    return text[:-1] + b" " * (size - len(text)) + b"}"


def test_each_reason_is_told(pipeline):
    """In every partition good messages stand around the bad one."""
    batch = [message(number, partition=number % 6) for number in range(60)]
    for i, (name, (value, reason, _)) in enumerate(BAD.items()):
        batch.insert(4 * i, replace(message(1000 + i, value, partition=i % 6), name=name,
                                    reason=reason))
    pipeline.produce(batch)
    with pipeline.stream():
        pipeline.wait()
    _, _, dead_letters = pipeline.check()
    details = {letter.name: letter.detail for letter in dead_letters}
    for name, (_, _, words) in BAD.items():
        assert details[name] and words in details[name], name


def test_half_of_all_messages_are_bad(pipeline):
    bad = list(BAD.values())

    def either(number):
        if number % 2:
            return message(number)
        value, reason, _ = bad[number // 2 % len(bad)]
        return message(number, value if value is None else value[:2000], reason=reason)

    pipeline.produce(either(number) for number in range(6000))
    with pipeline.stream():
        pipeline.wait()
    _, outputs, dead_letters = pipeline.check()
    assert len(outputs) == len(dead_letters) == 3000


def test_nothing_but_bad_messages(pipeline):
    pipeline.produce(message(number, b"{", reason="invalid_json") for number in range(3000))
    with pipeline.stream():
        pipeline.wait()
    _, outputs, dead_letters = pipeline.check()
    assert (len(outputs), len(dead_letters)) == (0, 3000)


def test_messages_far_beyond_the_bound(wide):
    """They are kept whole where the topic of the dead letters takes them."""
    sizes = (MESSAGE_BYTES_MAX + 1, 3 * MEGABYTES, 10 * MEGABYTES)
    batch = messages(30)
    batch[10:10] = [replace(message(100 + i, padded(size)), reason="too_large")
                    for i, size in enumerate(sizes)]
    batch.append(message(200, padded(MESSAGE_BYTES_MAX)))
    wide.produce(batch, message_max_bytes=20 * MEGABYTES)
    with wide.stream():
        wide.wait()
    _, outputs, _ = wide.check()
    assert len(outputs) == 31  # the one at the bound among them


def test_dead_letters_that_their_topic_does_not_take_are_cut(pipeline_on, cluster):
    """Their place is kept, and the message itself stands in the input."""
    pipeline = pipeline_on(cluster, input_config={"max_message_bytes": 20 * MEGABYTES})
    batch = messages(30)
    batch.insert(10, replace(message(100, padded(5 * MEGABYTES)), reason="too_large", cut=True))
    pipeline.produce(batch, message_max_bytes=20 * MEGABYTES)
    with pipeline.stream():
        pipeline.wait()
    inputs, _, (letter,) = pipeline.check()
    asked = {record.position: record for record in inputs}
    assert len(asked[letter.origin].value) == 5 * MEGABYTES
    assert letter.key == asked[letter.origin].key


def test_predictions_that_their_topic_does_not_take(pipeline_on, cluster):
    """max.message.bytes of the output is small: long ids give long replies; the others pass,
    and their batches fit."""
    pipeline = pipeline_on(cluster, output_config={"max_message_bytes": 2000})

    def long(number, prefix):
        return as_json(transaction(number, "x" * 3000))

    pipeline.produce(message(number, long, reason="output_too_large") if number % 10 == 0 else
                     message(number) for number in range(3000))
    with pipeline.stream():
        pipeline.wait()
    pipeline.check()


def forbid_to_describe(cluster, topic):
    """All else is allowed: a topic with a rule of its own has no default any more."""
    rules = [AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:ANONYMOUS",
                        "*", operation, permission)
             for operation, permission in (
                 (AclOperation.ALL, AclPermissionType.ALLOW),
                 (AclOperation.DESCRIBE_CONFIGS, AclPermissionType.DENY))]
    for made in cluster.admin.create_acls(rules).values():
        made.result()


def test_a_limit_that_the_broker_does_not_tell_is_found(pipeline_on, make_cluster):
    """Batches of a megabyte are refused until they are small enough; nothing is lost by it."""
    cluster = make_cluster(
        authorizer_class_name="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        allow_everyone_if_no_acl_found="true")
    pipeline = pipeline_on(cluster, partitions=1, output_config={"max_message_bytes": 300_000})
    forbid_to_describe(cluster, pipeline.output)
    pipeline.produce(messages(20_000))
    with pipeline.stream() as stream:
        pipeline.wait()
        assert "max.message.bytes is not told" in stream.log
    pipeline.check()


def test_a_dead_letter_that_is_mended_may_be_sent_again(pipeline):
    """Its headers speak of its new place alone."""
    pipeline.produce([message(0, b"{", reason="invalid_json")])
    with pipeline.stream():
        pipeline.wait()
        _, _, (letter,) = pipeline.check()
        pipeline.produce([replace(message(1, key=letter.key), extra=letter.headers)])
        pipeline.wait()
    _, (output,), _ = pipeline.check()
    names = [name for name, _ in output.headers]
    assert [name for name in names if name.startswith("rowan-")] == ["rowan-input"]
    assert output.origin != letter.origin


def test_dead_letters_of_at_least_once(pipeline):
    pipeline.produce(message(number, b"{" if number % 3 == 0 else flat, reason="invalid_json"
                             if number % 3 == 0 else None) for number in range(3000))
    with pipeline.stream(delivery="at-least-once"):
        pipeline.wait()
    pipeline.check()
