"""Topics and a group of one test, what it sends through them, and the reckoning."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from itertools import count

from confluent_kafka import Consumer, KafkaException, TopicPartition

from kafka import eventually
from records import (SteadyStream, assert_at_least_once, assert_exactly_once, end_offsets, is_cut,
                     message, produce, read)
from stream import Stream

NUMBERS = count(1)
# A member that was killed is out of the group after this time: the least that brokers allow.
SHORT_SESSION = {"consumer.session.timeout.ms": "6000"}


class Pipeline:
    """input -> rowan-stream -> output and dead letters, on one cluster."""

    def __init__(self, cluster, folder, partitions=6, output_partitions=None, create=True,
                 input_config=None, output_config=None, dead_letter_config=None):
        name = f"test-{next(NUMBERS)}"
        self.cluster = cluster
        self.folder = folder
        self.input, self.output = f"{name}-input", f"{name}-output"
        self.dead_letter, self.group = f"{name}-dead-letter", f"{name}-group"
        self.output_partitions = output_partitions or partitions
        self.sent = []
        self.streams = []
        self.partitions = partitions
        if create:
            cluster.create_topic(self.input, partitions, **(input_config or {}))
            cluster.create_topic(self.output, self.output_partitions, **(output_config or {}))
            cluster.create_topic(self.dead_letter, partitions, **(dead_letter_config or {}))

    # ---- rowan-stream -----------------------------------------------------------------------

    def stream(self, replica="replica-0", environment=None, **options):
        """A rowan-stream of this pipeline, not yet started."""
        options = {"brokers": self.cluster.brokers, "input": self.input, "output": self.output,
                   "dead_letter": self.dead_letter, "group": self.group, **options}
        stream = Stream(self.folder / f"stream-{len(self.streams)}",
                        environment={"REPLICA_ID": replica, **(environment or {})}, **options)
        self.streams.append(stream)
        return stream

    def close(self):
        for stream in self.streams:
            stream.kill()
        if "asker" in self.__dict__:
            self.asker.close()

    # ---- messages ---------------------------------------------------------------------------

    def produce(self, batch, **settings):
        batch = list(batch)
        produce(self.cluster, self.input, batch, **settings)
        self.sent += batch

    @contextmanager
    def steady(self, per_second, make=message):
        """Messages all the time; at the end every one of them stands in the input."""
        with SteadyStream(self.cluster, self.input, per_second, make) as steady:
            yield steady
        self.sent += steady.sent

    @cached_property
    def asker(self):
        """Knows the group, and is no member of it. An AdminClient has no group of its own, and
        librdkafka 2.16 looks for one when it is told that the coordinator has moved: Python ends
        with a segmentation fault (rd_kafka_handle_OffsetFetch)."""
        return Consumer(self.cluster.client(group_id=self.group, reconnect_backoff_max_ms=200,
                                            isolation_level="read_uncommitted"))

    def committed(self):
        """{partition: the group's offset}; empty while the coordinator does not answer."""
        try:
            topic = self.asker.list_topics(self.input, timeout=2).topics[self.input]
            found = self.asker.committed([TopicPartition(self.input, partition)
                                          for partition in topic.partitions], timeout=2)
        except KafkaException:
            return {}
        return {partition.partition: partition.offset for partition in found
                if partition.offset >= 0}

    def n_committed(self):
        """Messages that the group has done (of an input without transactions)."""
        return sum(self.committed().values())

    def wait_for(self, n):
        """Until the group has done `n` messages."""
        assert eventually(lambda: self.n_committed() >= n), self.story(n)

    def wait_for_more(self, n=1):
        self.wait_for(self.n_committed() + n)

    def wait(self):
        """Until the group has done all that stands in the input."""
        self.wait_for(sum(end_offsets(self.cluster, self.input).values()))

    def story(self, n):
        logs = "\n".join(f"-- {stream.folder.name}\n{stream.log[-2000:]}"
                         for stream in self.streams)
        return f"{self.n_committed()} of {n} messages done\n{logs}"

    # ---- the reckoning ----------------------------------------------------------------------

    def results(self):
        """(inputs, outputs, dead letters) as a consumer of committed messages sees them."""
        topics = self.input, self.output, self.dead_letter
        with ThreadPoolExecutor(len(topics)) as pool:
            return list(pool.map(lambda topic: read(self.cluster, topic), topics))

    def check(self, scores=None, once=True):
        """Everything that was sent is answered, right, and dead for the reason expected;
        returns (inputs, outputs, dead letters)."""
        inputs, outputs, dead_letters = self.results()
        assert sorted(record.name for record in inputs) == sorted(
            item.name for item in self.sent), "the input holds what was sent"
        reckon = assert_exactly_once if once else assert_at_least_once
        reckon(inputs, outputs, dead_letters, scores, self.output_partitions)
        asked = {record.position: record for record in inputs}
        expected = {item.name: (item.reason, item.cut) for item in self.sent}
        found = {asked[letter.origin].name: (letter.reason, is_cut(asked[letter.origin], letter))
                 for letter in dead_letters}
        wrong = {name: (want, found.get(name)) for name, want in expected.items()
                 if found.get(name, (None, False)) != want}
        assert not wrong, f"name: (expected reason, cut), got: {list(wrong.items())[:5]}"
        return inputs, outputs, dead_letters
