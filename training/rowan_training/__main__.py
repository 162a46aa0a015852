"""The command line: `python -m rowan_training COMMAND`."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from rowan_training.default_model import build_default_model
from rowan_training.errors import WorkError
from rowan_training.export.files import add_command as add_export
from rowan_training.export.packed import ExportError
from rowan_training.features import LabelLeakError
from rowan_training.models.trainer import TrainingError
from rowan_training.quality import add_command as add_quality
from rowan_training.split import SplitError
from rowan_training.steps.commands import add_commands as add_steps

REFUSED = (ExportError, LabelLeakError, SplitError, TrainingError)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    try:
        options.run(options)
    except WorkError as error:
        print(f"rowan_training: {error}", file=sys.stderr)
        return error.exit_code
    except REFUSED as error:
        print(f"rowan_training: {error}", file=sys.stderr)
        return WorkError.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rowan_training",
        description="Trains fraud models, and packs models into directories that Rowan serves.",
        epilog="Exit status: 0 well; 1 refused, and a retry will not help; 2 wrong usage; 75 a server is away, try later.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_steps(commands)
    add_quality(commands)
    _add_default_model(commands)
    add_export(commands)
    return parser


def _add_default_model(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "default-model",
        help="build the model that Rowan ships",
        description="Simulates the transactions of the Fraud Detection Handbook, trains the default XGBoost model on them, "
        "and writes model.ubj, contract.json, golden.jsonl and README.md (the model card). Takes minutes, most of them for the card; "
        "the same versions of the libraries give the same bytes.",
    )
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the model directory, made if needed (e.g. models/fraud)"
    )
    command.set_defaults(run=lambda options: build_default_model(options.out))


if __name__ == "__main__":
    sys.exit(main())
