"""How long Prometheus must keep its data: how far each alert looks back, as a parser of PromQL
reads it, and what monitoring/README.md and argocd/README.md say of that."""

import re
from datetime import timedelta

import promql_parser as promql
import pytest

from vocabulary import ROOT, parts, rules

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KEPT_BY_THE_OPERATOR = DAY  # where nobody says otherwise
NOTHING = timedelta(0)
PAGES = {name: (ROOT / name / "README.md").read_text() for name in ("monitoring", "argocd")}
EVERY = rules()


def window(query):
    """Of one query: the longest range and offset of a series, and of what rules have recorded."""
    found = [NOTHING]
    for part in parts(promql.parse(query)):
        ranged = isinstance(part, promql.MatrixSelector)
        selector = part.vector_selector if ranged else part
        if isinstance(selector, promql.VectorSelector):
            back = (part.range if ranged else NOTHING) + (selector.offset or NOTHING)
            found.append(back + reach_of(selector.name))
    return max(found)


def reach_of(name):
    """How far back the samples are of which a recorded series is made."""
    return max((window(rule["expr"]) for rule in EVERY if rule.get("record") == name),
               default=NOTHING)


REACH = {rule["alert"]: window(rule["expr"]) for rule in EVERY if "alert" in rule}


def said():
    """{alert: days} of the row of the page."""
    row = next(line for line in PAGES["monitoring"].splitlines()
               if line.startswith("| 15 days of Prometheus' data |"))
    return {name: timedelta(days=int(days), hours=int(hours or 0)) for name, days, hours
            in re.findall(r"`(\w+)` \((\d+) d(?: (\d+) h)?\)", row)}


def test_the_page_names_the_alerts_that_look_back_longer_than_the_operator_keeps():
    assert set(said()) == {name for name, reach in REACH.items() if reach > KEPT_BY_THE_OPERATOR}


@pytest.mark.parametrize("alert", said())
def test_the_page_says_how_far_an_alert_looks_back(alert):
    """To the hour: a window of minutes at its end is not told."""
    assert said()[alert] <= REACH[alert] < said()[alert] + HOUR
    assert said()[alert] <= 15 * DAY


@pytest.mark.parametrize("page", PAGES)
def test_the_helm_line_has_prometheus_keep_as_much(page):
    kept, = {int(days) for days in re.findall(r"prometheusSpec\.retention=(\d+)d", PAGES[page])}
    assert max(REACH.values()) < kept * DAY
    assert "--storage.tsdb.retention.time=15d" in PAGES["monitoring"]


def test_a_longer_window_would_be_noticed():
    assert window("max_over_time(up[20d])") == 20 * DAY
    assert window("max_over_time(up[6d] offset 14d)") == 20 * DAY
    assert window("namespace_model:fraud_probability_psi:1d") == 8 * DAY
