"""What was seen of the flood: when things happened, and what alerts it brought."""

import time
from dataclasses import dataclass

import httpx

import prometheus
import service
from faults import look
from messages import Inbox
from place import Failed
from stage import Stage

EVERY = 1  # seconds between two looks
# They look back half an hour or more: the flood is in their windows longer than the act lasts.
LOOK_FAR_BACK = {"AvailabilityBudgetBurnFast", "AvailabilityBudgetBurnSlow", "HighFraudRate",
                 "LatencyBudgetBurnFast", "LatencyBudgetBurnSlow"}
# It says for 5 minutes that there were other replicas; a short rehearsal does not wait for that.
LOOKS_BACK = {"HPAScalingEvent"}


def restarts():
    """(pod, container) -> how often it was started again, and what ended it last."""
    return {(look.name(pod), container): (number, look.ended(pod).get(container))
            for pod in service.pods() for container, number in look.restarts(pod).items()}


def known(condition):
    """Whether it is true; not yet, while a saturated node does not answer."""
    try:
        return condition()
    except (httpx.HTTPError, Failed):
        return False


@dataclass
class Seen:
    """Times are of time.time(), and None for what did not come."""

    stage: Stage
    inbox: Inbox
    alerts_before: set
    restarts_before: dict
    began: float | None = None
    six: float | None = None          # replicas are wanted
    http_ended: float | None = None
    drained: float | None = None      # the load test has found every answer, or waits no more
    queue_empty: float | None = None
    four: float | None = None
    ended: float | None = None        # the alerts
    went_on: set = frozenset()        # those that did not
    restarts: dict | None = None      # when the queue was empty
    memory: float | None = None       # of `stream`, over its limit, at most
    test: object = None               # the flood over Kafka
    http: object = None               # and over HTTP

    def until(self, condition, patience):
        """Looks for messages until the condition is true, or the patience at its end; the time."""
        deadline = time.monotonic() + patience
        while not (true := known(condition)) and time.monotonic() < deadline:
            self.inbox.look()
            time.sleep(EVERY)
        self.inbox.look()
        return time.time() if true else None

    @property
    def all_wanted(self):
        """When the API server told of the largest number of replicas; None if it never did."""
        return next((t for t, wanted in self.stage.witness.replica_changes
                     if t >= self.began and wanted == service.REPLICAS_MAX), None)

    @property
    def replicas(self):
        """Wanted now."""
        return (self.stage.witness.replicas_seen or [None])[-1]

    def fired(self):
        """Alert -> when it began to fire, of those that the flood brought."""
        return {name: t for name, t in self.stage.witness.firing(self.began).items()
                if name not in self.alerts_before}

    @property
    def not_waited_for(self):
        return LOOK_FAR_BACK | (LOOKS_BACK if self.stage.plan.quick else set())

    def go_on(self):
        """Alerts of the flood that should be over and are not."""
        return (set(self.fired()) & prometheus.firing()) - self.not_waited_for

    def mean_replicas(self, begin, end):
        """That were ready between two times; None when nobody looked."""
        ready = [sample["replicas_ready"] for sample in self.stage.witness.since(begin)
                 if sample["t"] <= end and sample["replicas_ready"]]
        return sum(ready) / len(ready) if ready else None

    def last_fired(self, name):
        return max(sample["t"] for sample in self.stage.witness.since(self.began)
                   if name in (sample["alerts"] or ()))

    def after(self, t, begin=None):
        """A time since the flood's begin, or another, as minutes and seconds."""
        if t is None:
            return "never"
        seconds = round(t - (begin or self.began))
        return f"{seconds // 60}:{seconds % 60:02} min"
