"""What rowan-stream counts is what was sent, and its lag is Kafka's own."""

import subprocess
import time
from collections import Counter

import pytest

from kafka import eventually
from pipeline import SHORT_SESSION
from records import flat, message, messages
from stream import FRAUD, ROWAN, replace_link
from server import Server  # of tests/http, which stream.py puts on the path

N = 3000
BAD = {0: (b"{", "invalid_json"), 1: (b"{}", "contract_violation"), 2: (None, "tombstone")}


def mixture(n, prefix="t"):
    """Nine in ten messages are good."""
    for number in range(n):
        value, reason = BAD[number // 10 % 3] if number % 10 == 0 else (flat, None)
        yield message(number, value, prefix, reason=reason)


def kafkas_lag(pipeline):
    """{partition: lag} of kafka-consumer-groups."""
    text = pipeline.cluster.tool("consumer.group.ConsumerGroupCommand", "--describe", "--group",
                                 pipeline.group)
    header, *lines = [line.split() for line in text.splitlines() if line.strip()]
    rows = [dict(zip(header, line)) for line in lines]
    return {row["PARTITION"]: float(row["LAG"]) for row in rows if row["TOPIC"] == pipeline.input}


def shown_lag(pipeline, metrics):
    return {dict(labels)["partition"]: value for labels, value in metrics.series(
        "kafka_consumer_lag", topic=pipeline.input, consumer_group=pipeline.group).items()}


def assert_lag_is_kafkas(pipeline, stream, total):
    expected = kafkas_lag(pipeline)
    assert len(expected) == pipeline.partitions and sum(expected.values()) == total
    assert stream.settled(lambda metrics: shown_lag(pipeline, metrics), expected) == expected
    assert stream.settled(lambda metrics: metrics.series("kafka_queue_length"), {
        frozenset({("topic", pipeline.input)}): total}) == {
        frozenset({("topic", pipeline.input)}): total}


# ---- lag -----------------------------------------------------------------------------------------

def test_lag_and_queue_are_kafkas_own(pipeline, tmp_path):
    """A stream that waits for its model reads nothing: the lag stands still to be compared."""
    model = tmp_path / "model"
    pipeline.produce(message(number, partition=number % 6) for number in range(600))
    with pipeline.stream() as stream:
        pipeline.wait()
        assert_lag_is_kafkas(pipeline, stream, 0)
    # Uneven, and with a partition to which nothing was added.
    pipeline.produce(message(number, partition=number % 5 * (number % 3 > 0))
                     for number in range(1000, 2000))
    waiting = pipeline.stream(model=model, environment={"MODEL_OPTIONAL": "1"}).start(wait=False)
    assert eventually(waiting.is_live), waiting.log
    assert_lag_is_kafkas(pipeline, waiting, 1000)
    assert not waiting.is_ready()
    assert waiting.probe("ready").stderr.strip()
    replace_link(model, FRAUD)
    waiting.wait_until_ready()
    pipeline.wait()
    assert_lag_is_kafkas(pipeline, waiting, 0)
    waiting.stop()
    pipeline.check()


def test_lag_of_a_group_that_never_committed(pipeline, tmp_path):
    """kafka-consumer-groups shows no number; all that stands in the topic has to be done."""
    pipeline.produce(messages(500))
    waiting = pipeline.stream(model=tmp_path / "model", environment={"MODEL_OPTIONAL": "1"})
    waiting.start(wait=False)
    assert waiting.settled(lambda metrics: metrics.total("kafka_queue_length"), 500) == 500
    assert sum(shown_lag(pipeline, waiting.metrics()).values()) == 500
    waiting.stop()


# ---- counts --------------------------------------------------------------------------------------

def count_of(metrics, name, **labels):
    """Observations of a histogram, all of its series."""
    return metrics.total(name + "_count", **labels)


def assert_counts(pipeline, stream):
    """Exactly what a reader of committed messages sees."""
    _, outputs, dead_letters = pipeline.check()
    n = len(outputs) + len(dead_letters)
    assert stream.settled(lambda metrics: metrics.total("kafka_messages_consumed_total"), n) == n
    metrics = stream.metrics()
    assert metrics.by("kafka_messages_consumed_total", "topic") == {(pipeline.input,): n}
    assert metrics.by("kafka_messages_produced_total", "topic") == Counter(
        {(pipeline.output,): len(outputs), (pipeline.dead_letter,): len(dead_letters)})
    assert metrics.by("kafka_dead_letters_total", "topic", "reason") == Counter(
        (pipeline.input, letter.reason) for letter in dead_letters)
    versions = Counter((output.reply["model_version"],) for output in outputs)
    assert metrics.by("ml_model_predictions_total", "model_version") == versions
    for name in ("ml_model_fraud_probability", "ml_model_confidence_score",
                 "kafka_end_to_end_latency_seconds"):
        assert count_of(metrics, name) == len(outputs), name
    assert metrics.total("ml_model_fraud_probability_sum") == pytest.approx(
        sum(output.reply["fraud_probability"] for output in outputs), rel=1e-6)
    committed = metrics.total("kafka_transactions_total", outcome="committed")
    assert count_of(metrics, "kafka_transaction_duration_seconds") >= committed > 0


def test_counts_are_what_was_sent(pipeline):
    pipeline.produce(mixture(N))
    with pipeline.stream(threads=2) as stream:
        pipeline.wait()
        assert_counts(pipeline, stream)
    # The process is gone, its counts are not.
    assert stream.metrics().total("kafka_messages_consumed_total") == N


def test_counts_grow_over_restarts(pipeline):
    for number in range(3):
        pipeline.produce(mixture(N, f"part{number}"))
        stream = pipeline.streams[0] if pipeline.streams else pipeline.stream()
        with stream:
            pipeline.wait()
    assert_counts(pipeline, stream)


def test_latency_is_the_time_to_the_commit(pipeline):
    """Messages that say they were sent a minute ago are a minute late."""
    now = round(time.time() * 1000)
    pipeline.produce(message(number, timestamp=now - 60_000) for number in range(200))
    with pipeline.stream() as stream:
        pipeline.wait()
        waited = time.time() - now / 1000
        count = stream.settled(
            lambda metrics: count_of(metrics, "kafka_end_to_end_latency_seconds"), 200)
        assert count == 200
        total = stream.metrics().total("kafka_end_to_end_latency_seconds_sum")
        assert 60 <= total / 200 <= 60 + waited + 1
    pipeline.check()


def test_promtool_finds_nothing_to_complain_about(pipeline):
    pipeline.produce(mixture(100))
    with pipeline.stream() as stream:
        pipeline.wait()
        text = subprocess.run([ROWAN, "metrics", stream.metrics_dir], check=True,
                              capture_output=True).stdout
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout + checked.stderr == b""


def test_nginx_of_the_same_pod_tells_of_both(pipeline, tmp_path):
    """One METRICS_DIR, one scrape."""
    tmp_path.chmod(0o755)
    pipeline.produce(messages(100))
    with pipeline.stream() as stream:
        with Server(tmp_path / "http", METRICS_DIR=stream.metrics_dir) as server:
            pipeline.wait()
            for line in (f'kafka_messages_consumed_total{{topic="{pipeline.input}"}} 100',
                         'http_requests_total{method="GET",endpoint="/metrics"'):
                assert eventually(lambda line=line: line in server.get("/metrics").text), line
    pipeline.check()


# ---- time goes on --------------------------------------------------------------------------------

def moves(stream, *names):
    """Do all of these grow while nothing happens?"""
    first = stream.metrics()
    return all(eventually(lambda: stream.metrics().total(name) > first.total(name))
               for name in names)


def test_an_idle_stream_shows_that_it_lives(pipeline):
    with pipeline.stream() as stream:
        assert moves(stream, "rowan_stream_heartbeat_timestamp_seconds",
                     "kafka_lag_timestamp_seconds", "process_cpu_seconds_total")
        assert stream.is_live() and stream.is_ready()


def test_a_broker_that_is_away(mortal_cluster, pipeline_on):
    """live does not mind; ready does, and comes back; the last lag stays, and says its age."""
    pipeline = pipeline_on(mortal_cluster)
    pipeline.produce(mixture(N))
    with pipeline.stream(properties=SHORT_SESSION) as stream:
        pipeline.wait()
        assert stream.settled(lambda metrics: metrics.total("kafka_queue_length"), 0) == 0
        assert stream.metrics().total("kafka_broker_up") == 1
        assert stream.metrics().total("rowan_stream_ready") == 1
        with mortal_cluster.away():
            assert stream.settled(lambda metrics: metrics.total("kafka_broker_up"), 0) == 0
            assert eventually(lambda: not stream.is_ready())
            told = stream.metrics().total("kafka_lag_timestamp_seconds")
            assert moves(stream, "rowan_stream_heartbeat_timestamp_seconds",
                         "process_cpu_seconds_total")
            assert stream.metrics().total("kafka_lag_timestamp_seconds") == told
            assert len(shown_lag(pipeline, stream.metrics())) == 6
            assert stream.is_live()
            assert stream.settled(lambda metrics: metrics.total("rowan_stream_ready"), 0) == 0
        assert stream.settled(lambda metrics: metrics.total("kafka_broker_up"), 1) == 1
        stream.wait_until_ready()
        pipeline.produce(mixture(N, "after"))
        pipeline.wait()
        assert_counts(pipeline, stream)


def test_probes_of_nobody(tmp_path, pipeline):
    """A directory without a process has neither."""
    stream = pipeline.stream()
    for action in ("live", "ready"):
        told = stream.probe(action)
        assert told.returncode == 1
        assert len(told.stderr.splitlines()) == 1
    with stream:
        pass
    assert stream.probe("live").returncode == 1
