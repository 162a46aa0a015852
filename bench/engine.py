#!/usr/bin/env python3
"""make bench-engine: Rowan beside what its users would pick instead, in one run.

Installs the peers (pinned, in the user's cache), trains M1 to M4 with fixed seeds, converts
them for each peer, checks that all give the same scores, and times them in turn.  Prints
tables; a full run also writes docs/bench.md's engine section and docs/bench-engine.svg.

A peer that cannot be installed or run is listed with its error.  The exit code is 0 only
if Rowan's own checks pass.
"""

import argparse
import json
import statistics
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import checks
import machine
import models
import peers
import plot
import report

DOCUMENT = peers.ROOT / "docs" / "bench.md"
PICTURE = peers.ROOT / "docs" / "bench-engine.svg"
OUT = peers.BUILD / "bench"

CONTRIBUTIONS_BOUND = 1e-4  # between engines: some sum in float32


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true",
                        help="one short round; docs/ stays as it is")
    parser.add_argument("--rounds", type=int, help="in which all take turns")
    parser.add_argument("--seconds", type=float, help="of each measurement")
    parser.add_argument("--models", default=",".join(models.MODELS), help="M1,M2,M3,M4")
    parser.add_argument("--peers", help="some of them, by name, with commas; those that train always take part")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/ as it is")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.2 if options.quick else 1.0)
    options.models = options.models.split(",")
    return options


