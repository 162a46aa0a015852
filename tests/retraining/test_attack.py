"""What the attack says of a load test that was not satisfied: a program in its place writes the
report, and no broker is needed."""

import json
import sys
from dataclasses import replace

import pytest

from server import ROOT

sys.path.append(str(ROOT / "training"))

from rowan_training.errors import WorkError  # noqa: E402
from rowan_training.retraining.attack import attack  # noqa: E402
from rowan_training.retraining.settings import Settings  # noqa: E402

ANSWERED = {"once": 100, "missing": 0, "doubled": 0, "misplaced": 0, "unknown": 0, "unreadable": 0}
REPORT = {"complete": True, "sent": 100, "acknowledged": 100, "failed": 0, "verified": True,
          "acknowledged_seconds": 4.4, "seconds": [], "phases": [], "verification": ANSWERED}
PROGRAM = """#!/bin/sh
while [ "$1" != --json ]; do shift; done
cp "{report}" "$2"
exit {status}
"""


@pytest.fixture
def attacked(tmp_path):
    """The step's result, after a load test with that report and that status."""
    def run(report, status=1):
        written, program = tmp_path / "written.json", tmp_path / "load-test"
        written.write_text(json.dumps(REPORT | report))
        program.write_text(PROGRAM.format(report=written, status=status))
        program.chmod(0o755)
        return attack(tmp_path, replace(Settings.of(), brokers="127.0.0.1:9", pushgateway_url="",
                                        load_test=str(program)))
    return run


@pytest.mark.parametrize("report, text", [
    ({"complete": False, "acknowledged": 90, "failed": 10, "verified": False},
     "not acknowledged whole: 90 of 100 messages, 10 failed"),
    ({"verified": False, "verification": ANSWERED | {"once": 98, "missing": 2}},
     "not answered whole: 98 of 100 messages once, 2 missing, 0 doubled, 0 misplaced, 0 unknown, "
     "0 unreadable;"),
    ({"verified": False, "verification": ANSWERED | {"unknown": 3}}, "3 unknown, 0 unreadable; /"),
    ({"verified": False}, "100 of 100 messages once, 0 missing, 0 doubled, 0 misplaced, "
     "0 unknown, 0 unreadable; the topics were not read to their end;"),
    ({}, "ended with 1: its reports could not be written"),
    ({"verified": None, "verification": {}}, "ended with 1: its reports could not be written")])
def test_what_was_not_seen_to_its_end_is_said(attacked, report, text):
    with pytest.raises(WorkError) as failure:
        attacked(report)
    assert text in str(failure.value) and "None" not in str(failure.value)


def test_a_load_test_that_is_satisfied(attacked):
    assert attacked({}, status=0)["once"] == 100
