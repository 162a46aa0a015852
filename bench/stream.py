#!/usr/bin/env python3
"""rowan-stream beside a copy of the same messages and beside Python loops, in one run.

One real broker and one program at a time: the program has CPU 0 with all its threads, the
broker and all else share CPU 1.  A topic of six partitions holds the messages before a
program starts.  Its time goes from the first message in its output topic (the broker's
time stamp) until its group has committed all of them.  All programs take turns in every
round; ratios are of one round.

Then latency: transactions come at a steady rate, and a read_committed consumer notes when
each prediction arrives, counted from the moment at which its transaction was due.

usage: stream.py [--quick] [--rounds N] [--messages N] [--only WORDS] [--stream-args ARGS]
"""

import argparse
import math
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import machine
import peers
import report
import stream_parts as parts

STREAM = peers.BUILD / "src" / "stream" / "rowan-stream"
ROWAN = peers.BUILD / "src" / "cli" / "rowan"
PYTHON_STREAMS = peers.BENCH / "python_streams"
FLOOR, EXACTLY_ONCE, AT_LEAST_ONCE = ("copy, librdkafka (the floor)", "rowan-stream, exactly once",
                                      "rowan-stream, at least once")
# Rowan's own, for the machine of docs/bench.md.
GOAL_OF_FLOOR, GOAL_CPU_US, GOAL_P99_MS = 0.5, 1.5, 100.0
RATE, WARM_SECONDS = 5000, 5
COMPARED = 200  # predictions of a program whose scores are looked at
DISTANCE = 32 * 2.0**-24  # as bench/checks.py


@dataclass
class Program:
    name: str
    messages: int  # in one run: a program at 1,000 a second need not see millions
    command: object  # of (bench, source, output, group): a list
    ends: bool = True  # by itself, when all is committed
    is_python: bool = False  # its start is not in its CPU time; it says when that is over
    distance: float | None = DISTANCE  # of its scores, at most; None: it has none
    runs: list = field(default_factory=list)

    def median(self, key):
        return statistics.median(run[key] for run in self.runs)


def floor(n):
    def command(bench, source, output, group):
        return [parts.NATIVE / "stream_copy", bench.broker.address, source, output, group, n]
    return Program(FLOOR, n, command, distance=None)


def rowan_stream(name, delivery, n):
    def command(bench, source, output, group):
        return bench.stream_command(source, output, group, delivery)
    return Program(name, n, command, ends=False, distance=0.0)


def python(name, script, n, form, *more):
    def command(bench, source, output, group):
        return [sys.executable, PYTHON_STREAMS / script, bench.broker.address, source, output,
                group, bench.model.folder, getattr(bench.model, form), n, *more]
    return Program(name, n, command, is_python=True)


