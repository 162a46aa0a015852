"""What the Python peers of make bench-kafka share: the contract's features, the reply, Kafka.

A peer is called with BROKERS INPUT OUTPUT GROUP MODEL_DIRECTORY MODEL N; it says "ready" when its
model is loaded, scores N messages, commits their offsets and ends.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Consumer, Producer

PATIENCE = 60  # seconds until a message that must come counts as absent
FRIDAY, NIGHT_ENDS = 4, 7


class Contract:
    def __init__(self, folder):
        settings = json.loads((Path(folder) / "contract.json").read_text())["x-rowan"]
        self.features = settings["features"]
        self.names = [feature["name"] for feature in self.features]
        self.thresholds = settings["thresholds"]
        self.version, self.type = settings["version"], settings["type"]

    def row(self, transaction):
        """The model's inputs; None where the transaction has no such field."""
        return [self._value(feature, transaction) for feature in self.features]

    @staticmethod
    def _value(feature, transaction):
        if "from" in feature:
            return transaction.get(feature["from"])
        kind = "weekend" if "weekend" in feature else "night"
        when = datetime.fromtimestamp(transaction[feature[kind]], UTC)
        return float(when.weekday() > FRIDAY if kind == "weekend" else when.hour < NIGHT_ENDS)

    def reply(self, transaction, probability):
        risk = ("low" if probability < self.thresholds["medium"]
                else "medium" if probability < self.thresholds["high"] else "high")
        return json.dumps({
            "transaction_id": transaction["transaction_id"], "fraud_probability": probability,
            "risk_level": risk, "model_version": self.version, "model_type": self.type,
            "prediction_time": datetime.now(UTC).isoformat(),
            "confidence_score": max(probability, 1 - probability)})


class Kafka:
    """At least once: offsets are committed when all that was produced is acknowledged."""

    def __init__(self, brokers, source, output, group):
        self.output = output
        self.consumer = Consumer({"bootstrap.servers": brokers, "group.id": group,
                                  "enable.auto.commit": False, "auto.offset.reset": "earliest",
                                  "queued.min.messages": 1000000})
        self.producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5,
                                  "queue.buffering.max.messages": 1000000})
        self.consumer.subscribe([source])

    def consume(self, n):
        messages = self.consumer.consume(n, PATIENCE)
        if not messages:
            raise SystemExit("no message comes any more")
        for message in messages:
            if message.error():
                raise SystemExit(str(message.error()))
        return messages

    def produce(self, message, value):
        self.producer.produce(self.output, value, message.key(), on_delivery=self._delivered)
        self.producer.poll(0)

    @staticmethod
    def _delivered(error, _):
        if error:
            raise SystemExit(str(error))

    def end(self):
        self.producer.flush()
        self.consumer.commit(asynchronous=False)
        self.consumer.close()


def run(load):
    """`load(contract, model)` gives (score, batch): score takes the contract's rows of a list
    of at most `batch` transactions, and returns their probabilities as floats."""
    brokers, source, output, group, folder, model, n = sys.argv[1:8]
    contract, wanted = Contract(folder), int(n)
    score, batch = load(contract, model)
    print("ready", flush=True)
    kafka = Kafka(brokers, source, output, group)
    done = 0
    while done < wanted:
        messages = kafka.consume(min(batch, wanted - done))
        transactions = [json.loads(message.value()) for message in messages]
        probabilities = score([contract.row(transaction) for transaction in transactions])
        for message, transaction, probability in zip(messages, transactions, probabilities,
                                                     strict=True):
            kafka.produce(message, contract.reply(transaction, probability))
        done += len(messages)
    kafka.end()
