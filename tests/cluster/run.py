#!/usr/bin/env python3
"""Brings up a cluster, runs every check, prints one table: check, expected, seen.

usage: run.py [--image ARCHIVE] [--only TEXT] [--attach]

KEEP=1 leaves the cluster up (see cluster.py). `--only` runs the checks whose name has TEXT, and
`--attach` runs them on a cluster that was left up, and leaves it up.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import cluster
import network
import node
import processes
import service
import table
from place import LOGS, ROOT, Failed, say

# In the order in which they run.
import check_sync  # noqa: F401
import check_serving  # noqa: F401
import check_monitoring  # noqa: F401
import check_metrics_elsewhere  # noqa: F401
import check_rollout  # noqa: F401
import check_scaling  # noqa: F401
import check_failures  # noqa: F401
import check_broken  # noqa: F401
import check_alerts  # noqa: F401
import check_drift  # noqa: F401
import check_kafka  # noqa: F401
import check_dashboard  # noqa: F401

IMAGE = ROOT / "build/image/rowan.oci.tar"


def on_signal(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def after_failure():
    """A daemon that has ended explains more than the check that failed."""
    for text in processes.fallen():
        say(text)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", type=Path, default=IMAGE, help="archive of the image")
    parser.add_argument("--only", default="", metavar="TEXT", help="checks whose name has TEXT")
    parser.add_argument("--attach", action="store_true", help="to a cluster that was left up")
    return parser.parse_args()


def examine(arguments):
    chosen = [one for one in table.checks if one.essential or arguments.only in one.name]
    if arguments.attach:
        network.enter()
    else:
        cluster.up()
    service.install(arguments.image)
    results = table.run_all(chosen, after_failure)
    table.show(results)
    return all(result.passed for result in results)


def attempt(arguments):
    """Whether every check passed. Whatever happens, the cluster is taken down or left so."""
    try:
        return examine(arguments)
    except Failed as failure:
        print(failure, file=sys.stderr)
        after_failure()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    finally:
        if arguments.attach or os.environ.get("KEEP") == "1":
            say(f"left up; logs in {LOGS}; tests/cluster/cluster.py down ends it")
        else:
            node.down()
    return False


def main():
    arguments = parse()
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGHUP, on_signal)
    try:
        if not arguments.image.exists():
            raise Failed(f"{arguments.image}: no such file; `make image` makes it")
        if not arguments.attach:
            node.check_machine()
    except Failed as failure:  # what is there is not this run's to take down
        print(failure, file=sys.stderr)
        return 1
    began = time.monotonic()
    passed = attempt(arguments)
    say(f"{(time.monotonic() - began) / 60:.1f} minutes")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
