"""The commands `step` and `train`."""

import argparse
import logging
from pathlib import Path

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from rowan_training.steps import STEPS, TRAINING, run_step
from rowan_training.steps.settings import Settings, add_options, settings_of

log = logging.getLogger(__name__)


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    _add_train(commands)
    _add_step(commands)


def _add_train(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "train",
        help="train a model on transactions, evaluate it, and write its directory",
        description=f"Runs the steps {', '.join(TRAINING)} in DIR. The model directory is DIR/model; what each step found "
        "is in DIR/<step>.json.",
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run, made if needed")
    add_options(command)
    command.set_defaults(run=lambda options: _train(options, _settings(options, command)))


def _add_step(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    listed = "\n".join(f"  {name:10} {text}" for name, (_, text) in STEPS.items())
    command = commands.add_parser(
        "step",
        help="run one step of a run",
        description=f"Runs one step in the folder of a run, and writes DIR/<step>.json.\n\nsteps:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("step", choices=STEPS, metavar="NAME", help="the step")
    command.add_argument("--run", dest="folder", type=Path, required=True, metavar="DIR", help="folder of the run")
    add_options(command)
    command.set_defaults(run=lambda options: run_step(options.step, options.folder, _settings(options, command)))


def _settings(options: argparse.Namespace, command: argparse.ArgumentParser) -> Settings:
    try:
        return settings_of(options)
    except ValueError as error:
        command.error(str(error))


def _train(options: argparse.Namespace, settings: Settings) -> None:
    steps = tqdm(TRAINING, desc="steps", unit="step", disable=None)
    with logging_redirect_tqdm():
        for name in steps:
            steps.set_postfix_str(name)
            result = run_step(name, options.out, settings)
    found = result["challenger"]
    log.info(
        "%s: AUC ROC %.3f, average precision %.3f, card precision@100 %.3f; see %s",
        found["version"],
        found["auc_roc"],
        found["average_precision"],
        found["card_precision_100"],
        options.out / "model" / "README.md",
    )
