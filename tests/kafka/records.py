"""Transactions to Kafka, records from it, and whether every one was answered exactly once."""

import json
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy
from confluent_kafka import (TIMESTAMP_CREATE_TIME, Consumer, IsolationLevel, KafkaError,
                             KafkaException, Producer, TopicPartition)
from confluent_kafka.admin import AdminClient, OffsetSpec

from kafka import PATIENCE, eventually

FRAUD = Path(__file__).resolve().parents[2] / "models" / "fraud"
POSITION = "rowan-input"  # TOPIC/PARTITION/OFFSET
DEAD_LETTER_HEADERS = {POSITION, "rowan-reason", "rowan-detail"}
FIRST_TIMESTAMP = 1_533_772_800_000  # ms; a message's timestamp is never the time of its test


@dataclass(frozen=True)
class Message:
    """What a test sends."""

    name: str              # unique; travels in the header "name"
    value: bytes | None
    key: bytes | None
    timestamp: int         # ms
    partition: int = -1    # -1: by the key
    reason: str | None = None  # why it must become a dead letter; None: it must be scored
    cut: bool = False      # the dead letters do not take it whole
    extra: tuple = ()      # headers before its own

    @property
    def headers(self):
        # A name may occur twice, and a value may be absent.
        return [*self.extra, ("name", self.name.encode()), ("trace", b"first"),
                ("trace", b"second"), ("empty", None)]


