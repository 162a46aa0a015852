"""The counters that tell of harm, and what has become of them since a moment that is kept in a file."""

from dataclasses import dataclass

from rowan_training.retraining.prometheus import Counters, Prometheus, growth

# name -> (metric, further labels)
WATCHED = {
    "requests": ("http_requests_total", ',endpoint="/predict"'),
    "failed_requests": ("http_requests_total", ',endpoint="/predict",status_code=~"5.."'),
    "model_errors": ("ml_model_errors_total", ""),
    "refused_loads": ("ml_model_loads_total", ',outcome="refused"'),
    "refused_syncs": ("ml_model_sync_refused_total", ',reference="champion"'),
}
Snapshot = dict[str, Counters]


@dataclass(frozen=True)
class Harm:
    requests: float
    failed_requests: float
    model_errors: float
    refused_loads: float
    refused_syncs: float

    @property
    def errors(self) -> float:
        """A request that failed by an error of the model counts in both: the larger is the number of those at least."""
        return max(self.failed_requests, self.model_errors)

    @property
    def refusals(self) -> float:
        return self.refused_loads + self.refused_syncs


def snapshot(prometheus: Prometheus) -> Snapshot:
    return {name: prometheus.counters(metric, more) for name, (metric, more) in WATCHED.items()}


def since(before: Snapshot, now: Snapshot) -> Harm:
    return Harm(**{name: growth(before.get(name, {}), now[name]) for name in WATCHED})
