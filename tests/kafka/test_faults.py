"""Processes die, brokers die, disks fill up: no prediction is lost, none comes twice."""

import random
import subprocess
import threading
import time
from contextlib import contextmanager
from itertools import groupby

import pytest

from kafka import eventually
from pipeline import SHORT_SESSION, Pipeline
from records import by_partition, messages, shipped_scores
from stream import FRAUD, replace_link

KILLS = 50
STOPS = 10
OUTAGE = 60  # seconds; longer than a heartbeat may be old, and than a transaction may be open
CHURN = 20   # seconds


# ---- a broker that is away for a minute: it begins here, and ends at the end of the file ---------

class Outage:
    """Kills the broker under a running stream, and asks each second whether that lives."""

    def __init__(self, cluster, pipeline):
        self.cluster, self.pipeline = cluster, pipeline
        self.stream = pipeline.stream().start()
        pipeline.produce(messages(1000))
        pipeline.wait_for(500)
        cluster.kill(1)
        self.began = time.monotonic()
        self.probes = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def _watch(self):
        while not self.over.wait(1):
            self.probes.append((self.stream.process.poll(), self.stream.probe("live")))

    def end(self):
        self.over.wait(max(0, self.began + OUTAGE - time.monotonic()))
        self.over.set()
        self.thread.join()


@pytest.fixture(scope="module")
def outage(folder_of, mortal_cluster):
    pipeline = Pipeline(mortal_cluster, folder_of("outage"))
    running = Outage(mortal_cluster, pipeline)
    yield running
    running.over.set()
    pipeline.close()


def test_an_outage_begins(outage):
    """The others run meanwhile: what it takes is time."""
    assert eventually(lambda: not outage.stream.is_ready()), outage.stream.log
    assert outage.stream.settled(lambda metrics: metrics.total("kafka_broker_up"), 0) == 0
    assert outage.stream.is_live()


# ---- processes that die -------------------------------------------------------------------------

def test_fifty_kills_at_random_moments(pipeline):
    """A member with a name of its own comes back to its partitions at once."""
    moments = random.Random(50)
    properties = {"consumer.group.instance.id": pipeline.group}
    stream = pipeline.stream(properties=properties)
    progress = []
    with pipeline.steady(1000):
        for _ in range(KILLS):
            stream.start(wait=False)
            # At any moment of its life; in three of four it has committed something.
            if moments.random() < 0.75:
                pipeline.wait_for_more()
            time.sleep(moments.uniform(0, 0.6))
            stream.kill()
            progress.append(pipeline.n_committed())
    with stream:
        pipeline.wait()
    assert len(set(progress)) > KILLS / 2, "killed while at work"
    pipeline.check()


def test_it_may_be_stopped_at_any_moment(pipeline):
    """Also by a member that has joined and knows no partitions yet: status 0 each time."""
    moments = random.Random(10)
    pipeline.produce(messages(2000))
    for _ in range(STOPS):
        stream = pipeline.stream(threads=2).start(wait=False)
        assert eventually(lambda: "rowan-stream" in stream.log), "signals are taken from here on"
        time.sleep(moments.random())
        stream.stop()
    with pipeline.stream():
        pipeline.wait()
    pipeline.check()


def test_partitions_of_a_dead_member_go_to_another(pipeline):
    """It never comes back; what it had begun is given up."""
    options = {"properties": {**SHORT_SESSION, "producer.transaction.timeout.ms": "5000"}}
    with pipeline.steady(1000):
        doomed = pipeline.stream("doomed", **options).start()
        with pipeline.stream("heir", **options) as heir:
            assert heir.settled(lambda metrics: metrics.total("kafka_assigned_partitions"), 3) == 3
            pipeline.wait_for_more(1000)
            doomed.kill()
            assert heir.settled(lambda metrics: metrics.total("kafka_assigned_partitions"), 6) == 6
            pipeline.wait_for_more(1000)
    with pipeline.stream("heir", **options):
        pipeline.wait()
    pipeline.check()


def test_a_signal_under_load_hands_over(pipeline):
    with pipeline.steady(2000):
        now = pipeline.stream("replica-0").start()
        for number in range(1, 5):
            following = pipeline.stream(f"replica-{number}").start()
            pipeline.wait_for_more(500)
            now.stop()  # with status 0
            pipeline.wait_for_more(500)
            now = following
        pipeline.wait_for_more(500)
    pipeline.wait()
    now.stop()
    pipeline.check()


def rebalances(stream):
    return sum(value for (event,), value in stream.metrics().by(
        "kafka_rebalances_total", "event").items() if event in ("assigned", "revoked"))