class Run:
    """One run: the engines that are ready, and what was found so far."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.folder = models.ensure()
        self.rowan = peers.rowan(self.folder)
        self.engines: list[peers.Engine] = []
        self.problems: list[str] = []
        self.checks: list[checks.Check] = []
        self.distances: dict = defaultdict(dict)
        self.times: dict = defaultdict(lambda: defaultdict(list))
        self.contributions: dict = defaultdict(lambda: defaultdict(list))
        self.threads: dict = {}

    def problem(self, text: str) -> None:
        text = text.replace(f"{self.folder}/", "").replace(str(Path.home()), "~")[:300]
        if text not in self.problems:
            self.problems.append(text)
            print(f"! {text}", flush=True)

    def leave_out(self, engine: peers.Engine, model: str, failure: peers.Failed) -> None:
        """A peer is told of; for Rowan it is a check that failed."""
        self.problem(f"{engine.name}, {model}: {failure}")
        del engine.paths[model]
        if engine is self.rowan:
            self.add_checks([checks.Check(f"{model}: Rowan: {failure}", False)])

    # ---- before the clock starts ------------------------------------------------------

    def make_ready(self) -> None:
        wanted = self.options.peers and self.options.peers.split(",")
        for peer in peers.PEERS:
            if wanted and peer.name not in wanted and not peer.same_bits:
                continue
            print(f"making ready: {peer.name}", flush=True)
            try:
                self.engines.append(peers.make_ready(peer, self.folder))
            except peers.Failed as failure:
                self.problem(f"{peer.name}: {failure}")

    def check_rowan(self, model: str):
        """Its scores, or None."""
        try:
            scores = self.rowan.scores(model)
        except peers.Failed as failure:
            self.leave_out(self.rowan, model, failure)
            self.rowan.explains.pop(model, None)
            return None
        self.add_checks(checks.of_rowan(model, scores, self.engines, self.folder))
        return scores

    def add_checks(self, found: list[checks.Check]) -> None:
        for check in found:
            if check in self.checks:
                continue  # of an earlier round
            self.checks.append(check)
            print(f"{'ok' if check.passed else 'FAILED'}: {check.text}", flush=True)

    def check_peers(self, model: str, rowan) -> None:
        expected = checks.reference(model, rowan, self.engines)
        for engine in self.engines:
            if model not in engine.paths:
                continue
            try:
                self.distances[engine.name][model] = checks.distance(engine, model, expected)
            except peers.Failed as failure:
                self.leave_out(engine, model, failure)

    def check(self) -> None:
        for model in self.options.models:
            rowan = self.check_rowan(model)
            try:
                self.check_peers(model, rowan)
            except (StopIteration, peers.Failed):
                self.problem(f"{model}: nobody is there to say what its scores must be")

    # ---- times -----------------------------------------------------------------------------

    def everyone(self) -> list[peers.Engine]:
        return [*self.engines, self.rowan]

    def time_round(self, number: int) -> None:
        share = models.SCORED_ROWS // self.options.rounds
        at_least = 0 if self.options.quick else share
        for model in self.options.models:
            for engine in self.everyone():
                if model not in engine.paths:
                    continue
                try:
                    measured = engine.times(model, self.options.seconds, number * share, at_least)
                    self.times[engine.name][model].append(measured)
                except peers.Failed as failure:
                    self.leave_out(engine, model, failure)

    def explain_round(self) -> None:
        for model in self.options.models:
            given = {}
            for engine in self.everyone():
                if model not in engine.explains:
                    continue
                try:
                    measured, values = engine.contributions(model, self.options.seconds)
                    self.contributions[engine.name][model].append(measured)
                    given[engine.name] = values
                except peers.Failed as failure:
                    self.problem(f"contributions, {engine.name}, {model}: {failure}")
                    del engine.explains[model]
            self.compare_contributions(model, given)

    def compare_contributions(self, model: str, given: dict) -> None:
        """With the training library's, which are sums of float32 in XGBoost."""
        library = next((name for name in ("XGBoost", "LightGBM") if name in given), None)
        for name, values in given.items():
            off = abs(values - given[library]).max() if library else 0.0
            near = bool(off <= CONTRIBUTIONS_BOUND)
            if name == "Rowan" and library:
                self.add_checks([checks.Check(
                    f"{model}: Rowan's contributions are within {CONTRIBUTIONS_BOUND:g} of "
                    f"{library}'s" + ("" if near else f"; they are {off:.2g} OFF"), near)])
            elif not near:
                self.problem(f"contributions, {name}, {model}: {off:.2g} from {library}'s")

    def time_threads(self) -> None:
        for model in self.options.models:
            if model not in self.rowan.paths:
                continue
            try:
                self.threads[model] = self.rowan.threads(model, 2, self.options.seconds)
            except peers.Failed as failure:
                self.leave_out(self.rowan, model, failure)

    def measure(self) -> None:
        for number in range(self.options.rounds):
            print(f"round {number + 1} of {self.options.rounds}", flush=True)
            self.time_round(number)
            self.explain_round()
        print("two threads", flush=True)
        self.time_threads()

    # ---- results -------------------------------------------------------------------------------

    def engine_results(self, engine: peers.Engine) -> dict:
        return {"note": engine.note, "compile_seconds": engine.compile_seconds,
                "distance": self.distances[engine.name],
                "times": {model: medians(rounds)
                          for model, rounds in self.times[engine.name].items()},
                "contributions": {model: medians(rounds)
                                  for model, rounds in self.contributions[engine.name].items()}}

    def results(self) -> dict:
        rounds = [one for model in self.times["Rowan"].values() for one in model]
        settings = {"rounds": self.options.rounds, "rows": models.SCORED_ROWS,
                    "features": models.FEATURES, "seconds": self.options.seconds,
                    "command": "make bench-engine" + (" ARGS=--quick" if self.options.quick
                                                      else "")}
        return {"machine": machine.describe(), "settings": settings,
                "models": self.options.models,
                "clock": {"name": rounds[0]["clock"] if rounds else "no clock",
                          "empty_ns": statistics.median([one["empty_ns"] for one in rounds] or [0])},
                "kernels": sorted({one["kernel"] for one in rounds}),
                "engines": {engine.name: self.engine_results(engine)
                            for engine in self.everyone()},
                "threads": self.threads, "checks": [asdict(check) for check in self.checks],
                "problems": self.problems}


def medians(rounds: list[dict]) -> dict:
    """Of each number; calls are added up, as each round has other rows."""
    merged = {key: statistics.median([one[key] for one in rounds])
              for key, value in rounds[0].items() if isinstance(value, (int, float))}
    if "calls" in merged:
        merged["calls"] = sum(one["calls"] for one in rounds)
    return merged


def write(results: dict, into_docs: bool) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "engine.json").write_text(json.dumps(results, indent=1))
    picture = PICTURE if into_docs else OUT / PICTURE.name
    plot.write(results, picture)
    text = report.render(results, PICTURE.name)
    (OUT / "engine.md").write_text(text)
    if into_docs:
        report.write_into(DOCUMENT, text)
    print(f"\n{text}\n{OUT / 'engine.json'}, {OUT / 'engine.md'}, {picture}")


def main() -> int:
    options = parse_arguments()
    run = Run(options)
    run.make_ready()
    run.check()
    run.measure()
    write(run.results(), into_docs=not (options.quick or options.no_docs))
    return 0 if all(check.passed for check in run.checks) else 1


if __name__ == "__main__":
    sys.exit(main())
