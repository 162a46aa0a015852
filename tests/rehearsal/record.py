"""What a rehearsal has checked: acts, rows of the table, marks for the plots, notes for people."""

import json
import subprocess
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def commit_now():
    """The checkout's commit; `-dirty` when files of it have been changed since."""
    told = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude=*"],
                          capture_output=True, text=True)
    return told.stdout.strip() or "unknown"


@dataclass
class Record:
    began: float = field(default_factory=time.time)
    commit: str = field(default_factory=commit_now)
    machine: str = ""
    plan: dict = field(default_factory=dict)    # how long everything lasts: plan.py
    acts: list = field(default_factory=list)    # {title, began, ended}
    checks: list = field(default_factory=list)  # {t, act, what, expected, passed, seen}
    marks: list = field(default_factory=list)   # {t, act, text}
    notes: list = field(default_factory=list)   # {t, act, text}

    @property
    def passed(self):
        """Whether something was checked, and no check failed."""
        return bool(self.checks) and all(one["passed"] for one in self.checks)

    @property
    def act_now(self):
        """The title of the act that goes on; None between acts."""
        going = [act["title"] for act in self.acts if act["ended"] is None]
        return going[-1] if going else None

    @contextmanager
    def act(self, title):
        """What is checked, marked and noted inside belongs to it."""
        act = {"title": title, "began": time.time(), "ended": None}
        self.acts.append(act)
        self._say(title)
        try:
            yield
        except KeyboardInterrupt:  # else who plays the act tells of the error
            self.check("the rehearsal goes on", "nobody ends it", False, "interrupted")
            raise
        finally:
            act["ended"] = time.time()

    def check(self, what, expected, passed, seen):
        self.checks.append({**self._now(), "what": what, "expected": expected,
                            "passed": bool(passed), "seen": seen})
        self._say(f"{'PASS' if passed else 'FAIL'}  {what}: {seen}")

    def mark(self, text):
        """An event of this moment: a thin line in the plots."""
        self.marks.append({**self._now(), "text": text})
        self._say(text)

    def note(self, text):
        """A sentence of the act's part of the report, in Markdown."""
        self.notes.append({**self._now(), "text": text})
        self._say(text)

    def save(self, path):
        Path(path).write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path):
        return cls(**json.loads(Path(path).read_text()))

    def _now(self):
        return {"t": time.time(), "act": self.act_now}

    def _say(self, text):
        print(f"{time.time() - self.began:6.0f} s  {text}", flush=True)
