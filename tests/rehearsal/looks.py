"""What was seen of the system from outside while a rehearsal was played."""

import json
import time
from pathlib import Path

SAMPLE_SECONDS = 5


class Looks:
    """`samples`: a dictionary a look, a figure None where nobody answered; `replica_changes`: each
    [t, replicas wanted] of the Deployment."""

    def __init__(self, record=None):
        self.began = record.began if record else time.time()
        self.samples = []
        self.replica_changes = []

    @property
    def replicas_seen(self):
        """Every value of the Deployment's spec.replicas, each change once."""
        return [wanted for _, wanted in self.replica_changes]

    def replicas_since(self, t):
        """The value at that time, and every later one."""
        before = [wanted for at, wanted in self.replica_changes if at <= t]
        return before[-1:] + [wanted for at, wanted in self.replica_changes if at > t]

    def since(self, t):
        return [sample for sample in list(self.samples) if sample["t"] >= t]

    def firing(self, since=None):
        """Alert -> when it was first seen to fire, since then or in the whole rehearsal."""
        first = {}
        for sample in self.since(self.began if since is None else since):
            for name in sample["alerts"] or ():
                first.setdefault(name, sample["t"])
        return first

    def save(self, path):
        told = {"began": self.began, "replica_changes": list(self.replica_changes),
                "samples": list(self.samples)}
        Path(path).write_text(json.dumps(told) + "\n")

    @classmethod
    def load(cls, path):
        told = json.loads(Path(path).read_text())
        looks = cls()
        vars(looks).update(told)
        return looks
