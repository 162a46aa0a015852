"""What stands in the topic of the predictions, beside what it came from."""

import json
import threading
import time
from dataclasses import dataclass

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

import broker
from faults.models import scores

INPUT, OUTPUT, _ = broker.TOPICS
POSITION = "rowan-input"  # header: TOPIC/PARTITION/OFFSET of the input
BATCH = 1000


@dataclass(frozen=True)
class Prediction:
    at: float       # time.time() at which it was read
    input: tuple    # (partition, offset)
    version: str
    score: float


class Answers:
    """From `with` to its end: every transaction that is sent, and every prediction."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.inputs, self.predictions = {}, []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def _read(self):
        consumer = Consumer(self.cluster.client(
            group_id="rehearsal", enable_auto_commit=False, isolation_level="read_committed"))
        partitions = consumer.list_topics(INPUT, timeout=30).topics[INPUT].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_END)
                         for topic in (INPUT, OUTPUT) for number in partitions])
        try:
            while not self.ended.is_set():
                for message in consumer.consume(BATCH, 0.5):
                    if not message.error():
                        self._take(message)
        finally:
            consumer.close()

    def _take(self, message):
        if message.topic() == INPUT:
            self.inputs[message.partition(), message.offset()] = message.value()
            return
        said = json.loads(message.value())
        _, partition, offset = dict(message.headers())[POSITION].decode().split("/")
        self.predictions.append(Prediction(time.time(), (int(partition), int(offset)),
                                           said["model_version"], said["fraud_probability"]))

    # ---- afterwards ----------------------------------------------------------------------------

    def of(self, version):
        return [one for one in self.predictions if one.version == version]

    def wrong(self, folders):
        """(judged, wrong): predictions whose input was seen, and those of them that are not the
        number of the model that they name. `folders`: {version: model directory}"""
        judged = [one for one in self.predictions if one.input in self.inputs]
        wrong = sum(one.version not in folders for one in judged)
        for version, folder in folders.items():
            ours = [one for one in judged if one.version == version]
            expected = scores(folder, [json.loads(self.inputs[one.input]) for one in ours])
            wrong += sum(one.score != right for one, right in zip(ours, expected))
        return len(judged), wrong
