#!/usr/bin/env python3
"""make bench-scaling: messages a second over 1 to 6 replicas and 1 to 24 partitions.

A machine with few CPUs cannot run six replicas at full speed. So each replica gets a fixed share
of a CPU by its cgroup's quota, as a pod with a CPU limit, and the share is small enough that
brokers and replicas together leave the machine idle for a part of the time: then the replica is
the limit and not the machine. A point at which the machine was busier is marked, and the run
fails. Needs root, for cgroups. No cluster; nothing stays behind.

Prints tables. A full run on a machine that was not busy also writes build/bench/scaling.json,
which bench/capacity.py reads, and with the usual share the generated part of docs/capacity.md and
its plot; any other writes scaling-quick.json.

usage: scaling.py [--quick] [--rounds N] [--share CPUS] [--seconds S] [--no-docs]
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import capacity
import machine
import quota
import scaling_http as http
import scaling_report as report
import scaling_stream as stream
from confluent_kafka import KafkaException
from quota import Group, Unavailable

REPLICAS, QUICK_REPLICAS = (1, 2, 3, 4, 5, 6), (1, 3, 6)
PARTITIONS, QUICK_PARTITIONS = (1, 2, 3, 6, 12, 24), (1, 6, 24)
LZ4 = ("-X", "producer.compression.type=lz4")
# What a message costs in a pod of the size that is shipped, with as many partitions as planned
# for; with predictions as shipped, and compressed.
SHARE, LEAST_SHARE = 0.1, 0.01
LARGE = 5  # times the share of the curves
PODS = {"kafka": stream.Point(1, 4, LARGE), "kafka_lz4": stream.Point(1, 4, LARGE, LZ4)}
# Of the rate of such a pod that is behind: what it is given when it keeps up.
PACES = {"kafka": (0.25, 0.5, 0.7), "kafka_lz4": (0.25, 0.5)}
QUICK_PACES = dict.fromkeys(PODS, (0.25, 0.5))
PACED_LONGER = 4 / 3  # than a point of the curves
# Brokers, each with a copy, for what that costs them. They may use all of the machine: their CPU
# time alone is taken from that measurement.
COPIES, COPIES_ROUNDS = 3, 2
TRIES = 3  # of a point, while others use the machine
WARM_MESSAGES = 100_000
HTTP_SECONDS = 2
STEADY_RATES, QUICK_RATES = (1_000, 5_000, 20_000), (5_000,)
STEADY_SHARE = 1.0  # of a CPU: the limit of the container `stream`
LEAST_FREE_SHM = 4 << 30  # bytes
MEMORY = Path("/dev/shm")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FOLDER = "rowan-bench-scaling-"  # and the process id
OUT = capacity.BUILD / "bench"
OTHER = OUT / "scaling-quick.json"  # of runs that tell nothing for good
# What a program that is away, ends or hangs makes of a measurement.
FAILURES = (stream.Failed, Unavailable, capacity.Impossible, KafkaException, RuntimeError,
            AssertionError, OSError, subprocess.SubprocessError)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true",
                        help="one short round; docs/ stays as it is")
    parser.add_argument("--rounds", type=capacity.number_of(int),
                        help="in which all points take turns; 3, quick 1")
    parser.add_argument("--share", default=SHARE, help=f"CPUs of a replica; {SHARE}",
                        type=capacity.number_of(float, LEAST_SHARE, 1 / LARGE))
    parser.add_argument("--seconds", type=capacity.number_of(float), help="of a point; 3, quick 2")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/ as it is")
    options = parser.parse_args()
    quick = options.quick
    options.rounds = options.rounds or (1 if quick else 3)
    options.seconds = options.seconds or (2.0 if quick else 3.0)
    options.replicas = QUICK_REPLICAS if quick else REPLICAS
    options.partitions = QUICK_PARTITIONS if quick else PARTITIONS
    options.rates = QUICK_RATES if quick else STEADY_RATES
    options.paces = QUICK_PACES if quick else PACES
    return options


def say(text):
    print(text, flush=True)


# ---- rounds -------------------------------------------------------------------------------------


def of_rounds(runs):
    """Medians; and the busiest machine of all rounds, which no median hides."""
    return ({key: statistics.median(run[key] for run in runs) for key in runs[0]}
            | {"busy": max(run["busy"] for run in runs)})


def take_turns(points, rounds, run, name, busiest=report.BUSIEST):
    """Point -> its figures of all rounds; all points take turns in each round. One that found
    the machine busier than that is measured again."""
    runs = {point: [] for point in points}
    for number in range(rounds):
        for point in points:
            for _ in range(TRIES):
                figures = run(point)
                say(f"round {number + 1}: {name(point)}: {figures['rate']:,.0f}/s, "
                    f"{figures['cpu_us']:.2f} us of CPU, machine {figures['busy']:.0%} busy")
                if figures["busy"] <= busiest:
                    break
            runs[point].append(figures)
    return {point: of_rounds(measured) for point, measured in runs.items()}


def named(point):
    return (f"{point.replicas} replicas, {point.partitions} partitions"
            + (f", {point.times} times the share" if point.times > 1 else "")
            + (", lz4" if point.options else ""))


def curve_points(options):
    """The points of each curve, by what changes along it."""
    return {"replicas": [stream.Point(n, max(PARTITIONS)) for n in options.replicas],
            "partitions": [stream.Point(max(REPLICAS), n) for n in options.partitions]}


def measure_curves(options, folder):
    """Figures by point, on one broker."""
    points = list(dict.fromkeys([*sum(curve_points(options).values(), []), *PODS.values()]))
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
        steady = take_turns(
            options.rates, 1, lambda rate: streams.steady(rate, options.seconds * 2, STEADY_SHARE),
            lambda rate: f"steady, {rate:,}/s")
        paced = {name: measure_paced(streams, point, options.seconds * PACED_LONGER,
                                     [figures[point]["rate"] * part
                                      for part in options.paces[name]])
                 for name, point in PODS.items()}
    return figures, list(steady.values()), paced, messages


def measure_paced(streams, point, seconds, rates):
    """Figures of a pod that keeps up with each of the rates, which are measured once."""
    paces = [stream.Pace(point, round(rate)) for rate in rates]
    figures = take_turns(paces, 1, lambda pace: streams.paced(pace, seconds),
                         lambda pace: f"{named(point)}, paced at {pace.rate:,}/s", busiest=1)
    points = capacity.counted(list(figures.values()), report.BUSIEST)
    capacity.fit(points)  # rather now than at the end
    return points


def measure_copies(options, folder, messages):
    """CPU us of three brokers a message, by name: for the input and its copies, for
    rowan-stream, and for one reader of the predictions."""
    rounds, pod = min(options.rounds, COPIES_ROUNDS), PODS["kafka"]
    with stream.Brokers(folder / "brokers", COPIES) as brokers:
        streams = stream.Streams(brokers, folder / "copies", options.share, reads=True)
        streams.prepare(PODS.values(), messages)
        streams.run(pod)  # the brokers' JVMs warm up
        append_us = statistics.median(streams.append_us(pod) for _ in range(rounds))
        say(f"{COPIES} brokers: {append_us:.2f} us of CPU for the input, a message")
        figures = take_turns(PODS.values(), rounds, streams.run,
                             lambda point: f"{COPIES} brokers, {named(point)}", busiest=1)
    return {name: {"append_us": append_us, "broker_us": figures[point]["broker_us"],
                   "read_us": figures[point]["read_us"]} for name, point in PODS.items()}


def measure_http(options, folder):
    """Figures by (replicas, times the share)."""
    folder.mkdir(mode=0o755)
    runs = []

    def run(point):
        runs.append(point)
        replicas, times = point
        return http.run(folder / f"run-{len(runs)}", replicas, options.share * times,
                        HTTP_SECONDS)
    points = [*((n, 1) for n in options.replicas), (1, LARGE)]
    run(points[0])
    return take_turns(points, options.rounds, run,
                      lambda point: f"HTTP, {point[0]} replicas, {point[1]} times the share")


# ---- results ------------------------------------------------------------------------------------


def curve(figures, points):
    return [{"replicas": point.replicas, "partitions": point.partitions,
             "working": point.working, **figures[point]} for point in points]


def measure(options, folder):
    begun = time.monotonic()
    figures, steady, paced, messages = measure_curves(options, folder)
    copies = measure_copies(options, folder, messages)
    web = measure_http(options, folder / "http")
    return {
        "machine": machine.describe(), "quick": options.quick, "rounds": options.rounds,
        "share": options.share, "large": options.share * LARGE, "seconds": options.seconds,
        "messages": messages, "took": time.monotonic() - begun, "steady": steady,
        "curves": {name: curve(figures, points)
                   for name, points in curve_points(options).items()},
        "http": [{"replicas": n, "working": n, **web[n, 1]} for n in options.replicas],
        "costs": {name: figures[point] | copies[name] | {"paced": paced[name]}
                  for name, point in PODS.items()} | {"http": web[1, LARGE]},
    }


def write(results, good, into_docs):
    """`good`: what bench/capacity.py is to count with from now on."""
    OUT.mkdir(parents=True, exist_ok=True)
    file = capacity.MEASURED if good else OTHER
    text = report.render(results)
    file.write_text(json.dumps(results, indent=1))
    picture = report.PICTURE if into_docs else OUT / report.PICTURE.name
    report.draw(results, picture)
    if into_docs:
        report.write_into(text)
    say(f"\n{text}\n{file}, {picture}" + (f", {report.DOCUMENT}" if into_docs else ""))


def interrupt(*_):
    """Everything is taken down, and nothing interrupts that."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def remove_left():
    """What runs that were killed have left: processes, groups, and logs in memory."""
    with Group(SHARE):
        pass
    for left in MEMORY.glob(f"{FOLDER}*"):
        if quota.is_over(left.name, FOLDER):
            shutil.rmtree(left, ignore_errors=True)


