#!/usr/bin/env python3
"""The attack rehearsal: the whole system on one real node, an attack, a flood, faults.

usage: run.py [--quick] [--act NAME ...] [--attach] [--image ARCHIVE] [--no-docs]

Brings up the cluster of tests/cluster and what the acts play on (stage.py), plays them, watches,
takes everything down, and writes docs/rehearsal.md; build/rehearsal has what was seen. The exit
status is 0 only if every check passed. `--quick` shortens the windows (plan.py) and leaves docs/ as
it is. KEEP=1 leaves the cluster up (tests/cluster/cluster.py), `--attach` plays on one that was.
"""

import argparse
import sys
import traceback
from pathlib import Path

import stage as _  # noqa: F401  (first: it says where the parts of the other tests are)

import act_faults
import act_flood
import act_seed
import cluster
import committed
import network
import report
from conduct import conduct, tell_of_fallen
from faults import scene
from place import ROOT
from plan import FULL, QUICK
from record import Record
from stage import Stage

IMAGE = ROOT / "build/image/rowan.oci.tar"
OUT = ROOT / "build/rehearsal"
# In the order in which they are played.
ACTS = {"seed": act_seed, "flood": act_flood, "faults": act_faults}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter windows; docs/ stays")
    parser.add_argument("--act", action="append", choices=ACTS, help="only this one; repeatable")
    parser.add_argument("--attach", action="store_true", help="to a cluster that was left up")
    parser.add_argument("--image", type=Path, default=IMAGE, help="archive of the image")
    parser.add_argument("--no-docs", action="store_true", help="docs/ stays as it is")
    return parser.parse_args()


def play(what, stage, function):
    """One act, or what comes after all. After one that breaks off, which its record tells as a
    failed check, the next is played."""
    checks = stage.record.checks
    before = len(checks)
    try:
        function(stage)
    except Exception as error:
        traceback.print_exc()
        tell_of_fallen()
        if all(check["passed"] for check in checks[before:]):
            stage.record.check(what, "is played", False,
                               f"{type(error).__name__}: {error}")


def is_whole(names):
    """Whether every act is played, and every fault."""
    return names == list(ACTS) and not scene.only()


def perform(arguments):
    """Whether every check passed."""
    record, plan = Record(), QUICK if arguments.quick else FULL
    names = arguments.act or list(ACTS)
    for name in names:
        getattr(ACTS[name], "prepare", lambda: None)()  # as long as there is a way out
    if arguments.attach:
        network.enter()
    else:
        cluster.up()
    OUT.mkdir(parents=True, exist_ok=True)
    with Stage(plan, record, OUT, arguments.image) as stage:
        folder = OUT  # of a run that is interrupted, and of one that is not the whole rehearsal
        try:
            for name in names:
                play(f"act {name}", stage, ACTS[name].play)
            play("the count over all acts", stage, committed.check)
            if is_whole(names) and not arguments.quick and not arguments.no_docs:
                folder = ROOT / "docs"
        finally:
            report.write(record, stage.witness, plan, folder)
    return record.passed


if __name__ == "__main__":
    sys.exit(conduct(parse(), perform))
