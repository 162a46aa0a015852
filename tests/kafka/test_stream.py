"""Transactions in, predictions out: what a healthy rowan-stream does with every message."""

import json
import re
import signal

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewPartitions

from kafka import PATIENCE, eventually
from records import (FIRST_TIMESTAMP, as_json, by_partition, flat, message, messages,
                     transaction)
from stream import FRAUD, run
from server import Server  # of tests/http, which stream.py puts on the path

N = 1000  # every golden row once


# ---- shapes of a message -----------------------------------------------------------------------

def nested(number, prefix):
    """As the producers of the first pipeline wrap it."""
    return as_json({"event": "transaction", "data": transaction(number, prefix), "source": None})


def id_in_envelope(number, prefix):
    inner = transaction(number, prefix)
    name = inner.pop("transaction_id")
    return as_json({"transaction_id": name, "data": inner})


def with_spaces(number, prefix):
    return json.dumps(transaction(number, prefix), indent=2).encode()


@pytest.mark.parametrize("shape", [flat, nested, id_in_envelope, with_spaces])
def test_every_message_is_scored(pipeline, shape):
    with pipeline.stream():
        pipeline.produce(messages(N, shape))
        pipeline.wait()
    _, outputs, dead_letters = pipeline.check()
    assert (len(outputs), dead_letters) == (N, [])


def test_shapes_in_any_mixture(pipeline):
    shapes = flat, nested, id_in_envelope, with_spaces
    pipeline.produce(message(number, shapes[number % 4]) for number in range(N))
    with pipeline.stream():
        pipeline.wait()
    pipeline.check()


def test_the_value_is_the_reply_of_predict(pipeline, tmp_path):
    """Byte for byte what nginx answers to the same transaction, but for the time."""
    def timeless(text):
        return re.sub(rb'"prediction_time":"[^"]*"', b"", text)

    tmp_path.chmod(0o755)
    pipeline.produce(messages(50))
    with pipeline.stream():
        pipeline.wait()
    inputs, outputs, _ = pipeline.check()
    asked = {record.position: record.value for record in inputs}
    with Server(tmp_path / "nginx") as server, server.client() as client:
        for output in outputs:
            reply = client.post("/predict", content=asked[output.origin],
                                headers={"Content-Type": "application/json"})
            assert reply.status_code == 200
            assert timeless(output.value) == timeless(reply.content)
            assert timeless(output.value) != output.value


# ---- messages as Kafka has them -----------------------------------------------------------------

def test_each_compression(pipeline):
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        pipeline.produce(messages(200, prefix=codec), compression_type=codec, linger_ms=50)
    with pipeline.stream():
        pipeline.wait()
    pipeline.check()


def test_predictions_may_be_compressed(pipeline):
    pipeline.produce(messages(N))
    with pipeline.stream(properties={"producer.compression.type": "zstd"}):
        pipeline.wait()
    pipeline.check()


def test_messages_without_keys(pipeline):
    """They spread over the partitions as their producer likes; answers stay beside them."""
    pipeline.produce(message(number, key=None, partition=number % 6) for number in range(N))
    with pipeline.stream():
        pipeline.wait()
    _, outputs, _ = pipeline.check()
    assert {output.key for output in outputs} == {None}
    assert len(by_partition(outputs)) == 6


def test_keys_of_any_bytes(pipeline):
    keys = (b"", b"\0", b"\xff\xfe", b"k" * 10000, None)
    pipeline.produce(message(number, key=key) for number, key in enumerate(keys))
    with pipeline.stream():
        pipeline.wait()
    pipeline.check()


def test_timestamps_of_any_age(pipeline):
    times = (1, 1_000_000_000_000, FIRST_TIMESTAMP)
    pipeline.produce(message(number, timestamp=time) for number, time in enumerate(times))
    with pipeline.stream():
        pipeline.wait()
    pipeline.check()


def test_messages_of_aborted_transactions_are_not_scored(pipeline):
    producer = Producer(pipeline.cluster.client(transactional_id=f"{pipeline.group}-producer"))
    producer.init_transactions(PATIENCE)
    for number, end in ((0, producer.commit_transaction), (1, producer.abort_transaction),
                        (2, producer.commit_transaction)):
        producer.begin_transaction()
        batch = [message(100 * number + i, partition=i % 6) for i in range(100)]
        for item in batch:
            producer.produce(pipeline.input, item.value, item.key, item.partition,
                             headers=item.headers, timestamp=item.timestamp)
        assert producer.flush(PATIENCE) == 0
        end(PATIENCE)
        if end == producer.commit_transaction:
            pipeline.sent += batch
    # Behind it all one plain message a partition: once it is done, so is everything.
    pipeline.produce(message(300 + i, partition=i) for i in range(6))
    with pipeline.stream():
        pipeline.wait()
    pipeline.check()


# ---- order, threads, partitions ------------------------------------------------------------------

def test_order_of_a_long_partition(pipeline_on, cluster):
    pipeline = pipeline_on(cluster, partitions=1)
    pipeline.produce(messages(20_000))
    with pipeline.stream():
        pipeline.wait()
    _, outputs, _ = pipeline.check()
    offsets = [output.origin[2] for output in by_partition(outputs)[0]]
    assert offsets == list(range(20_000))


def test_threads_share_the_partitions(pipeline):
    pipeline.produce(messages(20_000))
    with pipeline.stream(threads=3) as stream:
        pipeline.wait()
        assert stream.settled(lambda metrics: metrics.total("kafka_assigned_partitions"), 6) == 6
    pipeline.check()


