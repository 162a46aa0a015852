"""The contract's C code, asked through contract_probe."""

import json
import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build"))
PROBE = BUILD / "tests" / "contract_probe"


@dataclass(frozen=True)
class Answer:
    status: int
    reply: object

    @property
    def violations(self):
        """[(loc, type)] of a refusal."""
        return [(tuple(v["loc"]), v["type"]) for v in self.reply["detail"]]

    @property
    def is_json(self):
        return self.status == 200 or self.violations[0][1] != "json_invalid"


@dataclass(frozen=True)
class Probe:
    contract: Path
    model: Path

    def ask(self, bodies):
        """One Answer a body; every reply must be JSON."""
        stdin = b"".join(struct.pack("<I", len(body)) + body for body in bodies)
        done = subprocess.run([PROBE, self.contract, self.model], input=stdin,
                              stdout=subprocess.PIPE, check=True)
        answers, at = [], 0
        while at < len(done.stdout):
            status, length = struct.unpack_from("<II", done.stdout, at)
            at += 8
            answers.append(Answer(status, json.loads(done.stdout[at:at + length])))
            at += length
        assert len(answers) == len(bodies)
        return answers

    def openapi(self):
        done = subprocess.run([PROBE, "--openapi", self.contract, self.model],
                              stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)
