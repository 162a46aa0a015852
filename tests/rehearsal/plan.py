"""How long everything lasts: the whole rehearsal, and a short one of about 20 minutes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Seconds, unless a name says otherwise."""

    quick: bool
    # Airflow's attack, by its two parameters.
    attack_rate: int
    attack_seconds: int
    # Calm traffic before the flood, what it lasts at most, and Kafka's part of it.
    baseline_seconds: int
    flood_seconds_max: int
    flood_kafka_seconds: int
    # The load of one fault.
    fault_seconds: int
    # Until replicas are 4 again and alerts are over: patience, no measure of speed.
    settle_seconds: int
    # `for` of the rules that have 5 minutes, others up to 15 in proportion; None: as they are.
    alert_for: str | None
    # That ModelSyncRefused looks back: longer than from the bad model to Prometheus' end.
    refused_seconds: int
    # Over which KafkaQueueHigh takes the rate at which messages are scored.
    scored_seconds: int
    # The HPA's windows are those of argocd/overlays/test, and Alertmanager hurries.
    hurried: bool


FULL = Plan(quick=False, attack_rate=5000, attack_seconds=660, baseline_seconds=60,
            flood_seconds_max=900, flood_kafka_seconds=400, fault_seconds=75, settle_seconds=1500,
            alert_for=None, refused_seconds=600, scored_seconds=120, hurried=False)
QUICK = Plan(quick=True, attack_rate=5000, attack_seconds=66, baseline_seconds=15,
             flood_seconds_max=300, flood_kafka_seconds=100, fault_seconds=45, settle_seconds=300,
             alert_for="30s", refused_seconds=300, scored_seconds=45, hurried=True)
