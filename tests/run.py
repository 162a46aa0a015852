#!/usr/bin/env python3
"""Runs every suite of the project and ends with one line: N passed, N failed.

A suite that cannot start, or that runs no test, counts as a failure: nothing is
skipped without being seen. Most suites mostly wait, for servers and for clocks, so two lanes
of them run side by side; what a suite prints comes when it has ended.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
import traceback
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
BUILD_ASAN = BUILD.with_name(BUILD.name + "-asan")
TRAINING = ("requirements.txt", "training/requirements-test.txt")
TESTS = ("tests/requirements.txt",)
REHEARSAL = (*TESTS, "tests/rehearsal/requirements.txt")
printing = threading.Lock()


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other: "Count") -> "Count":
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self


def run(title: str, command: list, **kwargs) -> int:
    """The exit status; what the command said is printed in one piece."""
    began = time.monotonic()
    process = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                             **kwargs)
    with printing:
        print(f"\n== {title} ({time.monotonic() - began:.0f} s)\n{process.stdout.rstrip()}",
              flush=True)
    return process.returncode


def read_junit(path: Path, returncode: int) -> Count:
    """Counts of a JUnit file; a run that failed without a failed test is one failure."""
    count = Count()
    if path.exists():
        for case in ElementTree.parse(path).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                count.failed += 1
            elif case.find("skipped") is not None:
                count.skipped += 1
            else:
                count.passed += 1
    if (returncode != 0 or count.passed == 0) and count.failed == 0:
        count.failed = 1
    return count


def unit_tests(build: Path) -> Count:
    # The log of an earlier run must not be counted for this one.
    junit = build / "meson-logs" / "testlog.junit.xml"
    junit.unlink(missing_ok=True)
    return read_junit(junit, run(f"unit tests in {build.name}",
                                 ["meson", "test", "-C", build, "--print-errorlogs"]))


def sanitized_unit_tests() -> Count:
    if not (BUILD_ASAN / "build.ninja").exists():
        run("setting up a build under the sanitizers",
            ["meson", "setup", BUILD_ASAN, ROOT, "--buildtype=debugoptimized",
             "-Db_sanitize=address,undefined", "-Db_lundef=false"])
    return unit_tests(BUILD_ASAN)


def virtual_environment(requirements: tuple[str, ...]) -> Path:
    printed = subprocess.run([ROOT / "scripts/venv.sh", *requirements], check=True, cwd=ROOT,
                             stdout=subprocess.PIPE, text=True).stdout
    return Path(printed.strip()) / "bin" / "python"


def python_tests(folder: str, requirements: tuple[str, ...] = TESTS,
                 directory: Path = ROOT) -> Count:
    junit = BUILD / "junit" / (folder.replace("/", "-") + ".xml")
    junit.parent.mkdir(exist_ok=True)
    junit.unlink(missing_ok=True)
    python = virtual_environment(requirements)
    returncode = run(folder, [python, "-m", "pytest", "-q", "--tb=short", f"--junitxml={junit}",
                      directory / "tests" if directory != ROOT else ROOT / folder],
                     cwd=directory, env={**os.environ, "ROWAN_BUILD_DIR": str(BUILD)})
    return read_junit(junit, returncode)


def sanitized_http_tests() -> Count:
    junit = BUILD / "junit" / "tests-http-sanitized.xml"
    junit.unlink(missing_ok=True)
    return read_junit(junit, run("tests/http, nginx under the sanitizers",
                                 [ROOT / "scripts/test-asan-nginx.sh", BUILD_ASAN,
                                  f"--junitxml={junit}"]))


def fuzz(seconds: int) -> Count:
    targets = sorted((ROOT / "tests/fuzz").glob("fuzz_*.c"))
    returncode = run(f"fuzzing, {seconds} s a target",
                     ["bash", ROOT / "tests/fuzz/run.sh", BUILD, seconds])
    return Count(failed=1) if returncode else Count(passed=len(targets))


# They send a server more than it can take and look at what it does with the rest: on their own.
ALONE: tuple[Callable[[], Count], ...] = (
    partial(unit_tests, BUILD),
    sanitized_unit_tests,
    partial(python_tests, "tests/http"),
    sanitized_http_tests,
)
# Two, for the processors are two: beside two others brokers and clients became late.
LANES: tuple[tuple[Callable[[], Count], ...], ...] = (
    (partial(python_tests, "tests/kafka"),
     partial(python_tests, "tests/sync"),
     partial(python_tests, "training", TRAINING, ROOT / "training"),
     partial(python_tests, "training/tests_export", TRAINING),
     partial(python_tests, "training/tests_spark", TRAINING),
     partial(python_tests, "tests/page"),
     partial(python_tests, "tests/manifests"),
     partial(python_tests, "tests/contract"),
     partial(python_tests, "tests/cli"),
     partial(python_tests, "tests/metrics")),
    (partial(python_tests, "tests/parity"),
     partial(python_tests, "tests/retraining"),
     partial(python_tests, "tests/monitoring"),
     partial(python_tests, "tests/bench"),
     partial(python_tests, "tests/rehearsal", REHEARSAL)),
)


def lane(suites: tuple[Callable[[], Count], ...]) -> Count:
    count = Count()
    for suite in suites:
        try:
            count += suite()
        except Exception:  # of this file: the suites behind it run all the same
            traceback.print_exc()
            count += Count(failed=1)
    return count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fuzz-seconds", type=int, default=60, help="of one target")
    arguments = parser.parse_args()
    total = lane(ALONE)
    with ThreadPoolExecutor(len(LANES)) as lanes:
        for count in lanes.map(lane, LANES):
            total += count
    total += fuzz(arguments.fuzz_seconds)
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"\n{total.passed} passed, {total.failed} failed{skipped}", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
