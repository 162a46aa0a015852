"""rowan-stream on 1 to 6 replicas and 1 to 24 partitions, each replica with a share of a CPU.

Brokers, replicas and programs that fill topics are real processes; the brokers' logs are in
memory. One topic for each number of partitions and of replicas that have work: every replica has
as much of it. Its time goes from the first message in the output topic (the broker's time stamp)
until the group has committed the last one, so that the replica that ends last decides.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from quota import Group, Machine

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
MODEL = ROOT / "models" / "fraud"
SHIPPED = ROOT / "argocd" / "manifests" / "kafka" / "kafka.env"
STREAM = BUILD / "src" / "stream" / "rowan-stream"
ROWAN = BUILD / "src" / "cli" / "rowan"
LOAD_TEST = BUILD / "load-testing" / "kafka-load-test"
sys.path.append(str(ROOT / "tests" / "kafka"))

import kafka  # noqa: E402

# Compiled to the end, with memory to spare: the broker is not what is measured.
JAVA = ("java", "-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-Xshare:auto",
        f"-Dlog4j2.configurationFile={kafka.HERE / 'log4j2.properties'}")
STEADY_PARTITIONS = 24
PATIENCE = 120  # seconds without progress until a replica counts as hung
READ_AT_ONCE = 10_000  # messages
# A replica has kept up that has committed everything so soon after the last message, and had a
# part of its share left.
SECONDS_BEHIND, SHARE_IN_USE = 1.0, 0.9
LOOK_EVERY = 0.1
JOIN_MS = 1500  # the group waits so long for its members, so that all begin at once
START_SECONDS = 1.2  # by then a replica has loaded its model and waits for the group
SETTINGS = {"group_initial_rebalance_delay_ms": JOIN_MS, "log_segment_delete_delay_ms": 500,
            "offsets_topic_num_partitions": 12, "transaction_state_log_num_partitions": 12}
UNKNOWN = "Unknown topic or partition"  # kafka-load-test's word for it
NOT_YET = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
           KafkaError.COORDINATOR_NOT_AVAILABLE)


class Failed(Exception):
    """A measurement that gave no figure; says why."""


@dataclass(frozen=True)
class Point:
    """What is measured at once. `times`: as large a share of a CPU for each replica as that of
    the curves; `options`: more of rowan-stream's."""

    replicas: int
    partitions: int
    times: int = 1
    options: tuple = ()

    @property
    def working(self):
        """Replicas that have a partition."""
        return min(self.replicas, self.partitions)

    @property
    def work(self):
        """How many times the work of one replica."""
        return self.working * self.times