def measure_and_write(options):
    """The points at which the machine was too busy, in words."""
    remove_left()
    if shutil.disk_usage(MEMORY).free < LEAST_FREE_SHM:
        raise stream.Failed(f"the brokers' logs need 4 GiB in {MEMORY}")
    # In memory: what is measured is no disk.
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-", dir=MEMORY) as name:
        os.chmod(name, 0o755)  # nginx's workers are another user
        results = measure(options, Path(name))
    busy = report.too_busy(results)
    good = not (options.quick or busy)
    write(results, good, good and not options.no_docs and options.share == SHARE)
    return busy


def main():
    options = parse_arguments()
    for number in SIGNALS:
        signal.signal(number, interrupt)
    try:
        busy = measure_and_write(options)
    except FAILURES as failure:
        raise SystemExit("bench-scaling has not measured: "
                         f"{str(failure) or type(failure).__name__}") from None
    except KeyboardInterrupt:
        raise SystemExit("interrupted; docs/ is as it was") from None
    for text in busy:
        say(f"MACHINE BUSY, docs/ is as it was: {text}")
    if busy:
        say("End what else runs, or give the replicas less (--share).")
    elif options.share != SHARE:
        say(f"docs/ is as it was: it has what a share of {SHARE} gives.")
    return 1 if busy else 0


if __name__ == "__main__":
    sys.exit(main())
