"""Where the built command line tool is, and how its results are read."""

import csv
import io
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build"))
ROWAN = BUILD / "src" / "cli" / "rowan"
FRAUD = ROOT / "models" / "fraud"


def rows(process):
    """The result of `rowan score` as dictionaries, read by Python's own reader."""
    return list(csv.DictReader(io.StringIO(process.stdout.decode())))


def error_lines(process):
    return process.stderr.decode().splitlines()
