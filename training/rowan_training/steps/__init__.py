"""The steps of a retraining run. Each reads what earlier ones left in the run's folder, and leaves its own result there.

A step is a module with `run(run: Path, settings: Settings) -> dict`; its result is written to `<step>.json` in the run's
folder. Running a step again overwrites its own output only. To add a step: a module, and its row here.
"""

import importlib
from pathlib import Path

from rowan_training.contract import Json
from rowan_training.steps.results import write_result
from rowan_training.steps.settings import Settings

# By name: the module, and what it does (for --help).
STEPS = {
    "extract": ("rowan_training.steps.extract", "read the transactions into transactions.parquet"),
    "validate": ("rowan_training.steps.validate", "refuse transactions with wrong or missing values"),
    "train": ("rowan_training.steps.train", "train a model and write its directory, model/"),
    "evaluate": ("rowan_training.steps.evaluate", "measure the model, compare it with the champion, write the card"),
}

# What `python -m rowan_training train` runs.
TRAINING = ("extract", "validate", "train", "evaluate")


def run_step(name: str, run: Path, settings: Settings) -> Json:
    """Runs a step and writes its result; the result is also given back."""
    module, _ = STEPS[name]
    run.mkdir(parents=True, exist_ok=True)
    result: Json = importlib.import_module(module).run(run, settings)
    write_result(run, name, result)
    return result
