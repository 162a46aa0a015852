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
    "kafka": ("rowan_training.retraining.kafka", "ask the broker for the queue and the lag of the service"),
    "champion": ("rowan_training.retraining.champion", "download the model directory that is served now"),
    "gate": ("rowan_training.retraining.gate", "decide whether the model may take the champion's place"),
    "register": ("rowan_training.retraining.register", "log and register the model in MLflow, as challenger"),
    "canary": ("rowan_training.retraining.canary", "compare the challenger's share of the traffic with the champion's"),
    "promote": ("rowan_training.retraining.promote", "make the challenger the champion"),
    "watch": ("rowan_training.retraining.watch", "wait until all replicas serve it; roll back what does harm"),
    "report": ("rowan_training.retraining.report", "tell Pushgateway how the run ended"),
    "attack": ("rowan_training.retraining.attack", "flood Kafka with simulated transactions"),
}

# What `python -m rowan_training train` runs.
TRAINING = ("extract", "validate", "train", "evaluate")


def run_step(name: str, run: Path, settings: Settings) -> Json:
    """Runs a step and writes its result; the result is also given back. That of an earlier attempt is gone first."""
    module, _ = STEPS[name]
    run.mkdir(parents=True, exist_ok=True)
    (run / f"{name}.json").unlink(missing_ok=True)
    result: Json = importlib.import_module(module).run(run, settings)
    write_result(run, name, result)
    return result