@dataclass(frozen=True)
class Record:
    """What stands in a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple  # of (name, bytes or None)
    timestamp: int

    @property
    def position(self):
        return self.topic, self.partition, self.offset

    @property
    def origin(self):
        """Position of the message that this record answers; the last header of a name counts."""
        topic, partition, offset = dict(self.headers)[POSITION].decode().split("/")
        return topic, int(partition), int(offset)

    @property
    def reason(self):
        return dict(self.headers)["rowan-reason"].decode()

    @property
    def detail(self):
        return dict(self.headers)["rowan-detail"].decode()

    @property
    def name(self):
        return dict(self.headers)["name"].decode()

    @property
    def reply(self):
        return json.loads(self.value)


# ---- transactions with known scores ---------------------------------------------------------

@cache
def golden():
    return [json.loads(line) for line in (FRAUD / "golden.jsonl").read_text().splitlines()]


@cache
def shipped_scores():
    """{version: float32 probability of each golden row} of the shipped model."""
    version = json.loads((FRAUD / "contract.json").read_text())["x-rowan"]["version"]
    return {version: [numpy.float32(row["fraud_probability"]) for row in golden()]}


def row_of(transaction_id):
    return int(transaction_id.rpartition("-row-")[2])


def transaction(number, prefix="t", **fields):
    """Golden row number % 1000 under an id of its own, which names the row."""
    row = number % len(golden())
    return {**golden()[row]["request"], "transaction_id": f"{prefix}-{number}-row-{row}",
            **fields}


def as_json(value):
    return json.dumps(value, separators=(",", ":")).encode()


def flat(number, prefix="t"):
    return as_json(transaction(number, prefix))


def message(number, value=flat, prefix="t", **fields):
    """Message `number`; `value` is its bytes, or makes them."""
    return Message(**{"name": f"{prefix}-{number}", "key": f"key-{prefix}-{number}".encode(),
                      "timestamp": FIRST_TIMESTAMP + number,
                      "value": value(number, prefix) if callable(value) else value, **fields})


def messages(n, value=flat, prefix="t", first=0):
    return [message(number, value, prefix) for number in range(first, first + n)]


# ---- producing -------------------------------------------------------------------------------

class Sender:
    """An idempotent producer that fails unless everything arrives."""

    def __init__(self, cluster, topic, **settings):
        self.topic = topic
        self.failures = []
        self.producer = Producer(cluster.client(**{
            "enable_idempotence": True, "linger_ms": 5, "message_timeout_ms": 0,
            "reconnect_backoff_max_ms": 500, **settings}))

    def send(self, message):
        while True:
            try:
                self.producer.produce(self.topic, message.value, message.key,
                                      partition=message.partition, headers=message.headers,
                                      timestamp=message.timestamp, on_delivery=self._delivered)
                break
            except BufferError:
                self.producer.poll(0.1)
        self.producer.poll(0)

    def finish(self):
        left = self.producer.flush(PATIENCE)
        assert left == 0, f"{left} messages did not reach {self.topic}"
        assert self.failures == []

    def _delivered(self, error, _):
        if error is not None:
            self.failures.append(str(error))


def produce(cluster, topic, batch, **settings):
    sender = Sender(cluster, topic, **settings)
    for item in batch:
        sender.send(item)
    sender.finish()


class SteadyStream:
    """Sends `per_second` messages until the end of a with statement."""

    TICK = 0.02  # seconds

    def __init__(self, cluster, topic, per_second, make=message):
        self.sender = Sender(cluster, topic)
        self.per_tick = max(1, round(per_second * self.TICK))
        self.make = make
        self.sent = []
        self.failure = None
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ends.set()
        self.thread.join()
        if kind is None:
            if self.failure:
                raise self.failure
            self.sender.finish()

    def _run(self):
        try:
            due = time.monotonic()
            while not self.ends.wait(max(0, due - time.monotonic())):
                due += self.TICK
                for _ in range(self.per_tick):
                    item = self.make(len(self.sent))
                    self.sender.send(item)
                    self.sent.append(item)
        except Exception as error:  # raised again where the test waits
            self.failure = error


# ---- reading ---------------------------------------------------------------------------------

def partitions_of(cluster, topic, admin=None):
    found = (admin or cluster.admin).list_topics(topic, timeout=PATIENCE).topics[topic].partitions
    return [TopicPartition(topic, partition) for partition in sorted(found)]


def end_offsets(cluster, topic, isolation=IsolationLevel.READ_UNCOMMITTED):
    """{partition: offset of the next message}; committed: of the first one not yet decided."""
    admin, deadline = cluster.admin, time.monotonic() + PATIENCE
    while True:
        try:
            return _end_offsets(cluster, admin, topic, isolation)
        except KafkaException as error:
            if (error.args[0].code() != KafkaError.UNKNOWN_LEADER_EPOCH
                    or time.monotonic() > deadline):
                raise
        # The client remembers an epoch that the broker had not written down when it was killed,
        # or has not read yet since it is back.
        time.sleep(0.1)
        admin = AdminClient(cluster.client())


def _end_offsets(cluster, admin, topic, isolation):
    asked = admin.list_offsets(
        {partition: OffsetSpec.latest() for partition in partitions_of(cluster, topic, admin)},
        isolation_level=isolation, request_timeout=PATIENCE)
    return {partition.partition: future.result().offset for partition, future in asked.items()}


def read(cluster, topic, isolation="read_committed"):
    """All records of a topic. A transaction that is open is waited for: it hides records."""
    assert eventually(
        lambda: end_offsets(cluster, topic) ==
        end_offsets(cluster, topic, IsolationLevel.READ_COMMITTED)), f"{topic}: open transaction"
    consumer = Consumer(cluster.client(group_id=f"reader-of-{topic}", isolation_level=isolation,
                                       enable_partition_eof=True, enable_auto_commit=False,
                                       auto_offset_reset="error"))
    partitions = partitions_of(cluster, topic)
    for partition in partitions:
        partition.offset = 0
    consumer.assign(partitions)
    at_end, records = set(), []
    try:
        while len(at_end) < len(partitions):
            first = consumer.poll(PATIENCE)
            assert first is not None, f"{topic} gives nothing more, and no end"
            for got in (first, *consumer.consume(10000, 0)):
                error = got.error()
                if error is None:
                    records.append(_record(got))
                elif error.code() == KafkaError._PARTITION_EOF:
                    at_end.add(got.partition())
                else:
                    raise AssertionError(f"{topic}: {error}")
    finally:
        consumer.close()
    return records


def _record(got):
    kind, timestamp = got.timestamp()
    assert kind == TIMESTAMP_CREATE_TIME
    return Record(got.topic(), got.partition(), got.offset(), got.key(), got.value(),
                  tuple(got.headers() or ()), timestamp)


# ---- exactly once ----------------------------------------------------------------------------

def assert_exactly_once(inputs, outputs, dead_letters=(), scores=None, output_partitions=None):
    """Every input has one output or one dead letter, its own, right and in order. `scores`:
    {model version: float32 of each golden row}. `output_partitions`: number of them, by
    default as many as of inputs."""
    _assert_counts(inputs, outputs, dead_letters, at_most=1)
    _assert_in_order(outputs)
    _assert_in_order(dead_letters)
    _assert_answers(inputs, outputs, dead_letters, scores, output_partitions)


def assert_at_least_once(inputs, outputs, dead_letters=(), scores=None, output_partitions=None):
    """The same, but for repeats and, with them, for the order."""
    _assert_counts(inputs, outputs, dead_letters, at_most=None)
    _assert_answers(inputs, outputs, dead_letters, scores, output_partitions)


def _assert_counts(inputs, outputs, dead_letters, at_most):
    asked = {record.position for record in inputs}
    assert len(asked) == len(inputs)
    answered = Counter(record.origin for record in (*outputs, *dead_letters))
    lost = sorted(asked - answered.keys())
    strange = sorted(answered.keys() - asked)
    repeated = sorted(origin for origin, times in answered.items()
                      if at_most is not None and times > at_most)
    for what, found in (("lost", lost), ("more than once", repeated), ("of no input", strange)):
        assert not found, f"{len(found)} of {len(inputs)} {what}, the first: {found[:5]}"


def _assert_in_order(records):
    last = {}
    for record in sorted(records, key=lambda record: (record.partition, record.offset)):
        topic, partition, offset = record.origin
        place = record.topic, record.partition, topic, partition
        assert offset > last.get(place, -1), \
            f"{record.position} answers offset {offset} after {last[place]} of {topic}[{partition}]"
        last[place] = offset


def _assert_answers(inputs, outputs, dead_letters, scores, output_partitions):
    scores = scores or shipped_scores()
    asked = {record.position: record for record in inputs}
    n = output_partitions or 1 + max((record.partition for record in inputs), default=0)
    for output in outputs:
        asking = asked[output.origin]
        assert output.partition == asking.partition % n, ("another partition", output, asking)
        assert output.headers[:-1] == passed_on(asking), ("other headers", output, asking)
        assert output.headers[-1][0] == POSITION, output
        _assert_kept(asking, output)
        _assert_score(asking, output.reply, scores)
    for letter in dead_letters:
        asking = asked[letter.origin]
        if is_cut(asking, letter):
            continue
        own = len(passed_on(asking))
        assert letter.headers[:own] == passed_on(asking), ("other headers", letter, asking)
        assert sorted(name for name, _ in letter.headers[own:]) == sorted(DEAD_LETTER_HEADERS)
        assert letter.value == asking.value, ("another value", letter, asking)
        _assert_kept(asking, letter)


def passed_on(asking):
    """Headers that its answer must have: all but those of an answer before."""
    return tuple(pair for pair in asking.headers if not pair[0].startswith("rowan-"))


def is_cut(asking, letter):
    """Did the topic not take the letter whole, and does it say so?"""
    words = f"value of {len(asking.value or b'')} bytes left out"
    return letter.value is None and asking.value is not None and words in letter.detail


def _assert_kept(asking, answer):
    assert answer.key == asking.key, ("another key", answer, asking)
    assert answer.timestamp == asking.timestamp, ("another timestamp", answer, asking)


def _assert_score(asking, reply, scores):
    request = json.loads(asking.value)
    request = {**request, **request.get("data", {})}
    assert reply["transaction_id"] == request["transaction_id"], ("another id", asking, reply)
    expected = scores[reply["model_version"]][row_of(request["transaction_id"])]
    got = numpy.float32(reply["fraud_probability"])
    assert got.tobytes() == expected.tobytes(), ("another score", expected, asking, reply)


def by_partition(records):
    """{partition: its records in the order of offsets}."""
    found = defaultdict(list)
    for record in sorted(records, key=lambda record: record.offset):
        found[record.partition].append(record)
    return dict(found)
