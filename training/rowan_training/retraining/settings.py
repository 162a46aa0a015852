"""The settings of the steps that follow training, from the environment: one row each, and docs/retraining.md lists them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from rowan_training.contract import Json
from rowan_training.errors import WorkError


def setting(variable: str, default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"variable": variable, "meaning": meaning})


@dataclass(frozen=True)
class Settings:
    """An empty text means: not set. Limits of the gate are explained in docs/retraining.md."""

    model_name: str = setting("MLFLOW_MODEL_NAME", "fraud", "The registered model.")
    tracking_uri: str = setting("MLFLOW_TRACKING_URI", "", "MLflow's server; must be set.")
    experiment: str = setting("MLFLOW_EXPERIMENT_NAME", "retraining", "Experiment of MLflow that the runs are in.")
    prometheus_url: str = setting("PROMETHEUS_URL", "", "The Prometheus that scrapes the service; must be set to promote.")
    pushgateway_url: str = setting("PUSHGATEWAY_URL", "", "Pushgateway; must be set to report.")
    served_name: str = setting("RETRAINING_NAME", "fraud", "The model's name in the contract, in replies and metrics.")
    home: str = setting("RETRAINING_HOME", "", "Folder of the runs, RETRAINING_HOME/<dag>/<run>; must be set.")
    keep: int = setting("RETRAINING_KEEP", 8, "Run folders that are kept, the newest; 0: all.")
    selector: str = setting(
        "RETRAINING_SELECTOR", 'job="tasks10-ml-service"', "Labels in Prometheus of the replicas that serve."
    )
    brokers: str = setting("KAFKA_BOOTSTRAP_SERVERS", "", "Brokers; empty: the queue is not looked at.")
    topic: str = setting("KAFKA_INPUT_TOPIC", "transactions-input", "Topic of the transactions.")
    group: str = setting("KAFKA_CONSUMER_GROUP", "fraud-detection-group", "Consumer group of rowan-stream.")
    load_test: str = setting("ATTACK_PROGRAM", "kafka-load-test", "The load test that attack_simulation runs.")
    attack_rate: float = setting("ATTACK_RATE", 5000.0, "Messages a second of the attack's last phase, up to 5000.")
    attack_seconds: float = setting("ATTACK_SECONDS", 660.0, "Length of the whole attack, up to 660.")
    attack_verify: int = setting("ATTACK_VERIFY", 0, "1: reads back what rowan-stream answered; each message once, or it failed.")

    min_auc_roc: float = setting("RETRAINING_MIN_AUC_ROC", 0.84, "Gate: the least AUC ROC.")
    min_average_precision: float = setting("RETRAINING_MIN_AVERAGE_PRECISION", 0.65, "Gate: the least average precision.")
    min_card_precision_100: float = setting(
        "RETRAINING_MIN_CARD_PRECISION_100", 0.24, "Gate: the least card precision of 100 cards a day."
    )
    min_test_frauds: int = setting("RETRAINING_MIN_TEST_FRAUDS", 100, "Gate: with fewer frauds in the test nothing is proved.")
    max_calibration_error: float = setting(
        "RETRAINING_MAX_CALIBRATION_ERROR", 0.02, "Gate: the largest expected calibration error."
    )
    max_mean_ratio: float = setting(
        "RETRAINING_MAX_MEAN_RATIO", 2.0, "Gate: mean probability over share of frauds, or the other way round, at most."
    )
    max_loss_average_precision: float = setting(
        "RETRAINING_MAX_LOSS_AVERAGE_PRECISION", 0.02, "Gate: the most that is given up against the champion."
    )
    max_loss_card_precision_100: float = setting(
        "RETRAINING_MAX_LOSS_CARD_PRECISION_100", 0.015, "Gate: the most that is given up against the champion."
    )

    earlier: int = setting(
        "RETRAINING_EARLIER", 5, "Gate: so many versions that were champions before are looked back at; 0: none."
    )

    canary_minutes: float = setting("RETRAINING_CANARY_MINUTES", 0.0, "How long the challenger answers its share first; 0: not.")
    canary_predictions: int = setting(
        "RETRAINING_CANARY_PREDICTIONS", 500, "Canary: with fewer predictions of the challenger nothing is proved."
    )
    max_canary_shift: float = setting(
        "RETRAINING_MAX_CANARY_SHIFT", 0.25, "Canary: the largest PSI of the challenger's scores against the champion's."
    )
    rollout_minutes: float = setting("RETRAINING_ROLLOUT_MINUTES", 15.0, "Watch: until then all replicas serve the version.")
    watch_minutes: float = setting("RETRAINING_WATCH_MINUTES", 10.0, "Watch: how long errors are counted after that.")
    poll_seconds: float = setting("RETRAINING_POLL_SECONDS", 10.0, "Time between two looks into Prometheus.")
    max_errors: int = setting("RETRAINING_MAX_ERRORS", 10, "Watch: fewer errors than these are no reason to roll back.")
    max_error_share: float = setting(
        "RETRAINING_MAX_ERROR_SHARE", 0.01, "Watch: the share of failed requests that is no reason to roll back."
    )
    max_restarts: int = setting("RETRAINING_MAX_RESTARTS", 3, "Watch: from so many restarts on it is rolled back; 0: never.")
    may_go: int = setting("RETRAINING_MAY_GO", 2, "Watch: so many replicas may go meanwhile, as when the HPA scales from 6 to 4.")
    allow_no_replica: int = setting(
        "RETRAINING_ALLOW_NO_REPLICA", 0, "1: promotes though Prometheus sees no replica; then nobody watches."
    )

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        values = {}
        for one in fields(cls):
            text = environment.get(one.metadata["variable"], "").strip()
            if text:
                values[one.name] = _number(one.metadata["variable"], text, cast(type, one.type))
        return cls(**values)

    def need(self, name: str) -> str:
        """The setting, which must not be empty."""
        value = getattr(self, name)
        if not value:
            variable = next(one.metadata["variable"] for one in fields(self) if one.name == name)
            raise WorkError(f"{variable} is not set: set it, as docs/retraining.md says")
        return cast(str, value)


def _number(variable: str, text: str, kind: type) -> Any:
    try:
        value = kind(text)
    except ValueError:
        raise WorkError(f"{variable} is {text!r}, which is no number: correct it") from None
    if kind is not str and not 0 <= value < float("inf"):
        raise WorkError(f"{variable} is {text}: a number from 0 is wanted")
    return value


def from_environment(step: Callable[[Path, Settings], Json]) -> Callable[[Path, object], Json]:
    """A step as the table of steps has them: what training can be told is of no use here."""
    return lambda run, _: step(run, Settings.of())
