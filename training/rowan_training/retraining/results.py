"""Results of steps that a run need not have: it has not come so far."""

from pathlib import Path

from rowan_training.contract import Json
from rowan_training.steps.results import read_result


def result_if_there(run: Path, step: str) -> Json | None:
    return read_result(run, step) if (run / f"{step}.json").exists() else None
