#!/usr/bin/env python3
"""Runs every suite of the project and ends with one line: N passed, N failed.

A suite that cannot start, or that runs no test, counts as a failure: nothing is
skipped without being seen.
"""

import argparse
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
BUILD_ASAN = BUILD.with_name(BUILD.name + "-asan")
PYTEST_SUITES = ("tests/parity", "tests/contract", "tests/cli", "tests/metrics", "tests/http",
                 "tests/kafka", "tests/manifests", "tests/monitoring", "tests/page")
TRAINING = ("requirements.txt", "training/requirements-test.txt")


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


def heading(text: str) -> None:
    print(f"\n== {text}", flush=True)


def run(command: list, **kwargs) -> int:
    return subprocess.run([str(part) for part in command], **kwargs).returncode


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
    heading(f"unit tests in {build.name}")
    # The log of an earlier run must not be counted for this one.
    junit = build / "meson-logs" / "testlog.junit.xml"
    junit.unlink(missing_ok=True)
    return read_junit(junit, run(["meson", "test", "-C", build, "--print-errorlogs"]))


def sanitized_unit_tests() -> Count:
    if not (BUILD_ASAN / "build.ninja").exists():
        run(["meson", "setup", BUILD_ASAN, ROOT, "--buildtype=debugoptimized",
             "-Db_sanitize=address,undefined", "-Db_lundef=false"], stdout=subprocess.DEVNULL)
    return unit_tests(BUILD_ASAN)


def virtual_environment(requirements: tuple[str, ...]) -> Path:
    printed = subprocess.run([ROOT / "scripts/venv.sh", *requirements], check=True, cwd=ROOT,
                             stdout=subprocess.PIPE, text=True).stdout
    return Path(printed.strip()) / "bin" / "python"


def python_tests(folder: str, requirements: tuple[str, ...], directory: Path = ROOT) -> Count:
    heading(folder)
    junit = BUILD / "junit" / (folder.replace("/", "-") + ".xml")
    junit.parent.mkdir(exist_ok=True)
    junit.unlink(missing_ok=True)
    python = virtual_environment(requirements)
    returncode = run([python, "-m", "pytest", "-q", "--tb=short", f"--junitxml={junit}",
                      directory / "tests" if directory != ROOT else ROOT / folder],
                     cwd=directory, env={**os.environ, "ROWAN_BUILD_DIR": str(BUILD)})
    return read_junit(junit, returncode)


def sanitized_http_tests() -> Count:
    heading("tests/http, nginx under the sanitizers")
    junit = BUILD / "junit" / "tests-http-sanitized.xml"
    junit.unlink(missing_ok=True)
    return read_junit(junit, run([ROOT / "scripts/test-asan-nginx.sh", BUILD_ASAN,
                                  f"--junitxml={junit}"]))


def fuzz(seconds: int) -> Count:
    heading(f"fuzzing, {seconds} s a target")
    targets = sorted((ROOT / "tests/fuzz").glob("fuzz_*.c"))
    returncode = run(["bash", ROOT / "tests/fuzz/run.sh", BUILD, seconds])
    return Count(failed=1) if returncode else Count(passed=len(targets))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fuzz-seconds", type=int, default=60, help="of one target")
    arguments = parser.parse_args()
    total = unit_tests(BUILD)
    total += sanitized_unit_tests()
    total += python_tests("training", TRAINING, ROOT / "training")
    total += python_tests("training/tests_export", TRAINING)
    for folder in PYTEST_SUITES:
        total += python_tests(folder, ("tests/requirements.txt",))
    total += sanitized_http_tests()
    total += fuzz(arguments.fuzz_seconds)
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"\n{total.passed} passed, {total.failed} failed{skipped}", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
