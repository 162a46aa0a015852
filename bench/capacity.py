#!/usr/bin/env python3
"""What a rate of transactions takes, from measured costs and stated assumptions.

Measured costs are those of the last `make bench-scaling` (build/bench/scaling.json); requests,
limits and the HPA's bounds are read from argocd/. Everything else is an assumption with an option.
docs/capacity.md explains the formulas.

usage: capacity.py [--rate N] [--broker-gbit N] ...     its table, for your own numbers
"""

import argparse
import json
import math
import os
import re
import statistics
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path

from document import table

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
MEASURED = BUILD / "bench" / "scaling.json"
MANIFESTS = ROOT / "argocd" / "manifests"
COMPARISON = ROOT / "docs" / "bench.md"
GB, TB, MIB_PER_GIB = 1e9, 1e12, 1024
MESSAGES = "kafka-load-test's messages and the shipped model"
LINGER_MS = 20  # of KAFKA_LINGER_MS
STOP_MINUTES = 10
PARTITION_STEP = 12  # a number that 1, 2, 3, 4, 6 and 12 pods share evenly
# Of make bench-kafka's table: the name there, and what it is called here.
ROWAN = "rowan-stream, exactly once"
PEERS = {"Python, ONNX Runtime, batches of 500": "Python, ONNX Runtime, 500 at once",
         "Python, ONNX Runtime, one by one": "Python, ONNX Runtime, one by one",
         "Python, pandas, XGBoost": "Python, pandas, XGBoost, one by one"}


class Impossible(Exception):
    """No number of pods, nodes or brokers would do; says why."""


def option(default, text, least=None, most=math.inf):
    """Above 0, or from `least` on."""
    return field(default=default, metadata={"help": text, "least": least, "most": most})


@dataclass(frozen=True)
class Assumptions:
    """What is not measured here: yours will differ."""

    rate: float = option(1e6, "transactions a second, at the peak")
    node_cores: float = option(16.0, "CPUs of a node")
    node_gib: float = option(64.0, "GiB of memory of a node")
    node_share: float = option(0.9, "of a node that pods may request", most=1)
    spare_pods: int = option(1, "pods that may be away while the others carry the load",
                             least=0)
    partitions_a_pod: int = option(4, "so that the fullest pod has little more than the others")
    broker_cores: float = option(16.0, "CPUs of a broker")
    broker_gbit: float = option(12.5, "Gbit/s of a broker's network, each way")
    broker_disk_mb: float = option(500.0, "MB/s that a broker's disks write")
    broker_share: float = option(0.5, "of a broker's CPU, network and disk that may be in use",
                                 most=1)
    replication: int = option(3, "copies of each message; CPU of brokers is that of three")
    readers: int = option(1, "consumer groups that read the predictions", least=0)
    retention_hours: float = option(24.0, "hours that both topics are kept")

    @classmethod
    def options(cls):
        """(option, value, what it is) of each."""
        return [(f"--{one.name.replace('_', '-')}", one.default, one.metadata["help"])
                for one in fields(cls)]

    @classmethod
    def add_to(cls, parser):
        for one in fields(cls):
            parser.add_argument(
                f"--{one.name.replace('_', '-')}", default=one.default, metavar="N",
                type=number_of(type(one.default), one.metadata["least"], one.metadata["most"]),
                help=f"{one.metadata['help']}; {one.default:,.12g}".replace("%", "%%"))


def number_of(kind, least=None, most=math.inf):
    """argparse's type of a number above 0, or from `least` on, up to `most`."""
    def parse(text):
        value = kind(text)
        low = value > 0 if least is None else value >= least
        if not (low and value <= most and math.isfinite(value)):
            above = "above 0" if least is None else f"at least {least:g}"
            raise argparse.ArgumentTypeError(
                f"{text}: {above}" + (f", at most {most:g}" if most < math.inf else ""))
        return value
    parse.__name__ = kind.__name__  # argparse names it where the text is no number
    return parse


# ---- what is shipped ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Container:
    cpu: float
    memory_mib: float
    cpu_limit: float
    memory_limit_mib: float


@dataclass(frozen=True)
class Shipped:
    """Requests and limits of the pods, and the HPA's bounds."""

    api: Container
    stream: Container
    least: int
    most: int
    target: float  # of what is requested


def cores(text):
    return float(text.rstrip("m")) / (1000 if text.endswith("m") else 1)


def container(manifest):
    found = re.search(r"requests:\s+cpu: \"?(\w+)\"?\s+memory: (\d+)Mi\s+"
                      r"limits:\s+cpu: \"?(\w+)\"?\s+memory: (\d+)Mi", manifest.read_text())
    cpu, memory, cpu_limit, memory_limit = found.groups()
    return Container(cores(cpu), float(memory), cores(cpu_limit), float(memory_limit))


