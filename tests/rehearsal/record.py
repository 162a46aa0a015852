"""What a rehearsal has checked: acts, rows of the table, marks for the plots, notes for people."""

import json
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

ERROR_MAX = 900  # characters of an error in the table


@dataclass
class Record:
    began: float = field(default_factory=time.time)
    ended: float | None = None
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
        """What is checked, marked and noted inside belongs to it. One that breaks off has failed:
        its later checks were never made."""
        act = {"title": title, "began": time.time(), "ended": None}
        self.acts.append(act)
        self._say(title)
        try:
            yield
        except Exception as error:
            seen = f"{type(error).__name__}: {error}"[:ERROR_MAX]
            self.check("the act is played to its end", "no error", False, seen)
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

    def end(self):
        """The rehearsal is over; the first call counts."""
        self.ended = self.ended or time.time()

    def save(self, path):
        Path(path).write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path):
        return cls(**json.loads(Path(path).read_text()))

    def _now(self):
        return {"t": time.time(), "act": self.act_now}

    def _say(self, text):
        print(f"{time.time() - self.began:6.0f} s  {text}", flush=True)
