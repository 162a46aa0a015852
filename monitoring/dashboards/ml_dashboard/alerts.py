"""What the alerts say, read from their file, so that no threshold stands in two places."""

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "scripts"))

from promql import comparisons, series  # noqa: E402

FILE = ROOT / "monitoring/alerts/ml-alerts.yaml"
HPA = ROOT / "argocd/manifests/hpa.yaml"


@dataclass(frozen=True)
class Limit:
    metrics: frozenset  # that are compared
    value: float


@cache
def alerts():
    """{name: rule}"""
    return {rule["alert"]: rule for group in yaml.safe_load(FILE.read_text())["groups"]
            for rule in group["rules"] if "alert" in rule}


def limits(alert):
    assert alert in alerts(), f"no alert {alert}"
    return [Limit(frozenset(series(one.left)), one.value)
            for one in comparisons(alerts()[alert]["expr"]) if one.value is not None]


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