def shipped():
    hpa = (MANIFESTS / "hpa.yaml").read_text()

    def number(name):
        return int(re.search(rf"{name}: (\d+)", hpa).group(1))
    return Shipped(container(MANIFESTS / "deployment.yaml"),
                   container(MANIFESTS / "kafka" / "stream.yaml"), number("minReplicas"),
                   number("maxReplicas"), number("averageUtilization") / 100)


def compared():
    """CPU us a message of each program of make bench-kafka's table in docs/bench.md."""
    rows = [[cell.strip(" *") for cell in line.strip("|\n ").split("|")]
            for line in COMPARISON.read_text().splitlines() if line.startswith("|")]
    found = {row[0]: float(row[3].replace(",", "")) for row in rows
             if row[0] in (ROWAN, *PEERS) and len(row) == 6}
    if missing := {ROWAN, *PEERS} - set(found):
        raise Impossible(f"{COMPARISON} has no row of make bench-kafka named "
                         f"{', '.join(sorted(missing))}")
    return found


# ---- what one costs -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """CPU of one pod: `fixed` CPUs whatever its rate, for its transactions end by the clock, and
    `us` a message. One that is behind commits once a second, and a message costs `behind_us`."""

    fixed: float
    us: float
    behind_us: float

    @classmethod
    def same(cls, us):
        """As much whether it keeps up or not."""
        return cls(0.0, us, us)

    @classmethod
    def measured(cls, costs):
        return cls(*fit(costs["paced"]), costs["cpu_us"])


def counted(points, busiest):
    """The points, each with whether it counts: the pod kept up, and at most so much of the
    machine was in use. With fewer than two of these, all that kept up do."""
    kept_up = [bool(point["kept_up"]) for point in points]
    free = [up and point["busy"] <= busiest for up, point in zip(kept_up, points, strict=True)]
    counts = free if sum(free) >= 2 else kept_up
    return [point | {"counts": count} for point, count in zip(points, counts, strict=True)]


def fit(points):
    """(CPUs, us a message) of the straight line with the least squares, CPUs over rate, through
    the points that count. A pod takes no less than none at rest: then it goes through zero."""
    places = [(point["rate"], point["cores"]) for point in points if point["counts"]]
    if len({rate for rate, _ in places}) < 2:
        raise Impossible("what a pod costs that keeps up needs two rates at which it did; of "
                         f"{len(points)} there are {len(places)}")
    mean_rate = statistics.mean(rate for rate, _ in places)
    mean_cores = statistics.mean(cpus for _, cpus in places)
    slope = (sum((rate - mean_rate) * (cpus - mean_cores) for rate, cpus in places)
             / sum((rate - mean_rate) ** 2 for rate, _ in places))
    fixed = mean_cores - slope * mean_rate
    if fixed < 0:
        fixed = 0.0
        slope = (sum(rate * cpus for rate, cpus in places)
                 / sum(rate ** 2 for rate, _ in places))
    if slope <= 0:
        raise Impossible("a pod that keeps up takes no more CPU for more messages: measured while "
                         "something else ran?")
    return fixed, slope * 1e6


# ---- pods and nodes -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Pods:
    """`request`: CPUs that one requests in all; `use`: CPUs of the one container that works, at
    the HPA's target."""

    cost: Cost
    request: float
    memory_mib: float
    use: float
    limit: float
    least: int
    spare: int

    @property
    def rate_at_target(self):
        """A second, of one pod at the HPA's target. It keeps up."""
        if self.use <= self.cost.fixed:
            raise Impossible(f"a pod has {self.use:g} CPUs at the HPA's target and takes "
                             f"{self.cost.fixed:.3g} without any message")
        return (self.use - self.cost.fixed) / self.cost.us * 1e6

    @property
    def rate_at_limit(self):
        """Of one that is behind."""
        return self.limit / self.cost.behind_us * 1e6

    def cores(self, rate):
        """Of all that number() counts."""
        return self.number(rate) * self.cost.fixed + rate * self.cost.us / 1e6

    def number(self, rate):
        return max(math.ceil(rate / self.rate_at_target) + self.spare, self.least)

    def nodes(self, rate, assumed):
        by_cpu = assumed.node_cores * assumed.node_share / self.request
        by_memory = assumed.node_gib * assumed.node_share * MIB_PER_GIB / self.memory_mib
        one = math.floor(min(by_cpu, by_memory))
        if one < 1:
            raise Impossible(f"no pod fits a node: it requests {self.request:g} CPUs and "
                             f"{self.memory_mib:g} MiB, and {assumed.node_share:.0%} of "
                             f"{assumed.node_cores:g} CPUs and {assumed.node_gib:g} GiB may be "
                             "requested")
        return math.ceil(self.number(rate) / one)