def environment():
    """The settings that are shipped for the container `stream`, and none of this machine's."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("KAFKA_", "MODEL_", "REPLICA_"))}
    lines = [line for line in SHIPPED.read_text().splitlines() if line and line[0] != "#"]
    return kept | dict(line.split("=", 1) for line in lines)


# ---- brokers ---------------------------------------------------------------------------------


class Brokers:
    """`n` real brokers whose topics have a replica on each, and the CPU time of all."""

    def __init__(self, folder, n=1):
        kafka.JAVA = JAVA
        in_sync = {"min_insync_replicas": n - 1} if n > 1 else {}
        self.cluster = kafka.Cluster(folder, n, **SETTINGS, **in_sync)
        self.group, self.n, self.n_topics = Group(), n, 0

    def __enter__(self):
        self.group.__enter__()
        try:
            self.cluster.start()
            for node in self.cluster.nodes:
                self.group.add(node.process.pid)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.cluster.stop()
        finally:
            self.group.__exit__()

    @property
    def address(self):
        return self.cluster.brokers

    def topic(self, name, partitions, **config):
        self.n_topics += 1
        return self.cluster.create_topic(f"{name}-{self.n_topics}", partitions, **config)

    @contextmanager
    def output(self, partitions):
        """A new topic, whose messages carry the time at which the broker took them. After a
        failure it goes with the brokers."""
        name = self.topic("output", partitions, message_timestamp_type="LogAppendTime")
        yield name
        self.delete(name)

    def delete(self, *names):
        for deleted in self.cluster.admin.delete_topics(list(names)).values():
            deleted.result(PATIENCE)

    def stored(self, topic):
        """Bytes of one replica of the topic, as they are on disk and went over the network."""
        data = self.cluster.nodes[0].data
        return sum(file.stat().st_size for file in data.glob(f"{topic}-*/*.log"))

    def reader(self):
        # Offsets are asked for by name of the group; this one never joins it.
        return self.cluster.client(enable_auto_commit=False, auto_offset_reset="earliest",
                                   isolation_level="read_uncommitted",
                                   fetch_message_max_bytes=65536)

    def read(self, topic, partitions, n):
        """The whole topic once, as a group that reads the predictions does: CPU us of the
        brokers a message."""
        before, seen, moved = self.group.cpu_seconds(), 0, time.monotonic()
        reader = Consumer(self.cluster.client(
            enable_auto_commit=False, auto_offset_reset="earliest", group_id="bench-reader",
            isolation_level="read_committed"))
        reader.assign([TopicPartition(topic, i, 0) for i in range(partitions)])
        try:
            while seen < n:
                got = reader.consume(READ_AT_ONCE, LOOK_EVERY)
                seen += sum(not message.error() for message in got)
                if got:
                    moved = time.monotonic()
                elif time.monotonic() - moved > PATIENCE:
                    raise Failed(f"{topic} has {seen:,} predictions to read, not {n:,}")
        finally:
            reader.close()
        return (self.group.cpu_seconds() - before) / n * 1e6

    def begun(self, topic, partitions):
        """Unix time of the first message of the topic."""
        reader, first = Consumer(self.reader() | {"group.id": "bench-reader"}), {}
        places = [TopicPartition(topic, i, 0) for i in range(partitions)]
        places = [place for place in places
                  if reader.get_watermark_offsets(place, PATIENCE, cached=False)[1] > 0]
        reader.assign(places)
        try:
            while len(first) < len(places):
                message = reader.poll(PATIENCE)
                if message is None or message.error():
                    raise Failed(f"{topic} cannot be read: {message and message.error()}")
                if message.partition() not in first:
                    first[message.partition()] = message.timestamp()[1] / 1000
                    reader.pause([TopicPartition(topic, message.partition())])
        finally:
            reader.close()
        return min(first.values())


def committed(reader, topic, partitions):
    try:
        places = reader.committed([TopicPartition(topic, i) for i in range(partitions)], PATIENCE)
    except KafkaException as error:
        if error.args[0].code() in NOT_YET:
            return 0
        raise
    return sum(max(place.offset, 0) for place in places)


# ---- replicas --------------------------------------------------------------------------------


class Replica:
    """One rowan-stream, in a group of its own."""

    def __init__(self, number, folder, share, options):
        self.number, self.options, self.process = number, options, None
        self.folder = folder / f"replica-{number}"
        self.metrics_dir = self.folder / "metrics"
        self.metrics_dir.mkdir(parents=True)
        self.group = Group(share)

    def __enter__(self):
        self.group.__enter__()
        try:
            self.start()
        except BaseException:
            self.group.__exit__()
            raise
        return self

    def start(self):
        command = [STREAM, *self.options, "--metrics-dir", self.metrics_dir]
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                self.group.command(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment() | {"REPLICA_ID": f"bench-{self.number}"})

    def __exit__(self, kind, *_):
        self.process.kill() if kind else self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.group.__exit__()

    def check(self):
        if self.process.poll() is not None:
            log = (self.folder / "log").read_text(errors="replace").splitlines()
            raise Failed(f"rowan-stream has ended: {log[-1] if log else 'no log'}")

    def wait_until_ready(self):
        def is_ready():
            self.check()
            return subprocess.run([STREAM, "ready", *self.options, "--metrics-dir",
                                   self.metrics_dir], capture_output=True,
                                  env=environment()).returncode == 0
        if not kafka.eventually(is_ready):
            raise Failed("rowan-stream does not become ready")

    def counted(self):
        """(messages, transactions) that it says it has committed."""
        text = subprocess.run([ROWAN, "metrics", self.metrics_dir], check=True, text=True,
                              capture_output=True).stdout
        return tuple(sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                         if line.startswith(name))
                     for name in ("kafka_messages_produced_total{",
                                  'kafka_transactions_total{outcome="committed"'))


# ---- a measurement ----------------------------------------------------------------------------


class Used:
    """CPU time from now to end(): of the brokers and of each replica; and how busy the machine
    was, from watch_machine() on if that is called."""

    def __init__(self, brokers, replicas):
        self.groups = [brokers.group, *(replica.group for replica in replicas)]
        self.before = self._read()
        self.watch_machine()

    def watch_machine(self):
        self.machine = Machine()

    def _read(self):
        return [group.cpu_seconds() for group in self.groups]

    def end(self):
        self.busy = self.machine.busy()
        self.brokers, *self.replicas = (now - then for now, then in
                                        zip(self._read(), self.before, strict=True))


@dataclass(frozen=True)
class Pace:
    """A point at which transactions come on a timetable: so many a second for one replica."""

    point: Point
    rate: int


class Streams:
    """The measurements on one set of brokers. `reads`: each output is read once more."""

    def __init__(self, brokers, folder, share, reads=False):
        self.brokers, self.folder, self.share, self.reads = brokers, folder, share, reads
        self.sources, self.n_runs = {}, 0
        self.dead_letter = brokers.topic("dead-letter", 1)

    def prepare(self, points, messages):
        """Fills a topic for each that is missing: so many messages for one replica."""
        for point in points:
            if (point.partitions, point.work) not in self.sources:
                n = messages * point.work
                topic, _ = self.fill(point.partitions, n)
                self.sources[point.partitions, point.work] = topic, n

    def fill(self, partitions, n):
        """A new topic; and what its messages cost until each broker has its copies: CPU us of
        the brokers a message."""
        topic = self.brokers.topic("input", partitions)
        before = self.brokers.group.cpu_seconds()
        self.load_test(topic, "--max", "--count", n)
        return topic, (self.brokers.group.cpu_seconds() - before) / n * 1e6

    def append_us(self, point):
        """The same for as many messages as the point has."""
        topic, us = self.fill(point.partitions, self.sources[point.partitions, point.work][1])
        self.brokers.delete(topic)
        return us

    def load_test(self, topic, *options):
        """kafka-load-test to its end. Of several brokers one may not know a new topic yet: then
        it has sent nothing, and is started again."""
        command = [LOAD_TEST, "--brokers", self.brokers.address, "--topic", topic, "--quiet",
                   *options]
        deadline = time.monotonic() + PATIENCE
        while (process := subprocess.run([*map(str, command)], text=True, capture_output=True,
                                         env=environment())).returncode:
            if UNKNOWN not in process.stderr or time.monotonic() > deadline:
                raise Failed(f"kafka-load-test: {process.stderr.strip() or process.stdout[-500:]}")

    def options(self, point, source, output, group):
        return ["--brokers", self.brokers.address, "--input", source, "--output", output,
                "--dead-letter", self.dead_letter, "--group", group, "--model", MODEL,
                *point.options]

    def run(self, point):
        """One measurement; its figures."""
        self.n_runs += 1
        source, n = self.sources[point.partitions, point.work]
        group, folder = f"bench-{self.n_runs}", self.folder / f"run-{self.n_runs}"
        with self.brokers.output(point.partitions) as output, ExitStack() as stack:
            options = self.options(point, source, output, group)
            replicas = [stack.enter_context(Replica(i, folder, self.share * point.times, options))
                        for i in range(point.replicas)]
            time.sleep(START_SECONDS)
            used = Used(self.brokers, replicas)
            end = self.wait(replicas, group, source, point.partitions, n, used.watch_machine)
            used.end()
            seconds = end - self.brokers.begun(output, point.partitions)
            counts = [replica.counted() for replica in replicas]
            self.check(counts, n)
            for replica in replicas:  # all leave the group at once
                replica.process.terminate()
            stored = {"bytes_in": self.brokers.stored(source) / n,
                      "bytes_out": self.brokers.stored(output) / n}
            if self.reads:
                stored["read_us"] = self.brokers.read(output, point.partitions, n)
        return stored | self.figures(point, n, seconds, used, counts)

    def figures(self, point, n, seconds, used, counts):
        cpu = sum(seconds for seconds, (messages, _) in zip(used.replicas, counts, strict=True)
                  if messages)
        fullest = max(messages for messages, _ in counts)
        return {"rate": n / seconds, "cpu_us": cpu / n * 1e6, "seconds": seconds,
                "broker_us": used.brokers / n * 1e6, "busy": used.busy,
                "share_used": cpu / (seconds * self.share * point.work),
                # 1: all that work had as many messages.
                "fullest": fullest * point.working / n,
                "per_transaction": n / max(sum(number for _, number in counts), 1)}

    # ---- at a steady rate ------------------------------------------------------------------

    @contextmanager
    def alone(self, point, share):
        """One replica that is ready; its group, its topics, and a file for a report."""
        self.n_runs += 1
        group, folder = f"bench-{self.n_runs}", self.folder / f"run-{self.n_runs}"
        source = self.brokers.topic("input", point.partitions)
        output = self.brokers.topic("output", point.partitions)
        with Replica(0, folder, share, self.options(point, source, output, group)) as replica:
            replica.wait_until_ready()
            yield replica, source, output, group, folder / "report"
        self.brokers.delete(source, output)

    def steady(self, rate, seconds, share):
        """One replica, all partitions, transactions on a timetable; CPU time and latency."""
        with self.alone(Point(1, STEADY_PARTITIONS), share) as (replica, *places):
            used = Used(self.brokers, [replica])
            told = self.send(*places, rate, seconds)
            used.end()
        cpu = used.replicas[0]
        return {"rate": rate, "busy": used.busy, "cpu_us": cpu / told["sent"] * 1e6,
                "cores": cpu * rate / told["sent"], "p50_ms": told["p50"], "p99_ms": told["p99"]}

    def paced(self, pace, seconds):
        """One replica at a rate: its CPU time, and whether it kept up. Nobody reads the
        predictions, so that the machine has more left for the replica."""
        point = pace.point
        share = self.share * point.times
        with self.alone(point, share) as (replica, source, _, group, file):
            used = Used(self.brokers, [replica])
            self.load_test(source, "--rate", pace.rate, "--duration", seconds, "--json", file)
            sent = time.monotonic()
            told = json.loads(file.read_text())
            n = told["acknowledged"]
            self.wait([replica], group, source, point.partitions, n)
            behind = time.monotonic() - sent
            used.end()
            _, transactions = replica.counted()
        cpus = used.replicas[0] / told["acknowledged_seconds"]
        return {"rate": n / told["acknowledged_seconds"], "cores": cpus, "busy": used.busy,
                "cpu_us": used.replicas[0] / n * 1e6,
                "per_transaction": n / max(transactions, 1),
                "kept_up": behind <= SECONDS_BEHIND and cpus <= SHARE_IN_USE * share}

    def send(self, source, output, group, file, rate, seconds):
        """Number of messages, and latency until a read_committed consumer has the prediction."""
        self.load_test(source, "--output-topic", output, "--dead-letter-topic", self.dead_letter,
                       "--group", group, "--rate", rate, "--duration", seconds, "--verify",
                       "--json", file)
        report = json.loads(file.read_text())
        return {"sent": report["acknowledged"], **report["verification"]["visible"]}

    def wait(self, replicas, group, topic, partitions, n, begun=lambda: None):
        """The time (Unix) at which the group has committed all n messages. Calls begun() at the
        first commit: before, the machine waits for the group."""
        reader = Consumer(self.brokers.reader() | {"group.id": group})
        seen, moved = 0, time.monotonic()
        try:
            while (now := committed(reader, topic, partitions)) < n:
                for replica in replicas:
                    replica.check()
                if now > seen:
                    if not seen:
                        begun()
                    seen, moved = now, time.monotonic()
                if time.monotonic() - moved > PATIENCE:
                    raise Failed(f"hangs after {seen} of {n} messages")
                time.sleep(LOOK_EVERY)
            return time.time()
        finally:
            reader.close()

    @staticmethod
    def check(counts, n):
        """What the replicas have counted adds up: a sum, which one message that is missing and
        another one that was scored twice would pass. Tests look at each (tests/kafka)."""
        total = sum(messages for messages, _ in counts)
        if total != n:
            raise Failed(f"counted {total:,.0f} messages, not {n:,}")
