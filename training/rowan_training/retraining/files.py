"""What steps leave for each other in the folder of a run: JSON files, each written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

from rowan_training.errors import WorkError

Json = dict[str, Any]


def read(run: Path, name: str, step: str) -> Json:
    """What an earlier step wrote; that it is missing is told with the step to run."""
    path = run / name
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WorkError(f"{path} is missing: run the step {step} first") from None
    except ValueError as error:
        raise WorkError(f"{path} is no JSON ({error}): run the step {step} again") from None


def read_if_there(run: Path, name: str) -> Json | None:
    return read(run, name, "that writes it") if (run / name).exists() else None


def write(run: Path, name: str, content: Json) -> Json:
    run.mkdir(parents=True, exist_ok=True)
    fresh = run / f".{name}.{os.getpid()}"
    fresh.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(run / name)
    return content
