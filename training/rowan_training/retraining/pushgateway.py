"""What the retraining tells Pushgateway: the metrics of monitoring/metrics-elsewhere.yaml, and no others."""

from collections.abc import Callable
from urllib.error import HTTPError, URLError

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway, pushadd_to_gateway

from rowan_training.contract import Json
from rowan_training.errors import ServerAway, WorkError
from rowan_training.retraining.settings import Settings

JOB = "ml-retraining"
MOST_OF_AN_ANSWER = 300
ATTACK_JOB = "attack-simulation"


class Gauges:
    """Gauges of one push. The labels of the group (model, topic) are not among theirs: Pushgateway adds them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.gauges: dict[str, Gauge] = {}

    def tell(self, name: str, value: float, **labels: str) -> None:
        if name not in self.gauges:
            self.gauges[name] = Gauge(name, MEANINGS[name], list(labels), registry=self.registry)
        gauge = self.gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)


class Pushgateway:
    def __init__(self, settings: Settings) -> None:
        self.url = settings.need("pushgateway_url")
        self.model = settings.served_name

    def push_kafka(self, found: Json) -> None:
        """A group of its own, the topic's, replaced as a whole: a partition that is gone is gone here, too."""
        gauges = Gauges()
        gauges.tell("kafka_queue_length", found["queue_length"])
        for partition, lag in found["consumer_lag"].items():
            gauges.tell("kafka_consumer_lag", lag, partition=partition, consumer_group=found["consumer_group"])
        self._send(push_to_gateway, JOB, gauges, topic=found["topic"])

    def push_run(self, gauges: Gauges) -> None:
        """What this run does not tell stays: the last success is still that of an earlier run after one that failed."""
        self._send(pushadd_to_gateway, JOB, gauges, model=self.model)

    def push_attack(self, gauges: Gauges, topic: str) -> None:
        self._send(push_to_gateway, ATTACK_JOB, gauges, topic=topic)

    def _send(self, send: Callable[..., None], job: str, gauges: Gauges, **group: str) -> None:
        try:
            send(self.url, job=job, registry=gauges.registry, grouping_key=group)
        except HTTPError as error:
            if error.code >= 500:
                raise ServerAway(f"Pushgateway at {self.url} answers {error.code}: look at its log, then retry") from None
            text = error.read(MOST_OF_AN_ANSWER).decode(errors="replace").strip()
            raise WorkError(f"Pushgateway at {self.url} refuses what was pushed ({error.code} {text})") from None
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise ServerAway(f"Pushgateway at {self.url} does not answer ({reason}): start it, then retry") from None


MEANINGS = {
    "ml_retraining_last_run_timestamp_seconds": "Unix time at which the last retraining ended, however it ended.",
    "ml_retraining_last_success_timestamp_seconds": "Unix time at which a retraining last ended without a failure.",
    "ml_retraining_duration_seconds": "Duration of the last run.",
    "ml_retraining_outcome": "1 for what the last run came to, 0 for the others.",
    "ml_retraining_score": "Quality on the test rows of the last run that was evaluated.",
    "ml_retraining_rows": "Transactions of the last run that was evaluated.",
    "ml_retraining_frauds": "Frauds among them.",
    "kafka_queue_length": "Messages of the topic that the group has not processed; of all its partitions.",
    "kafka_consumer_lag": "Messages of the partition between the group's committed offset and its end.",
    "attack_simulation_last_run_timestamp_seconds": "Unix time at which the last simulated attack ended.",
    "attack_simulation_complete": "1 if everything was sent and acknowledged.",
    "attack_simulation_verified": "1 if each message was answered exactly once; only where ATTACK_VERIFY asked for it.",
    "attack_simulation_messages": "Messages of the last simulated attack, by what became of them.",
    "attack_simulation_acknowledged_per_second": "Mean rate of the acknowledged messages.",
    "attack_simulation_acknowledged_p99_seconds": "99th percentile of the time until a message was acknowledged.",
    "attack_simulation_visible_p99_seconds": "99th percentile of the time until a consumer had a message's prediction.",
    "attack_simulation_lag_max": "The largest lag of the consumer group during the attack.",
}
