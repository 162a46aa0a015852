"""What make bench-kafka measures with: a broker, a model directory, transactions, clocks.

The broker and all that is not measured share CPU OTHERS_CPU; the program under test has
CPU TESTED_CPU, with all its threads.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import models
import numpy as np
import peers
import xgboost
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

ROOT = peers.ROOT
sys.path += [str(ROOT / "tests" / "kafka"), str(Path(__file__).parent / "python_streams")]

import kafka  # noqa: E402
from transactions import Contract  # noqa: E402

NATIVE = peers.BUILD / "bench"
SHIPPED = ROOT / "models" / "fraud"
TESTED_CPU, OTHERS_CPU = 0, 1
PARTITIONS = 6
PATIENCE = 120  # seconds without progress until a program counts as hung
LOOK_EVERY = 0.025  # seconds between two questions for committed offsets
FIELDS = ("customer_id", "terminal_id", "tx_amount", "tx_time_seconds", "tx_time_days",
          "tx_fraud_scenario")
# Compiled to the end, with memory to spare: the broker is not what is measured.
JAVA = ("java", "-Xms1g", "-Xmx1g", "-XX:+UseSerialGC", "-Xshare:auto",
        f"-Dlog4j2.configurationFile={kafka.HERE / 'log4j2.properties'}")


# ---- the broker -----------------------------------------------------------------------------


class Broker:
    """One real broker whose log is in memory: no disk takes part."""

    def __init__(self, folder):
        kafka.JAVA = JAVA
        self.cluster = kafka.Cluster(folder, log_segment_delete_delay_ms=1000)
        self.n_topics = 0

    def __enter__(self):
        os.sched_setaffinity(0, {OTHERS_CPU})
        self.cluster.start()
        return self

    def __exit__(self, *_):
        self.cluster.stop()

    @property
    def address(self):
        return self.cluster.brokers

    def topic(self, name):
        self.n_topics += 1
        return self.cluster.create_topic(f"{name}-{self.n_topics}", PARTITIONS)

    @contextmanager
    def output(self):
        """A new topic, whose messages carry the time at which the broker took them."""
        self.n_topics += 1
        name = self.cluster.create_topic(f"output-{self.n_topics}", PARTITIONS,
                                         message_timestamp_type="LogAppendTime")
        yield name
        self.cluster.admin.delete_topics([name])[name].result(PATIENCE)

    def reader(self, group):
        # Of an open transaction's offsets nothing is seen, and they are not waited for.
        return Consumer(self.cluster.client(group_id=group, enable_auto_commit=False,
                                            isolation_level="read_uncommitted"))

    def first_messages(self, topic, n):
        """Of each partition the first message, and n that come first."""
        reader, first, several = self.reader("bench-reader"), {}, []
        places = [TopicPartition(topic, i, 0) for i in range(PARTITIONS)]
        # A short run may have written to some of the partitions only.
        places = [place for place in places
                  if reader.get_watermark_offsets(place, PATIENCE, cached=False)[1] > 0]
        reader.assign(places)
        while len(first) < len(places) or len(several) < n:
            message = reader.poll(PATIENCE)
            if message is None or message.error():
                raise peers.Failed(f"{topic} cannot be read: {message and message.error()}")
            first.setdefault(message.partition(), message)
            if len(several) < n:
                several.append(message)
        reader.close()
        return first.values(), several


def committed(reader, topic):
    try:
        places = reader.committed([TopicPartition(topic, i) for i in range(PARTITIONS)], PATIENCE)
    except KafkaException as error:
        if error.args[0].code() in (KafkaError.NOT_COORDINATOR,
                                    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
                                    KafkaError.COORDINATOR_NOT_AVAILABLE):
            return 0  # a broker that has just started: nothing has been committed there yet
        raise
    return sum(max(place.offset, 0) for place in places)


# ---- the model and the transactions -----------------------------------------------------------


class Model:
    """M2 with the shipped contract: a model directory, and its form for ONNX Runtime."""

    def __init__(self, folder):
        trained = models.ensure()
        onnx = next(peer for peer in peers.PEERS if peer.name == "ONNX Runtime")
        converted, _ = peers.convert(onnx, peers.environment(onnx), trained)
        self.folder, self.onnx, self.ubj = folder, converted / "M2.onnx", folder / "model.ubj"
        folder.mkdir()
        shutil.copy(trained / "M2.ubj", self.ubj)
        shutil.copy(SHIPPED / "contract.json", folder)
        self.contract, self.booster = Contract(folder), xgboost.Booster(model_file=self.ubj)
        requests = [json.loads(line)["request"]
                    for line in (SHIPPED / "golden.jsonl").read_text().splitlines()]
        golden = [json.dumps({"request": request, "fraud_probability": float(str(score))})
                  for request, score in zip(requests, self.scores(requests), strict=True)]
        (folder / "golden.jsonl").write_text("\n".join(golden) + "\n")
        # The window features are left out: messages of the size that the goals are for.
        self.transactions = [{name: request[name] for name in FIELDS}
                             for request in requests if all(name in request for name in FIELDS)]
        self.expected = self.scores(self.transactions)
        self.lines = folder / "lines.tsv"
        self.lines.write_text("".join(
            f"{line['customer_id']}\t{json.dumps(line, separators=(',', ':'))[1:]}\n"
            for line in self.transactions))

    def scores(self, requests):
        rows = np.array([self.contract.row(request) for request in requests], dtype=np.float32)
        return self.booster.inplace_predict(rows)

    def distance(self, messages):
        """How far predictions are from XGBoost's own, at most, in float32."""
        found = [json.loads(message.value()) for message in messages]
        index = [int(reply["transaction_id"].removeprefix("tx-")) for reply in found]
        expected = self.expected[np.array(index) % len(self.expected)]
        scores = np.array([reply["fraud_probability"] for reply in found], dtype=np.float32)
        return float(np.max(np.abs(scores.astype(np.float64) - expected)))