def stream_pods(cost, ships, assumed):
    """Pods with both containers, of which `stream` works."""
    request = ships.api.cpu + ships.stream.cpu
    use = min(ships.target * request, ships.stream.cpu_limit)
    return Pods(cost, request, ships.api.memory_mib + ships.stream.memory_mib, use,
                ships.stream.cpu_limit, ships.least, assumed.spare_pods)


def http_pods(cost, ships, assumed):
    """Pods without Kafka."""
    use = min(ships.target * ships.api.cpu, ships.api.cpu_limit)
    return Pods(cost, ships.api.cpu, ships.api.memory_mib, use, ships.api.cpu_limit,
                ships.least, assumed.spare_pods)


def partitions(pods, assumed):
    return math.ceil(pods * assumed.partitions_a_pod / PARTITION_STEP) * PARTITION_STEP


def markers(pods, assumed):
    """Ends of transactions: one in each partition of the output, and in each pod's of the
    offsets."""
    return (partitions(pods, assumed) + pods) * 1000 / LINGER_MS


def catching_up(pods, rate):
    """Minutes, with every pod at its limit; infinite where they do no more than what comes."""
    more = pods.number(rate) * pods.rate_at_limit - rate
    return STOP_MINUTES * rate / more if more > 0 else math.inf


# ---- brokers ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flow:
    """All brokers together, a second. CPU us of all brokers a message: `append_us` until its
    copies are made, `score_us` for rowan-stream, `read_us` for each reader of its prediction."""

    bytes_in: float
    bytes_out: float
    append_us: float
    score_us: float
    read_us: float
    assumed: Assumptions

    @classmethod
    def measured(cls, costs, assumed):
        return cls(costs["bytes_in"], costs["bytes_out"], costs["append_us"], costs["broker_us"],
                   costs["read_us"], assumed)

    @property
    def message(self):
        return self.bytes_in + self.bytes_out

    @property
    def received(self):
        """Bytes from producers and from leaders of partitions: what is written, too."""
        return self.assumed.rate * self.message * self.assumed.replication

    @property
    def sent(self):
        """Bytes to the other copies, to rowan-stream, and to who reads predictions."""
        copies = self.message * (self.assumed.replication - 1)
        return self.assumed.rate * (copies + self.bytes_in + self.assumed.readers * self.bytes_out)

    @property
    def cores(self):
        us = self.append_us + self.score_us + self.assumed.readers * self.read_us
        return self.assumed.rate * us / 1e6

    @property
    def disk(self):
        """Bytes on all disks."""
        return self.received * self.assumed.retention_hours * 3600

    def brokers(self):
        """For each resource: how many brokers it alone would take."""
        one, share = self.assumed, self.assumed.broker_share
        need = {"CPU": self.cores / one.broker_cores,
                "network in": self.received / (one.broker_gbit * GB / 8),
                "network out": self.sent / (one.broker_gbit * GB / 8),
                "disk writes": self.received / (one.broker_disk_mb * 1e6)}
        return {name: amount / share for name, amount in need.items()}

    def number(self):
        """All partitions stay writable while one broker is away."""
        return max(math.ceil(max(self.brokers().values())), self.assumed.replication)

    def first(self):
        """The resource of which most brokers are needed."""
        needs = self.brokers()
        return max(needs, key=needs.get)


# ---- tables -------------------------------------------------------------------------------------


def short(number):
    """Two digits that count, and no point where there are three."""
    if number >= 99.5:
        return f"{float(f'{number:.2g}'):,.0f}"
    return f"{number:.2g}"


def duration(minutes):
    return "never" if math.isinf(minutes) else f"{minutes:.0f} minutes"


def kafka_column(measured, key, ships, assumed):
    """`key`: with predictions as shipped, or compressed."""
    costs = measured["costs"][key]
    cost = Cost.measured(costs)
    pods, flow = stream_pods(cost, ships, assumed), Flow.measured(costs, assumed)
    number = pods.number(assumed.rate)
    needs = flow.brokers()
    return [f"{short(cost.us)} and {cost.fixed:.3f} of a CPU", short(cost.behind_us),
            f"{pods.cores(assumed.rate):.1f}", short(pods.rate_at_target), str(number),
            str(partitions(number, assumed)),
            str(pods.nodes(assumed.rate, assumed)),
            f"{number * pods.memory_mib / MIB_PER_GIB:.1f} GiB",
            f"{flow.bytes_in:.0f} and {flow.bytes_out:.0f}",
            f"{flow.received / GB:.2f} and {flow.sent / GB:.2f} GB/s",
            f"{flow.cores:.1f}",
            ", ".join(f"{name} {need:.1f}" for name, need in needs.items()),
            f"**{flow.number()}** ({flow.first()} first)", f"{flow.disk / TB:.1f} TB",
            short(pods.rate_at_limit), short(markers(number, assumed)),
            duration(catching_up(pods, assumed.rate))]


