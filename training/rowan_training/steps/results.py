"""Results of steps: `<step>.json` in the run's folder, written whole or not at all."""

import json
import os
from pathlib import Path

from rowan_training.contract import Json
from rowan_training.errors import WorkError


def write_result(run: Path, step: str, result: Json) -> None:
    write_text(run / f"{step}.json", json.dumps(result, indent=2, allow_nan=False) + "\n")


def read_result(run: Path, step: str) -> Json:
    path = run / f"{step}.json"
    try:
        result: Json = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WorkError(f"{path} is not there: run the step {step} first") from None
    except ValueError as error:
        raise WorkError(f"{path} is no JSON ({error}): run the step {step} again") from error
    return result


def write_text(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    unfinished.replace(path)