def fill(broker, model, n):
    """(topic, mean bytes of a message) with n transactions."""
    topic = broker.topic("input")
    printed = peers.run([NATIVE / "stream_fill", broker.address, topic, model.lines, n])
    return topic, peers.parse(printed)["mean_bytes"]


# ---- processes -----------------------------------------------------------------------------------


def cpu_seconds(pid):
    """User and system time of all threads, those that have ended too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Process:
    """A program on TESTED_CPU. It is ended at the end, if it has not ended by itself."""

    def __init__(self, command, log, pipe=False):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("KAFKA_", "MODEL_", "REPLICA_"))}
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                ["taskset", "--cpu-list", str(TESTED_CPU), *map(str, command)],
                env=environment | {"REPLICA_ID": "bench", "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if pipe else out, stderr=out)
        self.pid = self.process.pid
        self.usage = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.usage is None:
            self.process.kill() if kind else self.process.terminate()
            self._wait(0)

    def _wait(self, flags):
        pid, status, usage = os.wait4(self.pid, flags)
        if pid:
            self.usage = usage
            self.process.returncode = os.waitstatus_to_exitcode(status)
        return bool(pid)

    def has_ended(self):
        return self.usage is not None or self._wait(os.WNOHANG)

    def wait(self):
        if self.usage is None:
            self._wait(0)

    def figures(self):
        """(CPU seconds, peak MB) of its life so far."""
        if self.has_ended():
            return self.usage.ru_utime + self.usage.ru_stime, self.usage.ru_maxrss / 1024
        return cpu_seconds(self.pid), peak_mb(self.pid)

    def check(self):
        if self.has_ended() and self.process.returncode:
            raise peers.Failed(f"status {self.process.returncode}: "
                               f"{peers.last_line(self.log.read_text(errors='replace'))}")


def wait_until_committed(broker, process, group, topic, n):
    """The time (Unix) at which the group has committed all n messages."""
    reader, seen, moved = broker.reader(group), 0, time.monotonic()
    try:
        while (now := committed(reader, topic)) < n:
            process.check()
            if now > seen:
                seen, moved = now, time.monotonic()
            if time.monotonic() - moved > PATIENCE:
                raise peers.Failed(f"hangs after {seen} of {n} messages")
            time.sleep(LOOK_EVERY)
        return time.time()
    finally:
        reader.close()
