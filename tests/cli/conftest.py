"""Runs the built command line tool, and makes inputs out of the shipped model."""

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tool import FRAUD, ROWAN  # noqa: E402


@pytest.fixture
def rowan():
    """Runs `rowan` and returns the finished process, its output as bytes."""

    def run(*arguments, stdin=b""):
        return subprocess.run([ROWAN, *map(str, arguments)], input=stdin, capture_output=True)

    return run


@pytest.fixture(scope="session")
def golden():
    lines = (FRAUD / "golden.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def properties():
    return list(json.loads((FRAUD / "contract.json").read_text())["properties"])


@pytest.fixture(scope="session")
def to_csv(properties):
    """Requests as CSV, written by Python's own writer."""

    def convert(requests, columns=None, **dialect):
        text = io.StringIO()
        writer = csv.writer(text, **dialect)
        columns = columns or properties
        writer.writerow(columns)
        for request in requests:
            writer.writerow([_cell(request.get(column)) for column in columns])
        return text.getvalue().encode()

    return convert


def _cell(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


@pytest.fixture
def fraud_copy(tmp_path):
    """A copy of the shipped model directory, to be broken."""
    return Path(shutil.copytree(FRAUD, tmp_path / "fraud"))


@pytest.fixture
def fraud():
    return FRAUD