def programs(n, slow):
    """Of `n` messages for native programs; Python ones see the share that takes as long."""
    return [
        floor(n),
        rowan_stream(EXACTLY_ONCE, "exactly-once", n),
        rowan_stream(AT_LEAST_ONCE, "at-least-once", n),
        python("Python, ONNX Runtime, batches of 500", "onnx_batches.py", n // slow, "onnx", 500),
        python("Python, ONNX Runtime, one by one", "onnx_batches.py", n // slow, "onnx", 1),
        python("Python, pandas, XGBoost", "pandas_xgboost.py", n // slow // 50, "ubj"),
    ]


# ---- throughput ------------------------------------------------------------------------------


class Bench:
    def __init__(self, broker, model, folder, stream_args):
        self.broker, self.model, self.folder = broker, model, folder
        self.stream_args = stream_args
        self.n_runs = 0
        self.sources = {}

    def stream_command(self, source, output, group, delivery):
        self.metrics = self.folder / f"metrics-{group}"
        self.metrics.mkdir()
        return [STREAM, "--brokers", self.broker.address, "--input", source, "--output", output,
                "--dead-letter", self.dead_letter, "--group", group, "--model",
                self.model.folder, "--metrics-dir", self.metrics, "--delivery", delivery,
                *self.stream_args]

    def produced(self):
        """What rowan-stream has counted itself."""
        text = peers.run([ROWAN, "metrics", self.metrics])
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith("kafka_messages_produced_total{"))

    def prepare(self, n_messages):
        """A topic with so many messages, for each number that is asked for."""
        self.dead_letter = self.broker.topic("dead-letter")
        for n in sorted(set(n_messages)):
            self.sources[n], self.mean_bytes = parts.fill(self.broker, self.model, n)

    def next_group(self):
        self.n_runs += 1
        return f"bench-{self.n_runs}"

    def run(self, program):
        """One run; its figures."""
        source, group = self.sources[program.messages], self.next_group()
        with self.broker.output() as output:
            command = program.command(self, source, output, group)
            with parts.Process(command, self.folder / "log", program.is_python) as process:
                before = 0.0
                if program.is_python:
                    process.process.stdout.readline()
                    before = parts.cpu_seconds(process.pid) if not process.has_ended() else 0.0
                end = parts.wait_until_committed(self.broker, process, group, source,
                                                 program.messages)
                if program.ends:
                    process.wait()
                cpu, memory = process.figures()
                process.check()
            first, several = self.broker.first_messages(output, COMPARED)
            self.check(program, several)
        seconds = end - min(message.timestamp()[1] for message in first) / 1000
        return {"rate": program.messages / seconds, "memory_mb": memory,
                "cpu_us": (cpu - before) / program.messages * 1e6}

    def check(self, program, messages):
        if not program.ends and self.produced() != program.messages:
            raise peers.Failed(f"counted {self.produced()} messages, not {program.messages}")
        if program.distance is None:
            return
        off = self.model.distance(messages)
        if off > program.distance:
            raise peers.Failed(f"its scores are off by {off:.2g} from XGBoost's")


def take_turns(bench, everyone, rounds):
    """Reasons, by name, of those that could not be measured."""
    failed = {}
    bench.run(everyone[0])  # the broker's JVM warms up
    for number in range(rounds):
        for program in everyone:
            if program.name in failed:
                continue
            try:
                figures = bench.run(program)
            except peers.Failed as failure:
                failed[program.name] = str(failure)
                print(f"{program.name}: {failure}", flush=True)
                continue
            program.runs.append(figures)
            print(f"round {number + 1}: {program.name}: {figures['rate']:,.0f} messages/s, "
                  f"{significant(figures['cpu_us'])} us", flush=True)
    return failed


# ---- latency ---------------------------------------------------------------------------------


def wait_until_ready(process, command):
    begun = time.monotonic()
    while subprocess.run([command[0], "ready", *map(str, command[1:])],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        process.check()
        if time.monotonic() - begun > parts.PATIENCE:
            raise peers.Failed("does not become ready")
        time.sleep(0.1)


def latency(bench, delivery, seconds):
    source, group = bench.broker.topic("input"), bench.next_group()
    output = bench.broker.topic("output")
    command = bench.stream_command(source, output, group, delivery)
    with parts.Process(command, bench.folder / "log") as process:
        wait_until_ready(process, command)
        before, begun = process.figures()[0], time.monotonic()
        printed = peers.run([parts.NATIVE / "stream_latency", bench.broker.address, source, output,
                             bench.model.lines, RATE, seconds, WARM_SECONDS])
        used = process.figures()[0] - before
        figures = peers.parse(printed)
        figures["share_of_core"] = used / (time.monotonic() - begun)
        figures["memory_mb"] = process.figures()[1]
        process.check()
    return figures


# ---- the report ------------------------------------------------------------------------------


def significant(number):
    """Three digits that count, never an exponent."""
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.{max(0, 2 - math.floor(math.log10(number)))}f}" if number > 0 else "0"


def met(good):
    return "met" if good else "MISSED"


def ratio(program, base):
    """The median over rounds; each ratio is of one round."""
    return statistics.median(mine["rate"] / other["rate"]
                             for mine, other in zip(program.runs, base.runs, strict=False))


def throughput_table(everyone, failed):
    base, rows = everyone[0], []
    for program in everyone:
        if program.runs:
            rows.append([program.name, f"{program.median('rate'):,.0f}",
                         significant(ratio(program, base)), significant(program.median("cpu_us")),
                         f"{program.median('memory_mb'):.0f}", f"{program.messages:,}"])
        else:
            rows.append([program.name, failed.get(program.name, "–"), "–", "–", "–", "–"])
    return report.table(["consumer, model, producer", "messages/s", "of the floor",
                         "CPU us a message", "peak MB", "messages"], rows)


def latency_table(results):
    rows = [[name, *(significant(figures[key]) for key in ("p50_ms", "p99_ms", "p999_ms",
                                                          "max_ms", "late_p99_ms")),
             f"{100 * figures['share_of_core']:.3g} %", f"{figures['memory_mb']:.0f}"]
            for name, figures in results.items()]
    return report.table([f"at {RATE:,} messages/s", "p50 ms", "p99 ms", "p99.9 ms", "longest ms",
                         "producer late, p99 ms", "of a core", "peak MB"], rows)


def goals(everyone, results):
    """(text, met) of each goal that was measured."""
    lines, base = [], everyone[0]
    for program in everyone:
        if program.name == EXACTLY_ONCE and program.runs and base.runs:
            share, cpu = ratio(program, base), program.median("cpu_us")
            lines += [(f"exactly once, of the floor: {share:.2f} (goal >= {GOAL_OF_FLOOR})",
                       share >= GOAL_OF_FLOOR),
                      (f"exactly once, CPU time a message: {cpu:.2f} us "
                       f"(goal <= {GOAL_CPU_US} us)", cpu <= GOAL_CPU_US)]
    if EXACTLY_ONCE in results:
        p99 = results[EXACTLY_ONCE]["p99_ms"]
        lines.append((f"exactly once, p99 at {RATE:,} messages/s: {p99:.1f} ms "
                      f"(goal <= {GOAL_P99_MS:.0f} ms)", p99 <= GOAL_P99_MS))
    return lines


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, help="5; 1 with --quick")
    parser.add_argument("--messages", type=int, help="for native programs; 2,000,000")
    parser.add_argument("--only", default="", metavar="WORDS",
                        help="programs whose names have these words; the floor is always there")
    parser.add_argument("--no-latency", action="store_true")
    parser.add_argument("--stream-args", type=shlex.split, default=[], metavar="ARGS",
                        help="more arguments of rowan-stream, such as '-X linger.ms=1'")
    arguments = parser.parse_args()
    quick = arguments.quick
    arguments.rounds = arguments.rounds or (1 if quick else 5)
    arguments.messages = arguments.messages or (400_000 if quick else 2_000_000)
    arguments.seconds = 5 if quick else 30
    return arguments


def measure(arguments, folder):
    model = parts.Model(folder / "model")
    everyone = [program for program in programs(arguments.messages, 10)
                if program.name == FLOOR or arguments.only in program.name]
    results = {}
    with parts.Broker(folder / "broker") as broker:
        bench = Bench(broker, model, folder, arguments.stream_args)
        bench.prepare(program.messages for program in everyone)
        failed = take_turns(bench, everyone, arguments.rounds)
        for name, delivery in ((EXACTLY_ONCE, "exactly-once"), (AT_LEAST_ONCE, "at-least-once")):
            if not arguments.no_latency and arguments.only in name and name not in failed:
                results[name] = latency(bench, delivery, arguments.seconds)
    return everyone, failed, results, bench.mean_bytes


def main():
    arguments = parse_arguments()
    if os.cpu_count() < 2:
        raise SystemExit("two CPUs are needed: one for the program, one for the broker")
    # In memory: what is measured is no disk.
    with tempfile.TemporaryDirectory(prefix="rowan-bench-", dir="/dev/shm") as name:
        everyone, failed, results, mean_bytes = measure(arguments, Path(name))
    print(f"\n{machine.describe()}\nmodel: {report.MODELS['M2']}; messages of "
          f"{mean_bytes:.0f} bytes, {parts.PARTITIONS} partitions, one broker; the program on one "
          f"CPU, the broker on the other; medians of {arguments.rounds} rounds\n")
    print(throughput_table(everyone, failed))
    if results:
        print(f"\n{latency_table(results)}")
    print()
    lines = goals(everyone, results)
    for text, good in lines:
        print(f"{met(good)}: {text}")
    for name, why in failed.items():
        print(f"not measured: {name}: {why}")
    return 0 if lines and not failed and all(good for _, good in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
