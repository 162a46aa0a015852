"""Asks a Prometheus what Grafana would ask it: every query of the dashboard, its variables and its
annotations. `ask(path, **parameters)` gives the decoded reply of Prometheus' HTTP API."""

import json
import math
import re
import time
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "monitoring/dashboards/ml-model-dashboard.json"
EVERYTHING = ".*"  # what "All" means to each variable
STEP, SHOWN = 15, 15 * 60  # seconds
OF_GRAFANA = {"__rate_interval": "1m", "__interval": f"{STEP}s"}
LABEL_VALUES = re.compile(r"label_values\((?P<selector>.*), (?P<label>\w+)\)")


def dashboard():
    return json.loads(FILE.read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def annotations():
    return dashboard()["annotations"]["list"]


def choices():
    """The variables whose values a Prometheus tells."""
    return [variable for variable in dashboard()["templating"]["list"]
            if variable["type"] == "query"]


def filled(query, variables):
    """As Grafana's plugin sends it; `variables` are regular expressions."""
    for name, value in {**OF_GRAFANA, **variables}.items():
        query = query.replace(f"${name}", value)
    assert "$" not in query, f"nobody sets a variable of {query}"
    return query


def everything():
    return {variable["name"]: EVERYTHING for variable in choices()}


# ---- queries ------------------------------------------------------------------------------------

def result(reply):
    assert reply["status"] == "success", reply
    return reply["data"]


def values(ask, query, instant=False):
    """Every number that a query gives, over the last minutes or of now."""
    now = time.time()
    if instant:
        series = result(ask("/api/v1/query", query=query))["result"]
        pairs = [one["value"] for one in series]
    else:
        series = result(ask("/api/v1/query_range", query=query, start=now - SHOWN, end=now,
                            step=STEP))["result"]
        pairs = [pair for one in series for pair in one["values"]]
    return [number for _, text in pairs if not math.isnan(number := float(text))]


def empty_panels(ask, variables=None):
    """(title, letter, query) of each query of a panel that gives nothing that could be drawn."""
    variables = variables or everything()
    asked = [(panel["title"], target, filled(target["expr"], variables))
             for panel in panels() for target in panel["targets"]]
    return [(title, target["refId"], query) for title, target, query in asked
            if not values(ask, query, target["instant"])]


def empty_annotations(ask, variables=None):
    """(name, query) of each kind of event that did not happen; Grafana draws what is above 0."""
    variables = variables or everything()
    asked = [(event["name"], filled(event["expr"], variables)) for event in annotations()]
    return [(name, query) for name, query in asked
            if not any(value > 0 for value in values(ask, query))]


def selected(ask, variable, variables):
    """The values that a variable offers."""
    match = LABEL_VALUES.fullmatch(variable["query"])
    return result(ask(f"/api/v1/label/{match['label']}/values",
                      **{"match[]": filled(match["selector"], variables)}))


def offered(ask):
    """{variable: its values}, nothing being chosen yet."""
    return {variable["name"]: selected(ask, variable, everything()) for variable in choices()}


# ---- every query of the file --------------------------------------------------------------------

def every_query():
    """(where it stands, query) with every variable filled."""
    for panel in panels():
        for target in panel["targets"]:
            yield f"{panel['title']}, {target['refId']}", filled(target["expr"], everything())
    for event in annotations():
        yield event["name"], filled(event["expr"], everything())
    for variable in choices():
        match = LABEL_VALUES.fullmatch(variable["query"])
        assert match, variable["query"]
        yield f"${variable['name']}", filled(match["selector"], everything())
