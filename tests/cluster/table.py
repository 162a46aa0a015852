"""Checks, and the table of what they saw."""

import sys
import textwrap
import time
import traceback
from dataclasses import dataclass
from typing import Callable

from place import Failed, say

WIDTHS = (34, 44, 62)  # of the columns
SEEN_MAX = 900         # characters of one cell


@dataclass
class Check:
    name: str
    expected: str
    function: Callable  # -> (passed, seen)
    essential: bool     # without it, no later check can tell anything


@dataclass
class Result:
    check: Check
    passed: bool
    seen: str


checks = []


def check(name, expected, essential=False):
    """Adds a function to the checks, in the order in which they are written. It returns whether
    it passed, and what it saw."""
    def add(function):
        checks.append(Check(name, expected, function, essential))
        return function
    return add


def examine(one):
    try:
        passed, seen = one.function()
    except Failed as failure:
        passed, seen = False, str(failure)
    except Exception as error:  # a fault of the check itself; the others go on
        traceback.print_exc()
        passed, seen = False, f"{type(error).__name__}: {error}"
    return Result(one, passed, seen[:SEEN_MAX])


def run_all(chosen, after_failure):
    """Runs checks; their results. `after_failure` is called after each that failed."""
    results, stopped = [], None
    for one in chosen:
        began = time.monotonic()
        result = Result(one, False, f"not run: {stopped} failed") if stopped else examine(one)
        results.append(result)
        verdict = "pass" if result.passed else "FAIL"
        say(f"{verdict}  {one.name}: {result.seen} ({time.monotonic() - began:.0f} s)")
        if not result.passed and not stopped:
            after_failure()
            stopped = one.name if one.essential else None
    return results


def row(cells, verdict):
    columns = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, WIDTHS)]
    for i in range(max(map(len, columns))):
        parts = [column[i] if i < len(column) else "" for column in columns]
        yield "  ".join([f"{verdict if i == 0 else '':4}"]
                        + [part.ljust(width) for part, width in zip(parts, WIDTHS)]).rstrip()


def show(results):
    lines = [*row(("check", "expected", "seen"), ""), "-" * (sum(WIDTHS) + 10)]
    for result in results:
        lines += row((result.check.name, result.check.expected, result.seen),
                     "ok" if result.passed else "FAIL")
    passed = sum(result.passed for result in results)
    lines.append(f"\n{passed} of {len(results)} checks passed")
    print("\n".join(lines))
    sys.stdout.flush()
