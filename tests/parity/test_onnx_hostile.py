"""Damaged and hostile ONNX files: refused with a reason, or loaded and scored; never a crash.

Written in the environment of requirements-onnx.txt, loaded in processes of their own with
bounded memory (damage_models.py).
"""

import json
import subprocess
from pathlib import Path

import pytest

from test_hostile import load

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WHOLE = ("forests", "columns", "by-hand", "opset-5")
TRUNCATIONS, FLIPS = 300, 1000


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("onnx-hostile")
    printed = subprocess.run(["sh", ROOT / "scripts/venv.sh", HERE / "requirements-onnx.txt"],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
    subprocess.run([Path(printed.strip()) / "bin" / "python", HERE / "write_onnx_hostile.py", out],
                   check=True)
    return out


@pytest.mark.parametrize("name", WHOLE)
def test_an_undamaged_model_loads_within_the_bound(written, name):
    assert load(written / f"{name}.onnx", "whole")["loaded"] == 1


@pytest.mark.parametrize("name", WHOLE)
def test_truncated_models_never_crash(written, name):
    """A message of protobuf may end behind any of its fields: a cut file can be whole."""
    outcome = load(written / f"{name}.onnx", "truncate", TRUNCATIONS)
    assert outcome["loaded"] + outcome["refused"] > 0
    assert outcome["refused"] > outcome["loaded"]


@pytest.mark.parametrize("name", WHOLE)
def test_flipped_bits_never_crash(written, name):
    outcome = load(written / f"{name}.onnx", "flip", FLIPS)
    assert outcome["loaded"] + outcome["refused"] == FLIPS
    assert outcome["refused"] > 0
    assert outcome["loaded"] > 0


def test_lies_are_refused_with_their_reason(written):
    missed = {}
    for name, reason in json.loads((written / "lies.json").read_text()).items():
        outcome = load(written / "lies" / f"{name}.onnx", "whole")
        if outcome["refused"] != 1 or reason not in outcome["text"]:
            missed[name] = (reason, outcome)
    assert missed == {}


@pytest.mark.parametrize("bytes_", [b"\x08\x09\x3a" + b"\xff" * 9 + b"\x7f", b"\x08\x08\x12\x00",
                                    b"\x08\x09\x3a\x80\x80\x80\x80\x04" + b"\0" * 64,
                                    b"\x08\x09\x3a\x02\x0a\x00" * 1000],
                         ids=["endless", "empty", "claims-2-30", "many"])
def test_bytes_that_only_begin_like_a_model_are_refused(tmp_path, bytes_):
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes_)
    assert load(path, "whole")["refused"] == 1
