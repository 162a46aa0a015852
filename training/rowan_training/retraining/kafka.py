"""Queue and consumer lag of the service's group, as the broker tells them: a check, and metrics seen from here."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from rowan_training.contract import Json
from rowan_training.errors import ServerAway, WorkError
from rowan_training.retraining.pushgateway import Pushgateway
from rowan_training.retraining.settings import Settings, from_environment

log = logging.getLogger(__name__)

SECONDS_TO_ANSWER = 15.0
NO_RETRY = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError._AUTHENTICATION,
    KafkaError._UNKNOWN_TOPIC,
}
# Properties of librdkafka as rowan-stream reads them, KAFKA_SASL_USERNAME for sasl.username; _FILE names a file with it.
SECURITY = ("KAFKA_SECURITY_", "KAFKA_SASL_", "KAFKA_SSL_")


def kafka(run: Path, settings: Settings) -> Json:
    if not settings.brokers:
        log.info("KAFKA_BOOTSTRAP_SERVERS is not set: the queue is not looked at")
        return {"checked": False, "at": time.time()}
    lag = _lag(settings)
    queue = sum(lag.values())
    log.info("%d messages of %s wait for %s, in %d partitions", queue, settings.topic, settings.group, len(lag))
    found = {
        "checked": True,
        "at": time.time(),
        "topic": settings.topic,
        "consumer_group": settings.group,
        "queue_length": queue,
        "consumer_lag": {str(partition): value for partition, value in lag.items()},
    }
    _tell(found, settings)
    return found


def _lag(settings: Settings) -> dict[int, int]:
    """Of each partition: its end less the group's committed offset, or less its begin where nothing is committed."""
    with _consumer(settings) as consumer:
        topics = consumer.list_topics(settings.topic, timeout=SECONDS_TO_ANSWER).topics
        topic = topics[settings.topic]
        if topic.error is not None:
            raise KafkaException(topic.error)
        partitions = [TopicPartition(settings.topic, number) for number in sorted(topic.partitions)]
        found = {}
        for one in consumer.committed(partitions, timeout=SECONDS_TO_ANSWER):
            if one.error is not None:
                raise KafkaException(one.error)
            low, high = consumer.get_watermark_offsets(one, timeout=SECONDS_TO_ANSWER)
            found[one.partition] = max(high - (one.offset if one.offset >= 0 else low), 0)
        return found


@contextmanager
def _consumer(settings: Settings) -> Iterator[Consumer]:
    """One that never joins the group: asking must not move partitions."""
    heard: list[KafkaError] = []
    consumer = Consumer(
        {
            **security(os.environ),
            "bootstrap.servers": settings.brokers,
            "group.id": settings.group,
            "enable.auto.commit": False,
            "error_cb": heard.append,
        }
    )
    try:
        yield consumer
    except KafkaException as raised:
        consumer.poll(0)
        error = next((one for one in heard if one.code() in NO_RETRY), raised.args[0])
        text = f"Kafka at {settings.brokers}, topic {settings.topic}, group {settings.group}: {error.str()}"
        if error.code() in NO_RETRY:
            raise WorkError(f"{text}: correct KAFKA_INPUT_TOPIC, KAFKA_CONSUMER_GROUP or KAFKA_SASL_*") from None
        raise ServerAway(f"{text}: start the brokers, then retry") from None
    finally:
        consumer.close()


def security(environment: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, value in environment.items():
        if not name.startswith(SECURITY):
            continue
        is_file = name.endswith("_FILE")
        key = name.removesuffix("_FILE").removeprefix("KAFKA_").lower().replace("_", ".")
        found[key] = Path(value).read_text(encoding="utf-8").strip() if is_file else value
    return found


def _tell(found: Json, settings: Settings) -> None:
    """At once: the run may take hours. If nobody hears it the report tells of it again, and fails if it cannot."""
    try:
        if settings.pushgateway_url:
            Pushgateway(settings).push_kafka(found)
    except (ServerAway, WorkError) as error:
        log.warning("%s", error)


run = from_environment(kafka)
