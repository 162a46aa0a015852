"""The proof of an exported directory: `rowan verify`, as the server does it before it serves a model."""

import os
import shutil
import subprocess
from pathlib import Path

from rowan_training.export.packed import ExportError

BINARY_VARIABLE = "ROWAN_BIN"


def rowan_binary() -> str | None:
    """The command line tool that $ROWAN_BIN names, else the one on the path, else None."""
    named = os.environ.get(BINARY_VARIABLE)
    if named and not os.access(named, os.X_OK):
        raise ExportError(f"{BINARY_VARIABLE} is {named}, which is no program: name the rowan tool, or unset it")
    return named or shutil.which("rowan")


def verify(directory: Path, binary: str) -> str:
    """What the tool says of a directory that it proved; raises `ExportError` with its words if it refuses."""
    process = subprocess.run([binary, "verify", str(directory)], check=False, capture_output=True, text=True)
    if process.returncode != 0:
        raise ExportError(
            "Rowan does not give the library's numbers for this model, so nothing was exported; "
            f"rowan verify says: {process.stderr.strip()}"
        )
    return process.stdout.strip()
