"""The rules of monitoring/alerts, by name, and each with the recording rules that it stands on."""

import re

import yaml

from vocabulary import ROOT, RULES, rules, selectors

RECORDING = RULES / "ml-recording-rules.yaml"
ALERTING = RULES / "ml-alerts.yaml"
FILES = (RECORDING, ALERTING)
ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDS = [rule for rule in rules() if "record" in rule]
GROUP_OF = {rule.get("alert", rule.get("record")): group["name"] for file in FILES
            for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]}


def needed(expression):
    """Names of the recording rules that an expression stands on, and of those that these do."""
    direct = {one.metric for one in selectors(expression) if ":" in one.metric}
    deeper = (needed(rule["expr"]) for rule in RECORDS if rule["record"] in direct)
    return direct.union(*deeper)


def alone(rule):
    """A rule and what it stands on, in the order of the files, as a file of one group."""
    names = needed(rule["expr"])
    return {"groups": [{"name": "alone",
                        "rules": [one for one in RECORDS if one["record"] in names
                                  and one is not rule] + [rule]}]}


def rendered(text, labels):
    """A template that names nothing but labels."""
    return re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels.get(found[1], ""), text)


__all__ = ["ALERTING", "ALERTS", "FILES", "GROUP_OF", "RECORDING", "RECORDS", "ROOT", "alone",
           "needed", "rendered"]
