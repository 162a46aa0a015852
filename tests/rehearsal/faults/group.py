"""The consumer group of the containers `stream`, as its coordinator tells of it."""

from concurrent.futures import TimeoutError as NoAnswer

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

import broker

NAME = "fraud-detection-group"
TOPIC = broker.TOPICS[0]
PATIENCE = 5  # seconds for one answer


def describe(cluster):
    """None while nobody can tell. Each time a new client asks: one that has lost the coordinator
    may not find another for minutes."""
    admin = AdminClient(cluster.client())
    try:
        asked = admin.describe_consumer_groups([NAME], request_timeout=PATIENCE)
        return asked[NAME].result(2 * PATIENCE)
    except (KafkaException, NoAnswer):
        return None


def members(cluster):
    """{address of a pod: number of its partitions}; empty while nobody can tell."""
    found = {}
    for member in getattr(describe(cluster), "members", ()):
        address = member.host.lstrip("/")
        found[address] = found.get(address, 0) + len(member.assignment.topic_partitions)
    return found


def coordinator(cluster):
    """The number of a broker; None while nobody can tell."""
    found = describe(cluster)
    return found.coordinator.id if found and found.coordinator else None


def leaders(cluster):
    """The broker that leads each partition of the input; empty while nobody can tell."""
    try:
        told = AdminClient(cluster.client()).list_topics(TOPIC, timeout=PATIENCE)
    except KafkaException:
        return []
    return [one.leader for _, one in sorted(told.topics[TOPIC].partitions.items())]