def test_more_threads_than_partitions(pipeline_on, cluster):
    """A member without partitions is ready all the same."""
    pipeline = pipeline_on(cluster, partitions=2)
    pipeline.produce(messages(N))
    with pipeline.stream(threads=4):
        pipeline.wait()
    pipeline.check()


@pytest.mark.parametrize("n_input, n_output", [(3, 8), (6, 2), (1, 6)])
def test_output_topics_of_another_size(pipeline_on, cluster, n_input, n_output):
    pipeline = pipeline_on(cluster, partitions=n_input, output_partitions=n_output)
    pipeline.produce(message(number, partition=number % n_input) for number in range(N))
    with pipeline.stream():
        pipeline.wait()
    _, outputs, _ = pipeline.check()
    assert sorted(by_partition(outputs)) == list(range(min(n_input, n_output)))


def test_partitions_that_are_added_are_read(pipeline_on, cluster):
    pipeline = pipeline_on(cluster, partitions=2)
    with pipeline.stream(properties={"topic.metadata.refresh.interval.ms": "500"}):
        pipeline.produce(message(number, partition=number % 2) for number in range(100))
        pipeline.wait()
        cluster.admin.create_partitions([NewPartitions(pipeline.input, 4)])[
            pipeline.input].result(PATIENCE)
        assert eventually(lambda: cluster.partitions(pipeline.input) == 4)
        pipeline.produce(message(number, partition=number % 4) for number in range(100, 200))
        pipeline.wait()
    pipeline.check()


def test_topics_that_do_not_exist_yet(pipeline_on, cluster):
    """It waits for them, and lives meanwhile."""
    pipeline = pipeline_on(cluster, create=False)
    stream = pipeline.stream(properties={"topic.metadata.refresh.interval.ms": "500"})
    stream.start(wait=False)
    assert eventually(stream.is_live), stream.log
    for topic in (pipeline.input, pipeline.output, pipeline.dead_letter):
        assert stream.process.poll() is None, stream.log
        cluster.create_topic(topic)
    pipeline.produce(messages(N))
    pipeline.wait()
    stream.stop()
    pipeline.check()


# ---- delivery ------------------------------------------------------------------------------------

def test_at_least_once(pipeline):
    pipeline.produce(messages(N))
    with pipeline.stream(delivery="at-least-once"):
        pipeline.wait()
    pipeline.check()  # nothing failed: nothing comes twice


def test_at_least_once_loses_nothing_when_killed(pipeline):
    properties = {"consumer.group.instance.id": pipeline.group}
    with pipeline.steady(2000):
        for _ in range(5):
            stream = pipeline.stream(delivery="at-least-once", properties=properties).start()
            pipeline.wait_for_more(500)
            stream.kill()
    with pipeline.stream(delivery="at-least-once", properties=properties):
        pipeline.wait()
    pipeline.check(once=False)


def test_a_restart_goes_on_where_it_was(pipeline):
    for number in range(3):
        pipeline.produce(messages(N, prefix=f"part{number}"))
        with pipeline.stream():
            pipeline.wait()
    pipeline.check()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_a_signal_ends_it_between_two_batches(pipeline, ending):
    """SIGQUIT is what the image stops every container with: nginx drains on it."""
    with pipeline.steady(2000):
        for _ in range(2):
            stream = pipeline.stream().start()
            pipeline.wait_for_more(500)
            stream.process.send_signal(ending)
            assert stream.wait() == 0, stream.log
    assert " stops" in stream.log
    with pipeline.stream():
        pipeline.wait()
    pipeline.check()


@pytest.mark.parametrize("linger", [0, 1000])
def test_linger(pipeline, linger):
    with pipeline.stream(linger=linger):
        for number in range(5):
            pipeline.produce(messages(10, prefix=f"part{number}"))
            pipeline.wait()
    pipeline.check()


# ---- another reader, the command line ------------------------------------------------------------

def test_kafkas_own_consumer_reads_the_predictions(pipeline):
    """kafka-console-consumer, which shares no code with librdkafka, sees the committed ones."""
    pipeline.produce(messages(N))
    with pipeline.stream():
        pipeline.wait()
    _, outputs, _ = pipeline.check()
    text = pipeline.cluster.tool(
        "consumer.ConsoleConsumer", "--topic", pipeline.output, "--from-beginning",
        "--isolation-level", "read_committed", "--max-messages", N, "--timeout-ms",
        1000 * PATIENCE, "--formatter-property", "print.key=true", "--formatter-property",
        "print.partition=true", "--formatter-property", "print.offset=true")
    seen = sorted(text.splitlines())
    assert seen == sorted(f"Partition:{output.partition}\tOffset:{output.offset}\t"
                          f"{output.key.decode()}\t{output.value.decode()}" for output in outputs)


def test_help_names_every_option():
    told = run("--help")
    assert (told.returncode, told.stderr) == (0, "")
    for words in ("--brokers", "--input", "--output", "--dead-letter", "--group", "--model",
                  "--metrics-dir", "--delivery", "--threads", "--linger", "-X", "-F",
                  "KAFKA_BOOTSTRAP_SERVERS", "REPLICA_ID", "live", "ready",
                  "rowan-stream --brokers localhost:9092"):
        assert words in told.stdout, words
    assert all(len(line) <= 100 for line in told.stdout.splitlines())


def test_what_is_missing_is_named(tmp_path):
    told = run("--model", FRAUD)
    assert told.returncode == 2
    assert "KAFKA_BOOTSTRAP_SERVERS" in told.stderr
    told = run("--brokers", "127.0.0.1:1", "--model", tmp_path / "nothing")
    assert told.returncode == 1
    assert str(tmp_path / "nothing") in told.stderr
