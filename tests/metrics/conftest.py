"""Processes that count in pages of a directory, and what `rowan metrics` makes of them."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
ROWAN = BUILD / "src" / "cli" / "rowan"
PROBE = BUILD / "tests" / "metrics_probe"


class Counter:
    """One process with a page of its own."""

    def __init__(self, directory):
        self.process = subprocess.Popen([PROBE, directory], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def say(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def do(self, verb, metric, number, *values):
        encoded = [value if isinstance(value, bytes) else value.encode() for value in values]
        assert self.say(verb, metric, number, *(v.hex() or "-" for v in encoded)) == "ok"

    def kill(self):
        self.process.kill()
        self.wait()

    def wait(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


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
