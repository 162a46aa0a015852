"""Processes that count in pages of a directory, and what `rowan metrics` makes of them."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from counting import ROWAN, Counter  # noqa: E402


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "metrics"
    path.mkdir()
    return path


@pytest.fixture
def start(directory):
    """Starts a process that counts; all that still run are killed at the end."""
    started = []

    def run():
        started.append(Counter(directory))
        return started[-1]

    yield run
    for counter in started:
        if counter.process.returncode is None:
            counter.kill()


@pytest.fixture
def scrape(directory):
    def run(*options):
        process = subprocess.run([ROWAN, "metrics", directory, *options], capture_output=True,
                                 check=True)
        assert process.stderr == b""
        return process.stdout.decode()

    return run


@pytest.fixture(scope="session")
def listed():
    """The rows of `rowan metrics --list`: name, type, labels."""
    table = subprocess.run([ROWAN, "metrics", "--list"], capture_output=True, check=True,
                           text=True).stdout.splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]
    return [(row[0].strip("` "), row[1], [name.strip("`") for name in row[2].split(", ") if name])
            for row in rows]
