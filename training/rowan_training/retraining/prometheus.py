"""What Prometheus knows of the replicas: which version each serves, and how often they fail."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import requests

from rowan_training.errors import ServerAway, WorkError
from rowan_training.retraining.settings import Settings

SECONDS_TO_ANSWER = 20
# What tells one series of a counter from another: compared one by one, so that a restart is no negative growth.
Counters = dict[str, float]
# By version: what the service serves, and what else its pod has loaded. rowan-stream tells its version in ml_model_info
# alone; a challenger beside the model is none of the versions that a replica serves as its own.
SERVED = (
    'ml_model_served_info{{{of_model},served_as!="challenger"}} or on (instance, model_version) (ml_model_info{{{of_model}}} '
    'unless on (instance, model_version) ml_model_served_info{{{of_model},served_as="challenger"}})'
)

INVALID = (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema)


@dataclass(frozen=True)
class Replicas:
    """Instances that answer, those that do not, and the versions of the model that each serves."""

    up: frozenset[str]
    down: frozenset[str]
    versions: dict[str, frozenset[str]]

    def behind(self, version: str, before: Iterable[str] = (), may_go: int = 0) -> list[str]:
        """Those that do not serve the version, or another one beside it; and those that answered before, and do not now.

        Prometheus still looks for one that is down: it has crashed. One that is gone was taken away, as by the HPA; as many
        as are there for the first time have taken the places of others, and `may_go` more need no successor.
        """
        wrong = sorted(one for one in self.up if self.versions.get(one) != {version})
        down = sorted(self.down & set(before))
        gone = sorted(set(before) - self.up - self.down)
        replaced = len(self.up - set(before)) + may_go
        return [
            *wrong,
            *(f"{one} (down)" for one in down),
            *(f"{one} (gone)" for one in gone[: max(len(gone) - replaced, 0)]),
        ]


class Prometheus:
    def __init__(self, settings: Settings) -> None:
        self.url = settings.need("prometheus_url").rstrip("/")
        self.selector = settings.selector
        self.model = settings.served_name

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        try:
            reply = requests.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=SECONDS_TO_ANSWER)
        except INVALID as error:
            raise WorkError(f"PROMETHEUS_URL is {self.url}, which is no URL ({error}): correct it") from None
        except requests.RequestException as error:
            raise ServerAway(f"Prometheus at {self.url} does not answer ({error}): start it, then retry") from None
        if reply.status_code >= 500:
            raise ServerAway(f"Prometheus at {self.url} answers {reply.status_code}: look at its log, then retry")
        if reply.status_code != 200:
            raise WorkError(f"Prometheus at {self.url} answers {reply.status_code} to {expression}: {reply.text[:200]}")
        try:
            return [(one["metric"], float(one["value"][1])) for one in reply.json()["data"]["result"]]
        except (ValueError, KeyError, TypeError, IndexError):
            begin = " ".join(reply.text[:100].split())
            raise WorkError(f"{self.url} answers no JSON of Prometheus but {begin!r}: correct PROMETHEUS_URL") from None

    def replicas(self) -> Replicas:
        targets = {labels["instance"]: value for labels, value in self.query(f"up{{{self.selector}}}")}
        up = frozenset(one for one, value in targets.items() if value == 1)
        versions: dict[str, set[str]] = {}
        of_model = f'{self.selector},model="{self.model}"'
        for labels, _ in self.query(SERVED.format(of_model=of_model)):
            versions.setdefault(labels["instance"], set()).add(labels["model_version"])
        return Replicas(up, frozenset(targets) - up, {instance: frozenset(found) for instance, found in versions.items()})

    def counters(self, name: str, more: str = "") -> Counters:
        """Each series by its labels; those that do not exist yet begin at 0."""
        found = self.query(f"{name}{{{self.selector}{more}}}")
        return {_key(labels): value for labels, value in found}

    def loaded(self, version: str) -> frozenset[str]:
        """Instances that have it in memory, as whatever."""
        of_version = f'{self.selector},model="{self.model}",model_version="{version}"'
        return frozenset(labels["instance"] for labels, _ in self.query(f"ml_model_info{{{of_version}}}"))

    def started(self) -> Counters:
        """Unix time at which the (oldest) process of each instance started."""
        found = self.query(f"process_start_time_seconds{{{self.selector}}}")
        return {labels["instance"]: value for labels, value in found}

    def restarts(self, seconds: float) -> Counters:
        """Of each instance, as far as it was scraped between two of them."""
        found = self.query(f"changes(process_start_time_seconds{{{self.selector}}}[{max(math.ceil(seconds), 1)}s])")
        return {labels["instance"]: value for labels, value in found}


def growth(before: Counters, now: Counters) -> float:
    """Of all series together. One that is smaller than before has begun anew."""
    return sum(value - (before.get(key, 0.0) if value >= before.get(key, 0.0) else 0.0) for key, value in now.items())


def instance_of(key: str) -> str:
    return next((label.removeprefix("instance=") for label in key.split(",") if label.startswith("instance=")), "")


def _key(labels: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
