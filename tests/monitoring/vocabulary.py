"""What may stand in a query: metrics of the service, of others, and of recording rules, each with
its labels; and what does stand in one, as a parser of PromQL reads it."""

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import promql_parser
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/http"), str(ROOT / "scripts")]

from promql import parts  # noqa: E402
from server import ROWAN  # noqa: E402

RULES = ROOT / "monitoring/alerts"
ELSEWHERE = ROOT / "monitoring/metrics-elsewhere.yaml"
# What Prometheus and a ServiceMonitor give each series.
TARGET_LABELS = {"job", "instance", "namespace", "pod", "service", "container"}


@dataclass(frozen=True)
class Selector:
    metric: str
    labels: frozenset  # that it is selected by


def matchers(query):
    """(metric, its matchers) of every selector; a matcher has name, op and value."""
    return [(part.name, part.matchers.matchers)
            for part in parts(promql_parser.parse(query))
            if isinstance(part, promql_parser.VectorSelector)]


def selectors(query):
    return [Selector(metric, frozenset(one.name for one in found))
            for metric, found in matchers(query)]


def grouping_labels(query):
    """Labels after by, without, on, ignoring, group_left and group_right."""
    found = set()
    for part in parts(promql_parser.parse(query)):
        modifier = getattr(part, "modifier", None)
        matching = getattr(modifier, "matching", None)
        found |= {*(getattr(modifier, "labels", None) or ()), *(getattr(matching, "labels", ())),
                  *(getattr(modifier, "group_labels", None) or ())}
    return found


@cache
def of_the_service():
    """name -> labels, of `rowan metrics --list`."""
    listed = subprocess.run([ROWAN, "metrics", "--list"], check=True, capture_output=True,
                            text=True).stdout
    found = {}
    for line in listed.splitlines()[2:]:
        name, kind, labels = [cell.strip(" `") for cell in line.split("|")[1:4]]
        own = set(re.findall(r"\w+", labels))
        if kind == "histogram":
            found |= {name + "_bucket": own | {"le"}, name + "_sum": own, name + "_count": own}
        else:
            found[name] = own
    return {name: labels | TARGET_LABELS for name, labels in found.items()}


@cache
def elsewhere():
    """name -> labels, as declared; who tells it: source(name)."""
    return {name: set(labels) | {"job", "instance"}
            for metrics in yaml.safe_load(ELSEWHERE.read_text()).values()
            for name, labels in metrics.items()} | {"up": TARGET_LABELS}


def source(metric):
    """The section of metrics-elsewhere.yaml; None for the service's own."""
    return next((name for name, metrics in yaml.safe_load(ELSEWHERE.read_text()).items()
                 if metric in metrics), None)


@cache
def rules():
    """Every rule of monitoring/alerts, recording and alerting."""
    return [rule for file in sorted(RULES.glob("*.yaml"))
            for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def recorded():
    """name -> labels of recording rules: the name's first part lists them, as
    `namespace_pod:cpu_request:ratio_rate2m` has namespace and pod."""
    found = {}
    for rule in rules():
        if "record" in rule:
            level = rule["record"].split(":")[0]
            known = sorted(set().union(*of_the_service().values(), *elsewhere().values(),
                                       rule.get("labels", ())), key=len, reverse=True)
            labels = set()
            while level:
                label = next((one for one in known if level == one or level.startswith(one + "_")),
                             None)
                assert label, f"{rule['record']}: no label begins {level!r}"
                labels.add(label)
                level = level[len(label) + 1:]
            found.setdefault(rule["record"], set()).update(labels, rule.get("labels", ()))
    return found


def known():
    return {**of_the_service(), **elsewhere(), **recorded()}


def made_labels(query):
    """Those that label_replace and label_join write: their second argument."""
    return {part.args[1].val for part in parts(promql_parser.parse(query))
            if isinstance(part, promql_parser.Call) and part.func.name in ("label_replace",
                                                                          "label_join")}


def complaints(query):
    """What a query names that nobody has."""
    every = known()
    found = []
    used = selectors(query)
    for one in used:
        if one.metric not in every:
            found.append(f"no metric {one.metric}")
        else:
            found += [f"{one.metric} has no label {label}"
                      for label in sorted(one.labels - every[one.metric])]
    there = set().union(*(every.get(one.metric, set()) for one in used))
    return found + [f"no series here has the label {label}"
                    for label in sorted(grouping_labels(query) - there - made_labels(query))]
