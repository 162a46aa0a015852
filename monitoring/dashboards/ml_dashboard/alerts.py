"""What the alerts say, read from their file, so that no threshold stands in two places."""

import operator
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import promql_parser
import yaml

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "scripts"))

from promql import parts, series  # noqa: E402

FILE = ROOT / "monitoring/alerts/ml-alerts.yaml"
HPA = ROOT / "argocd/manifests/hpa.yaml"
ARITHMETIC = {"*": operator.mul, "/": operator.truediv, "+": operator.add, "-": operator.sub}
COMPARISONS = (">", ">=", "<", "<=")


@dataclass(frozen=True)
class Limit:
    metrics: frozenset  # that are compared
    value: float


@cache
def alerts():
    """{name: rule}"""
    return {rule["alert"]: rule for group in yaml.safe_load(FILE.read_text())["groups"]
            for rule in group["rules"] if "alert" in rule}


def constant(node):
    """The number that an expression without series is, else None."""
    if isinstance(node, promql_parser.NumberLiteral):
        return node.val
    if isinstance(node, promql_parser.ParenExpr):
        return constant(node.expr)
    if isinstance(node, promql_parser.BinaryExpr) and str(node.op) in ARITHMETIC:
        sides = constant(node.lhs), constant(node.rhs)
        return None if None in sides else ARITHMETIC[str(node.op)](*sides)
    return None


def limits_of(expression):
    """Every comparison with a number, from left to right."""
    for part in parts(expression):
        if isinstance(part, promql_parser.BinaryExpr) and str(part.op) in COMPARISONS \
                and (value := constant(part.rhs)) is not None:
            yield Limit(frozenset(series(part.lhs)), value)


def limits(alert):
    assert alert in alerts(), f"no alert {alert}"
    return list(limits_of(promql_parser.parse(alerts()[alert]["expr"])))


def compared(alert):
    """The metrics that an alert compares with numbers."""
    return sorted(set().union(*(limit.metrics for limit in limits(alert))))


def threshold(alert, metric=None):
    """The number that an alert compares `metric` with, or its first one."""
    found = [limit.value for limit in limits(alert)
             if metric is None or metric in limit.metrics]
    assert found, f"{alert} compares {metric or 'nothing'} with no number"
    return found[0]


def severity(alert):
    return alerts()[alert]["labels"]["severity"]


def runbook(alert):
    """Where the rule says that it is."""
    assert alert in alerts(), f"no alert {alert}"
    return alerts()[alert]["annotations"]["runbook_url"]


def runbooks():
    """The page that lists them, in the folder of all of them."""
    folder, = {runbook(alert).rpartition("/")[0] for alert in alerts()}
    return f"{folder}/README.md"


@cache
def replicas():
    """(fewest, most) that the HPA may run."""
    spec = yaml.safe_load(HPA.read_text())["spec"]
    return spec["minReplicas"], spec["maxReplicas"]
