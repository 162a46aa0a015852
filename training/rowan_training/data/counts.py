"""Rows and frauds that go into a step and come out of it: no step may lose a row unnoticed, and none may lose a fraud."""

import logging

import numpy as np
import pandas as pd

from rowan_training.errors import WorkError

log = logging.getLogger(__name__)


class LostRows(WorkError):
    """A step came out with fewer rows or frauds than went in."""


class Counts:
    """`Counts("step").start(frame)`, then `.end(frame, ...)`: the parts that come out must add up to what went in."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.rows = 0
        self.frauds: int | None = None

    def start(self, data: "pd.DataFrame | np.ndarray | int | tuple[int, int]") -> "Counts":
        """A frame with TX_FRAUD, its labels, rows and frauds, or the number of rows where labels cannot be read yet."""
        if isinstance(data, int):
            self.rows, self.frauds = data, None
        else:
            self.rows, self.frauds = data if isinstance(data, tuple) else count(data)
        return self

    def end(self, *parts: "pd.DataFrame | np.ndarray") -> None:
        counted = [count(part) for part in parts]
        rows, frauds = sum(part[0] for part in counted), sum(part[1] for part in counted)
        log.info("%s: %s rows in, %d out; %s frauds in, %d out", self.step, self.rows, rows, self._text(), frauds)
        if self.frauds is not None and frauds != self.frauds:
            raise LostRows(
                f"{self.step}: {self.frauds} frauds went in and {frauds} came out: "
                "a model must learn from all of them; mend the step"
            )
        if rows != self.rows:
            raise LostRows(f"{self.step}: {self.rows} rows went in and {rows} came out: mend the step")

    def _text(self) -> str:
        return "?" if self.frauds is None else str(self.frauds)


def count(data: "pd.DataFrame | np.ndarray") -> tuple[int, int]:
    labels = data["TX_FRAUD"].to_numpy() if isinstance(data, pd.DataFrame) else np.asarray(data)
    return len(labels), int((labels == 1).sum())