def test_members_come_and_go(pipeline):
    """A rebalance each second; on a busy machine some fall together, and more guests come."""
    with pipeline.steady(1000):
        with pipeline.stream("stays", threads=2) as stays:
            guests = []
            ends = time.monotonic() + CHURN
            while time.monotonic() < ends or (rebalances(stays) < CHURN / 2
                                              and len(guests) < 5 * CHURN):
                guests.append(pipeline.stream(f"guest-{len(guests)}").start(wait=False))
                time.sleep(1)
                if len(guests) % 2 == 0:
                    guests[-2].stop()
                    guests[-1].stop()
            for guest in guests:
                guest.stop()
            pipeline.wait()
            assert rebalances(stays) >= CHURN / 2, "there were rebalances"
    with pipeline.stream("stays"):
        pipeline.wait()
    pipeline.check()


def test_a_zombie_is_fenced(pipeline):
    """It is held still, and replaced under its own name; when it wakes it must not commit."""
    properties = SHORT_SESSION
    with pipeline.steady(1000):
        zombie = pipeline.stream("one", properties=properties).start()
        pipeline.wait_for_more(1000)
        zombie.hold()
        try:
            with pipeline.stream("one", properties=properties):
                pipeline.wait_for_more(1000)
                zombie.go_on()
                assert zombie.wait() == 1
                assert "fenced" in zombie.log
                pipeline.wait_for_more(1000)
        finally:
            if zombie.process:
                zombie.go_on()
    with pipeline.stream("one", properties=properties):
        pipeline.wait()
    pipeline.check()


# ---- brokers that die ----------------------------------------------------------------------------

def test_one_of_three_brokers_dies_under_load(three_brokers, pipeline_on):
    pipeline = pipeline_on(three_brokers)
    with pipeline.steady(1000):
        with pipeline.stream():
            pipeline.wait_for_more(1000)
            for number in (three_brokers.leader(pipeline.output), three_brokers.leader(
                    "__consumer_offsets")):
                with three_brokers.away(number):
                    pipeline.wait_for_more(2000)
                pipeline.wait_for_more(1000)
    with pipeline.stream():
        pipeline.wait()
    pipeline.check()


@contextmanager
def small_file_system(folder, megabytes):
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"needs a small file system: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder):
    """Takes all the space that is left; returns the file."""
    ballast = folder / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return ballast


def test_the_disk_of_the_broker_is_full(folder_of, make_cluster, pipeline_on):
    """The broker dies of it. Space is made, it comes back, and everything goes on."""
    with small_file_system(folder_of("disk"), 100) as disk:
        cluster = make_cluster(data=disk)
        try:
            pipeline = pipeline_on(cluster)
            with pipeline.steady(1000):
                with pipeline.stream() as stream:
                    pipeline.wait_for_more(2000)
                    ballast = fill(disk)
                    cluster.nodes[0].wait()
                    assert stream.is_live()
                    ballast.unlink()
                    cluster.restart(1)
                    pipeline.wait_for_more(2000)
            with pipeline.stream():
                pipeline.wait()
            pipeline.check()
        finally:
            pipeline.close()
            cluster.stop()


# ---- another model -------------------------------------------------------------------------------

def test_the_model_is_swapped_under_load(pipeline, tmp_path, second_version, both_scores):
    """Each prediction is right for the version that it names."""
    (shipped,) = shipped_scores()
    (second,) = set(both_scores) - {shipped}
    link = tmp_path / "model"
    link.symlink_to(FRAUD)
    with pipeline.steady(2000):
        with pipeline.stream(model=link) as stream:
            for folder, version in ((second_version, second), (FRAUD, shipped),
                                    (second_version, second)):
                pipeline.wait_for_more(500)
                replace_link(link, folder)
                assert eventually(lambda: stream.metrics().by(
                    "ml_model_info", "model_version") == {(version,): 1}), stream.log
                pipeline.wait_for_more(500)
    with pipeline.stream(model=link):
        pipeline.wait()
    _, outputs, _ = pipeline.check(scores=both_scores)
    for records in by_partition(outputs).values():
        versions = [version for version, _ in groupby(
            record.reply["model_version"] for record in records)]
        assert versions == [shipped, second, shipped, second]


def test_a_bad_model_never_serves(pipeline, tmp_path, second_version):
    from model_directories import make_broken
    bad, words = make_broken("golden row that differs", tmp_path / "bad")
    link = tmp_path / "model"
    link.symlink_to(FRAUD)
    with pipeline.stream(model=link) as stream:
        replace_link(link, bad)
        stream.says(words[0])
        assert stream.settled(lambda metrics: metrics.total(
            "ml_model_loads_total", outcome="refused"), 1) == 1
        pipeline.produce(messages(1000))
        pipeline.wait()
        assert stream.is_ready()
    pipeline.check()


# ---- the minute is over --------------------------------------------------------------------------

def test_an_outage_of_a_minute_ends(outage):
    outage.end()
    assert len(outage.probes) > OUTAGE / 3
    for status, probe in outage.probes:
        assert status is None, "it never ends"
        assert probe.returncode == 0, probe.stderr
    outage.cluster.restart(1)
    outage.stream.wait_until_ready()
    outage.pipeline.produce(messages(1000, prefix="after"))
    outage.pipeline.wait()
    outage.stream.stop()
    outage.pipeline.check()
