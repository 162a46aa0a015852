#!/usr/bin/env python3
"""make bench-scaling: messages a second over 1 to 6 replicas and 1 to 24 partitions.

A machine with few CPUs cannot run six replicas at full speed. So each replica gets a fixed share
of a CPU by its cgroup's quota, as a pod with a CPU limit, and the share is small enough that
brokers and replicas together leave the machine idle for a part of the time: then the replica is
the limit and not the machine. A point at which the machine was busier is marked, and the run
fails. Needs root, for cgroups. No cluster; nothing stays behind.

Prints tables; a full run also writes the generated part of docs/capacity.md and its plot.

usage: scaling.py [--quick] [--rounds N] [--share CPUS] [--seconds S] [--no-docs]
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import capacity
import machine
import scaling_http as http
import scaling_report as report
import scaling_stream as stream
from quota import Group, Unavailable

REPLICAS = (1, 2, 3, 4, 5, 6)
PARTITIONS = (1, 2, 3, 6, 12, 24)
CURVE_POINTS = {
    "replicas": [stream.Point(n, max(PARTITIONS)) for n in REPLICAS],
    "partitions": [stream.Point(max(REPLICAS), n) for n in PARTITIONS],
}
LARGE = 5       # times the share of the curves: does one replica with more CPU do as much more?
REPLICATED = 3  # brokers, and copies of each message, where costs are measured
LZ4 = ("-X", "producer.compression.type=lz4")
COSTS = {"kafka": stream.Point(2, max(PARTITIONS)),
         "kafka_lz4": stream.Point(2, max(PARTITIONS), 1, LZ4)}
WARM_MESSAGES = 100_000
STEADY_RATES = (1_000, 5_000, 20_000)
STEADY_SHARE = 1.0  # of a CPU: the limit of the container `stream`
LEAST_FREE_SHM = 6 << 30  # bytes
OUT = capacity.BUILD / "bench"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true",
                        help="one short round; docs/ stays as it is")
    parser.add_argument("--rounds", type=int, help="in which all points take turns; 3, quick 1")
    parser.add_argument("--share", type=float, default=0.1, help="CPUs of a replica; 0.1")
    parser.add_argument("--seconds", type=float, help="of a point; 5, quick 2")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/ as it is")
    options = parser.parse_args()
    quick = options.quick
    options.rounds = options.rounds or (1 if quick else 3)
    options.seconds = options.seconds or (2.0 if quick else 5.0)
    return options


def say(text):
    print(text, flush=True)


# ---- rounds -------------------------------------------------------------------------------------


def medians(runs):
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def take_turns(points, rounds, run, name):
    """Point -> medians of its figures; all points take turns in each round."""
    runs = {point: [] for point in points}
    for number in range(rounds):
        for point in points:
            figures = run(point)
            runs[point].append(figures)
            say(f"round {number + 1}: {name(point)}: {figures['rate']:,.0f}/s, "
                f"{figures['cpu_us']:.2f} us of CPU, machine {figures['busy']:.0%} busy")
    return {point: medians(measured) for point, measured in runs.items()}


def named(point):
    return (f"{point.replicas} replicas, {point.partitions} partitions"
            + (f", {point.times} times the share" if point.times > 1 else "")
            + (", lz4" if point.options else ""))


def measure_curves(options, folder):
    """Figures by point, on one broker."""
    large = stream.Point(1, max(PARTITIONS), LARGE)
    points = list(dict.fromkeys([*CURVE_POINTS["replicas"], *CURVE_POINTS["partitions"], large]))
    with stream.Brokers(folder / "broker") as brokers:
        streams = stream.Streams(brokers, folder / "streams", options.share)
        warm = stream.Point(1, max(PARTITIONS))
        streams.prepare([warm], WARM_MESSAGES)
        rate = streams.run(warm)["rate"]
        streams.sources.clear()
        say(f"one replica with {options.share:g} CPU, broker cold: {rate:,.0f} messages/s")
        messages = round(rate * options.seconds)
        streams.prepare(points, messages)
        figures = take_turns(points, options.rounds, streams.run, named)
        steady = [streams.steady(rate, options.seconds * 2, STEADY_SHARE)
                  for rate in STEADY_RATES]
    return figures, figures.pop(large), steady, messages


def measure_costs(options, folder, messages):
    """What a message costs where each is on three brokers."""
    with stream.Brokers(folder / "brokers", REPLICATED) as brokers:
        streams = stream.Streams(brokers, folder / "costs", options.share)
        streams.prepare(COSTS.values(), messages)
        streams.run(COSTS["kafka"])  # the brokers' JVMs warm up
        figures = take_turns(COSTS.values(), options.rounds, streams.run,
                             lambda point: f"three brokers, {named(point)}")
    return {name: figures[point] for name, point in COSTS.items()}


def measure_http(options, folder):
    folder.mkdir(mode=0o755)
    runs = []

    def run(replicas):
        runs.append(replicas)
        return http.run(folder / f"run-{len(runs)}", replicas, options.share,
                        max(1, round(options.seconds / 2)))
    run(1)
    return take_turns(REPLICAS, options.rounds, run, lambda n: f"HTTP, {n} replicas")


# ---- results ------------------------------------------------------------------------------------


def curve(figures, points):
    return [{"replicas": point.replicas, "partitions": point.partitions,
             "working": point.working, **figures[point]} for point in points]


def measure(options, folder):
    begun = time.monotonic()
    figures, large, steady, messages = measure_curves(options, folder)
    costs = measure_costs(options, folder, messages)
    web = measure_http(options, folder / "http")
    costs["http"] = web[max(REPLICAS)]
    return {
        "machine": machine.describe(), "quick": options.quick, "rounds": options.rounds,
        "share": options.share, "seconds": options.seconds, "messages": messages,
        "took": time.monotonic() - begun, "cpus": os.cpu_count(),
        "curves": {name: curve(figures, points) for name, points in CURVE_POINTS.items()},
        "http": [{"replicas": n, "working": n, **web[n]} for n in REPLICAS],
        "large": {"times": LARGE, **large}, "steady": steady, "costs": costs,
    }


def write(results, into_docs):
    OUT.mkdir(parents=True, exist_ok=True)
    capacity.MEASURED.write_text(json.dumps(results, indent=1))
    picture = report.PICTURE if into_docs else OUT / report.PICTURE.name
    report.draw(results, picture)
    text = report.render(results)
    if into_docs:
        report.write_into(text)
    say(f"\n{text}\n{capacity.MEASURED}, {picture}" + (f", {report.DOCUMENT}" if into_docs else ""))


def interrupt(*_):
    """SIGTERM as Ctrl-C: everything is taken down."""
    raise KeyboardInterrupt


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, interrupt)
    if shutil.disk_usage("/dev/shm").free < LEAST_FREE_SHM:
        raise SystemExit("the brokers' logs need 6 GiB in /dev/shm")
    try:
        with Group(options.share):
            pass
        # In memory: what is measured is no disk.
        with tempfile.TemporaryDirectory(prefix="rowan-bench-", dir="/dev/shm") as name:
            os.chmod(name, 0o755)  # nginx's workers are another user
            results = measure(options, Path(name))
    except (stream.Failed, Unavailable) as failure:
        raise SystemExit(str(failure)) from None
    except KeyboardInterrupt:
        raise SystemExit("interrupted; docs/ is as it was") from None
    busy = report.too_busy(results)
    write(results, into_docs=not (options.quick or options.no_docs or busy))
    for text in busy:
        say(f"MACHINE BUSY: {text}")
    return 1 if busy else 0


if __name__ == "__main__":
    sys.exit(main())