KAFKA_ROWS = ("CPU us a message of a pod that keeps up, and whatever its rate",
              "CPU us a message of one that is behind", "cores of all `stream`",
              "messages/s of a pod at the HPA's target", "pods", "partitions of each topic",
              "nodes that their requests fill", "memory that pods request",
              "bytes a message, in and out (compressed as sent)",
              "brokers receive and send", "cores of all brokers (estimate)",
              "brokers, by each resource alone", "**brokers**",
              "disk for the retention, at this rate all the time",
              "one partition at most, messages/s",
              "markers a second, at most", f"after a stop of {STOP_MINUTES} minutes, caught up in")


def kafka_table(measured, assumed):
    columns = [kafka_column(measured, key, shipped(), assumed) for key in ("kafka", "kafka_lz4")]
    return table(["by Kafka", "as shipped", "predictions in lz4"],
                 [[name, *values] for name, *values in zip(KAFKA_ROWS, *columns, strict=True)])


def http_table(measured, assumed):
    costs = measured["costs"]["http"]
    pods = http_pods(Cost.same(costs["cpu_us"]), shipped(), assumed)
    wire = [assumed.rate * costs[key] * 8 / GB for key in ("bytes_in", "bytes_out")]
    return table(["by HTTP", ""], [
        ["CPU us a request", short(costs["cpu_us"])],
        ["cores of all `api`", f"{pods.cores(assumed.rate):.1f}"],
        ["requests/s of a pod at the HPA's target", short(pods.rate_at_target)],
        ["pods", str(pods.number(assumed.rate))],
        ["nodes that their requests fill", str(pods.nodes(assumed.rate, assumed))],
        ["memory that pods request",
         f"{pods.number(assumed.rate) * pods.memory_mib / MIB_PER_GIB:.1f} GiB"],
        ["bytes a request and a reply", f"{costs['bytes_in']:.0f} and {costs['bytes_out']:.0f}"],
        ["network of all pods, in and out", f"{wire[0]:.1f} and {wire[1]:.1f} Gbit/s"]])


def peers_table(assumed):
    """Like for like: every row's cost, ours too, is that of make bench-kafka."""
    us, ships = compared(), shipped()
    rows = []
    for key, name in {ROWAN: "**rowan-stream**", **PEERS}.items():
        ratio = us[key] / us[ROWAN]
        pods = stream_pods(Cost.same(us[key]), ships, assumed)
        rows.append([name, short(us[key]), f"{ratio:,.0f}" if ratio > 1 else "1",
                     f"{pods.cores(assumed.rate):,.1f}", f"{pods.number(assumed.rate):,}",
                     f"{pods.nodes(assumed.rate, assumed):,}"])
    return table(["by Kafka, at the cost in [bench.md](bench.md#kafka-make-bench-kafka)",
                  "CPU us a message", "times ours", "cores", "pods of the same requests",
                  "nodes"], rows)


def hpa_table(measured, assumed):
    """What the shipped bounds of the HPA carry."""
    ships, costs = shipped(), measured["costs"]
    kinds = {"Kafka, messages/s": stream_pods(Cost.measured(costs["kafka"]), ships, assumed),
             "HTTP, requests/s": http_pods(Cost.same(costs["http"]["cpu_us"]), ships, assumed)}
    rows = []
    for name, pods in kinds.items():
        rows.append([name, short(ships.least * pods.rate_at_target),
                     short(ships.most * pods.rate_at_target),
                     short(ships.most * pods.rate_at_limit)])
    return table(["", f"{ships.least} pods at the target ({ships.target:.0%} of requests)",
                  f"{ships.most} pods at the target", f"{ships.most} pods at their CPU limits"],
                 rows)


def assumptions_table():
    return table(["option", "here", "what"],
                 [[f"`{name}`", f"{value:,.12g}", text]
                  for name, value, text in Assumptions.options()])


def render(measured, assumed):
    return "\n\n".join([
        f"{assumed.rate:,.0f} transactions a second, of {MESSAGES}:",
        kafka_table(measured, assumed), http_table(measured, assumed),
        peers_table(assumed), hpa_table(measured, assumed)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    Assumptions.add_to(parser)
    assumed = Assumptions(**vars(parser.parse_args()))
    if not MEASURED.exists():
        raise SystemExit(f"{MEASURED} is missing: run make bench-scaling first")
    measured = json.loads(MEASURED.read_text())
    if "paced" not in measured["costs"]["kafka"]:
        raise SystemExit(f"{MEASURED} is of an older make bench-scaling: run it again")
    try:
        print(render(measured, assumed))
    except Impossible as failure:
        raise SystemExit(str(failure)) from None
    return 0


if __name__ == "__main__":
    sys.exit(main())
