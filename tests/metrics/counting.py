"""A process that counts in a page of its own, and where the built programs are."""

import os
import subprocess
from pathlib import Path

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
