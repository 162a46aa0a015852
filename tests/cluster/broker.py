"""A real broker of Kafka on the node's address, as tests/kafka runs it, and kafka-load-test."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import network
from place import HERE, ROOT, RUN, STATE, Failed, say
from processes import adopt, pid_of

sys.path.append(str(HERE.parent / "kafka"))
import kafka  # noqa: E402

TOPICS = ("transactions-input", "fraud-predictions", "fraud-predictions-dead-letter")
PARTITIONS = 6  # one for each of the largest number of pods
NAME = "kafka"
ADDRESS = RUN / "kafka.address"
SIGNALS_APART = 1  # seconds: two that come at once are one
END_PATIENCE = 30  # seconds for it to end after both
LOAD_TEST = (ROOT / os.environ.get("ROWAN_BUILD_DIR", "build")).resolve() / \
    "load-testing/kafka-load-test"


def fetch():
    """Kafka's jars, as long as there is a way out."""
    kafka.jars()


def up():
    """One broker with the service's topics; its address."""
    if not pid_of(NAME):
        cluster = kafka.Cluster(STATE / f"kafka-{os.getpid()}", host=network.NODE).start()
        adopt(NAME, cluster.nodes[0].process)
        for topic in TOPICS:
            cluster.create_topic(topic, PARTITIONS)
        ADDRESS.write_text(cluster.brokers)
        say(f"Kafka at {cluster.brokers}")
    return ADDRESS.read_text()


class LoadTest:
    """kafka-load-test, from `with` to its own end; then `report` and `status` are there. Left by an
    exception it is ended, its wait for answers, too. `brokers`: others than those of `up`; `file`:
    where its report stays."""

    def __init__(self, *arguments, brokers=None, file=None):
        self.report = {}
        self.file = file or STATE / "load-test.json"
        self.command = [LOAD_TEST, "--brokers", brokers or ADDRESS.read_text(), "--json", self.file,
                        "--warm-up", "0", "--quiet", "--verify", *map(str, arguments)]

    def __enter__(self):
        if not LOAD_TEST.exists():
            raise Failed(f"{LOAD_TEST} is not there; `make build` makes it")
        self.file.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        return self

    def _end(self):
        """The first SIGINT ends sending, the second the wait for answers."""
        try:
            for _ in range(2):
                self.process.send_signal(signal.SIGINT)
                time.sleep(SIGNALS_APART)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(END_PATIENCE)
        finally:
            self.process.kill()

    def __exit__(self, kind, *_):
        try:
            if kind:
                self._end()
            self.said, _ = self.process.communicate()
        except BaseException:  # Ctrl-C while it is waited for
            self._end()
            raise
        self.status = self.process.returncode
        self.report = json.loads(self.file.read_text()) if self.file.exists() else {}
