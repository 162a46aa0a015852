#!/usr/bin/env python3
"""What the pages say of the alerts, from monitoring/alerts and monitoring/alertmanager themselves.

usage: alerts.py alerts       the table of monitoring/README.md
       alerts.py recorded     the table of recording rules there
       alerts.py one ALERT    "The rule" of docs/runbooks/ALERT.md
       alerts.py index        the table of docs/runbooks/README.md
       alerts.py names        every alert, one a line
"""

import re
import subprocess
import sys
from pathlib import Path

import promql_parser
import yaml

from promql import comparisons, parts, series

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "monitoring/alerts"
# The routes of monitoring/alertmanager, which a test compares, without secrets.
ROUTES = ROOT / "compose/alertmanager.yml"


def groups():
    """(name of the group, rule) of every rule, in the order of the files."""
    return [(group["name"], rule) for file in sorted(RULES.glob("*.yaml"))
            for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def alerts():
    """name -> its rules: an alert may stand in more than one."""
    found = {}
    for group, rule in groups():
        if "alert" in rule:
            found.setdefault(rule["alert"], []).append({**rule, "group": group})
    return found


# ---- expressions ---------------------------------------------------------------------------


def written(expression):
    """A number, or a product of numbers, as the rule has it."""
    if isinstance(expression, promql_parser.ParenExpr):
        return written(expression.expr)
    if isinstance(expression, promql_parser.NumberLiteral):
        return f"{expression.val:.15g}"
    return f"{written(expression.lhs)} {expression.op} {written(expression.rhs)}"


def counted(expression):
    """Of a bound that is not a series but how many there are."""
    while isinstance(expression, promql_parser.ParenExpr):
        expression = expression.expr
    counts = isinstance(expression, promql_parser.AggregateExpr) and str(expression.op) == "count"
    return "count of " if counts else ""


def thresholds(query):
    """Each comparison: ("> 0.05", the numbers in it), or ("> name", []) with another series."""
    found = {}
    for one in comparisons(query):
        if one.value is not None:
            found[f"{one.op} {written(one.bound)}"] = [
                part.val for part in parts(one.bound)
                if isinstance(part, promql_parser.NumberLiteral)]
        else:
            found[f"{one.op} {counted(one.bound)}{' '.join(series(one.bound))}"] = []
    if any(getattr(getattr(part, "func", None), "name", "").startswith("absent")
           for part in parts(promql_parser.parse(query))):
        found["absent"] = []
    return found


# ---- who is told -----------------------------------------------------------------------------


def told(rule):
    """Receivers, as amtool finds them."""
    labels = {"alertname": rule["alert"], "namespace": "mlops-tasks10", **rule["labels"]}
    printed = subprocess.run(
        ["amtool", "config", "routes", "test", f"--config.file={ROUTES}",
         *(f"{name}={value}" for name, value in labels.items())],
        check=True, capture_output=True, text=True).stdout
    return printed.strip().replace(",", ", ")


# ---- tables ------------------------------------------------------------------------------------


def row(*cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def code(texts):
    return ", ".join(f"`{text}`" for text in texts)


def lasting(rule):
    return rule.get("for", "0s")


def listed():
    """A line an alert."""
    yield row("alert", "reads", "threshold", "for", "severity", "told")
    yield "|" + "---|" * 6
    for name, rules in alerts().items():
        for rule in rules:
            yield row(f"[{name}](../docs/runbooks/{name}.md)", code(series(rule["expr"])),
                      code(thresholds(rule["expr"])), lasting(rule), rule["labels"]["severity"],
                      told(rule))


def recorded():
    """A line a recording rule; those that differ in a window or a label alone share one."""
    found = {}
    for _, rule in groups():
        if "record" in rule:
            name, window = re.fullmatch(r"(.*?)(\d+[mhd](?:_offset\d+d)?)?",
                                        rule["record"]).groups()
            windows, sources = found.setdefault(name, ({}, {}))
            windows[window or ""] = None
            sources.update(dict.fromkeys(series(rule["expr"])))
    yield row("series", "also over", "made of")
    yield "|---|---|---|"
    for name, (windows, sources) in found.items():
        first, *others = windows
        yield row(f"`{name}{first}`", ", ".join(others).replace("_", " "), code(sources))


def index():
    """Alerts of a severity, the worst first."""
    yield row("alert", "severity", "group", "what it says")
    yield "|" + "---|" * 4
    order = ["critical", "warning", "info"]
    every = [rules[0] for rules in alerts().values()]
    for rule in sorted(every, key=lambda one: order.index(one["labels"]["severity"])):
        name = rule["alert"]
        yield row(f"[{name}]({name}.md)", rule["labels"]["severity"], rule["group"], says(name))


def says(name):
    """The first sentence of the runbook."""
    page = (ROOT / f"docs/runbooks/{name}.md").read_text()
    paragraph = " ".join(page.split("\n\n")[1].split())
    return paragraph.partition(". ")[0].rstrip(".") + "."


def one(name):
    """Severity, time, receivers and query of an alert."""
    for rule in alerts()[name]:
        labels = rule["labels"]
        yield row("severity", "for", "threshold", "group", "told")
        yield "|" + "---|" * 5
        yield row(labels["severity"], lasting(rule), code(thresholds(rule["expr"])),
                  rule["group"], told(rule))
        yield ""
        yield from folded(rule["expr"].strip())


def folded(query):
    """A block of PromQL; a long one shows itself when it is asked to."""
    block = ["```promql", query, "```"]
    if query.count("\n") < 12:
        return block
    return ["<details><summary>The rule's query</summary>", "", *block, "", "</details>"]


def main():
    tables = {"alerts": listed, "recorded": recorded, "index": index}
    command, *arguments = sys.argv[1:] or ["--help"]
    if command == "names":
        print("\n".join(alerts()))
    elif command in tables and not arguments:
        print("\n".join(tables[command]()))
    elif command == "one" and len(arguments) == 1 and arguments[0] in alerts():
        print("\n".join(one(arguments[0])))
    else:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
