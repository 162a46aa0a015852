"""What every fault is played on: real clients and kafka-load-test, and what became of both."""

import json
import os
import re
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable

import service
from faults import group, look
from faults.asker import Asker
from place import ROOT, wait_for

ONLY = "ONLY_FAULTS"  # environment: faults whose name matches this, to try one by hand
RATE = 400            # messages a second
CLIENTS = 4           # of each kind
TRIES = 8             # of a careful client
CALM_SECONDS = 5      # of load, before the fault
VERIFY_SECONDS = 180  # until an answer counts as missing: it may wait for a container's restart
SHIPPED_VERSION = json.loads(
    (ROOT / "models/fraud/contract.json").read_text())["x-rowan"]["version"]
SHIPPED_SCORE = json.loads(f"{{{service.ANSWER}}}")["fraud_probability"]


@dataclass(frozen=True)
class Fault:
    name: str            # as the table has it: what happens
    function: Callable   # of a Scene


faults = []


def fault(name):
    """Adds a function to the faults, in the order in which they are written."""
    def add(function):
        faults.append(Fault(name, function))
        return function
    return add


def only():
    """The faults that are played, as a pattern; empty: all of them."""
    return os.environ.get(ONLY, "")


def is_played(name):
    return bool(re.search(only(), name))


class Scene:
    """One fault: `load` around it, `strike` at its moment, then `check` and `tell`."""

    def __init__(self, stage, name, later):
        self.stage, self.name, self.later = stage, name, later
        self.record, self.kafka, self.mlflow = stage.record, stage.kafka, stage.mlflow
        self.right = {SHIPPED_VERSION: SHIPPED_SCORE}
        self.struck = self.whole_after = None

    # ---- telling -----------------------------------------------------------------------------

    def check(self, what, expected, passed, seen):
        self.record.check(f"{self.name}: {what}", expected, bool(passed), seen)

    def mark(self, text):
        self.record.mark(text)

    def afterwards(self, function):
        """What takes longer than the fault is looked at when the others have been played."""
        self.later.append((self, function))

    def since(self):
        """Seconds since the fault."""
        return time.monotonic() - self.struck

    # ---- the service -------------------------------------------------------------------------

    def is_whole(self):
        """The pods are settled, and share the partitions among them."""
        pods = service.pods()
        if not (service.is_rolled_out() and len(service.ready_pods()) == len(pods)
                == service.REPLICAS_MIN):
            return False
        members = group.members(self.kafka)
        return (set(members) == {look.address(pod) for pod in pods} and all(members.values())
                and sum(members.values()) == len(group.leaders(self.kafka)))

    def changed(self):
        """Pods that were not there before the fault, and those that are gone, by their uids."""
        now = {look.uid(pod) for pod in service.pods()}
        return now - set(self.before), set(self.before) - now

    def restarted(self):
        """Containers that were started again in the pods that were there before, as people read
        it, with what ended the last one."""
        counts, codes = Counter(), {}
        for pod in service.pods():
            if before := self.before.get(look.uid(pod)):
                counts.update(look.restarts(pod))
                counts.subtract(look.restarts(before))
                codes |= look.ended(pod)
        return ", ".join(f"{name} {count} ({codes.get(name)})"
                         for name, count in (+counts).items()) or "none"

    def until(self, what, condition, patience=0):
        return wait_for(what, condition, patience or self.stage.plan.settle_seconds)

    def wait_until_whole(self):
        self.until(f"{service.REPLICAS_MIN} settled pods that share the partitions",
                   self.is_whole)
        if self.struck:
            self.whole_after = self.since()

    # ---- the load ----------------------------------------------------------------------------

    @contextmanager
    def load(self, seconds=0, expect=service.ANSWER):
        """Clients until the end of what is inside, messages for so long, at least the plan's.
        `expect`: what every right answer has in it; which is right, the Asker knows."""
        self.wait_until_whole()
        self.before = {look.uid(pod): pod for pod in service.pods()}
        seconds = max(seconds, self.stage.plan.fault_seconds)
        with (self.stage.clients(expect, fresh=CLIENTS, keepalive=CLIENTS, tries=TRIES) as clients,
              Asker(self.stage.key, self.right) as asker,
              self.stage.load_test("--rate", RATE, "--duration", seconds,
                                   "--verify-timeout", VERIFY_SECONDS) as messages):
            self.clients, self.asker, self.messages = clients, asker, messages
            time.sleep(CALM_SECONDS)
            yield
        self._judge()

    def strike(self, text):
        """The moment of the fault: in the plots, and the begin of its time."""
        assert self.messages.process.poll() is None, "the load ended before the fault"
        self.mark(text)
        self.struck = time.monotonic()

    def _judge(self):
        asked = len(self.asker.answers)
        wrong = self.asker.wrong
        self.check("HTTP", "0 failed for clients that ask again, every score right",
                   asked and not wrong and self.clients.total("200") and not self.clients.failed,
                   f"{self.clients.describe()}; of {asked} more, {len(wrong)} failed or wrong, "
                   f"{self.asker.again} sent again, the longest waited {self.asker.longest:.1f} s")
        report = self.messages.report
        found = report.get("verification") or {}
        self.check("Kafka", "each message answered exactly once",
                   self.messages.status == 0 and report.get("verified")
                   and found["once"] == report["sent"] > 0,
                   f"{found.get('once')} of {report.get('sent')} once, {found.get('missing')} "
                   f"missing, {found.get('doubled')} doubled, {found.get('undelivered')} not "
                   f"acknowledged; status {self.messages.status}")

    # ---- what a user would see ---------------------------------------------------------------

    def tell(self, sentence):
        """One sentence of the fault's own; what clients saw of it follows."""
        visible = (self.messages.report.get("verification") or {}).get("visible") or {}
        again = self.clients.total("sent again") + self.asker.again
        requests = self.clients.total("requests") + len(self.asker.answers)
        whole = (f" All was as before {self.whole_after:.0f} s after the fault."
                 if self.whole_after else "")
        self.record.note(
            f"**{self.name[0].upper()}{self.name[1:]}.** {sentence} By HTTP, {again} of "
            f"{requests} requests were sent again and {self.clients.failed} failed for clients "
            f"that do so; the longest wait for an answer was {self.asker.longest:.1f} s. By Kafka, "
            f"a prediction could be read {visible.get('p99', 0) / 1000:.2f} s (p99) and at most "
            f"{visible.get('max', 0) / 1000:.1f} s after its transaction.{whole}")
