#!/usr/bin/env python3
"""Brings up a cluster, runs every check, prints one table: check, expected, seen.

usage: run.py [--image ARCHIVE] [--only TEXT] [--attach]

KEEP=1 leaves the cluster up (see cluster.py). `--only` runs the checks whose name has TEXT, and
`--attach` runs them on a cluster that was left up, and leaves it up.
"""

import argparse
import sys
from pathlib import Path

import cluster
import network
import service
import table
from conduct import conduct, tell_of_fallen
from place import ROOT

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
    results = table.run_all(chosen, tell_of_fallen)
    table.show(results)
    return all(result.passed for result in results)


if __name__ == "__main__":
    sys.exit(conduct(parse(), examine))
