"""Records of a topic that a consumer with read_committed would get, counted where the brokers keep
them: ten million would take a consumer a minute, and offsets count marks of transactions, too.

Only the heads of batches are read (https://kafka.apache.org/documentation/#recordbatch), and the
key of marks (https://kafka.apache.org/documentation/#controlbatch).
"""

import mmap
import struct
from collections import Counter

import broker
from place import Failed

# Base offset, length of what follows it, magic, attributes, last offset's delta, producer, records.
HEAD = struct.Struct(">qi4xb4xhi16xq2x4xi")
OVERHEAD = 12       # bytes before what the length counts
TRANSACTIONAL, CONTROL = 0x10, 0x20
ABORT, COMMIT = 0, 1
NO_OFFSET = -1


def varint(data, at):
    """Where it ends. No value in the one record of a mark is needed."""
    while data[at] & 0x80:
        at += 1
    return at + 1


def mark(data, at):
    """ABORT or COMMIT: length, attributes, two deltas and the key's length come before the key."""
    at = varint(data, at) + 1
    for _ in range(3):
        at = varint(data, at)
    return struct.unpack_from(">hh", data, at)[1]


class Partition:
    """Counts batches, one after the other."""

    def __init__(self):
        self.count, self.next = 0, NO_OFFSET
        self.open = Counter()  # producer -> records of its transaction that goes on

    def take(self, data):
        """All batches of a segment; one that is still being written is left out."""
        at = 0
        while at + HEAD.size <= len(data):
            base, length, magic, attributes, delta, producer, n = HEAD.unpack_from(data, at)
            end = at + OVERHEAD + length
            if end > len(data):
                break
            if magic != 2 or self.next not in (NO_OFFSET, base):
                raise Failed(f"offset {self.next} is not there: offset {base}, magic {magic} is")
            self.next = base + delta + 1
            self.batch(attributes, producer, n, lambda: mark(data, at + HEAD.size))
            at = end

    def batch(self, attributes, producer, n, marked):
        if attributes & CONTROL:
            done = self.open.pop(producer, 0)
            self.count += done if marked() == COMMIT else 0
        elif attributes & TRANSACTIONAL:
            self.open[producer] += n
        else:
            self.count += n


def in_folder(folder):
    """Of one partition, by its segments."""
    partition = Partition()
    for path in sorted(folder.glob("*.log")):
        if path.stat().st_size:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
                partition.take(data)
    return partition.count


def in_topic(cluster, topic):
    """Of all partitions, each by its leader."""
    return sum(in_folder(cluster.nodes[cluster.leader(topic, number) - 1].data
                         / f"{topic}-{number}") for number in range(cluster.partitions(topic)))


def check(stage):
    """Of all acts: what each load test has found is all that there is."""
    reports = [load.report for load in stage.loads]
    sent = sum(report.get("sent", 0) for report in reports)
    predictions, dead = (in_topic(stage.kafka, topic) for topic in broker.TOPICS[1:])
    verified = sum(bool(report.get("verified")) for report in reports)
    stage.record.check(
        "Predictions and dead letters in the topics, over all acts",
        "as many as messages were sent, each of which its own load test has found answered once",
        verified == len(reports) > 0 and predictions + dead == sent > 0,
        f"{predictions:,} predictions and {dead:,} dead letters for {sent:,} messages of "
        f"{len(reports)} load tests, {verified} of them proved")
