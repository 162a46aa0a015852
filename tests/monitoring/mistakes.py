"""Wrong texts of rules, each with one mistake that the cases of an alert must notice."""

import re

from alert_rules import ALERTS, RECORDS, alone, needed

SWAPS = {"max by": "sum by", "unless on": "and on", 'status_code=~"5.."': 'status_code=~"4.."',
         'reason!="api_key"': 'reason!=""', 'predict",le="0.25"': 'predict",le="0.5"',
         "0.95, sum": "0.5, sum"}
# Mistakes without a consequence: there is one HPA, and one kube-state-metrics tells of it; a
# divisor above 0 or above 2 messages a second; a number that becomes 0 in any case; a sum that is
# 0 where the largest is.
HARMLESS = {("ServiceDown", "sum by"), ("ModelScaledToMax", "sum by"), ("HPAScalingEvent", "sum by"),
            ("PodCrashLooping", "sum by"), ("KafkaDeadLettersHigh", "> 2"),
            ("NoReadyModel", "sum by")}


def near(text):
    """A threshold, a little too high and a little too low."""
    value = float(text)
    if value == 0:
        return ["2"]
    if "." not in text and value < 10:
        return [str(int(value) + 1), str(int(value) - 1)]
    return [f"{value * 1.03:g}", f"{value * 0.97:g}"]


def thresholds(expression):
    """(what it becomes, the wrong expression, whether it is true less often)"""
    for found in re.finditer(r"(>=?|<) ([0-9.]+)", expression):
        for number in near(found[2]):
            yield (f"{found[1]} {number}",
                   expression[:found.start(2)] + number + expression[found.end(2):],
                   (float(number) > float(found[2])) == found[1].startswith(">"))


def swaps(expression):
    """(what it becomes, the wrong expression, that it is true less often: more often than not)"""
    for right, wrong in SWAPS.items():
        for found in re.finditer(re.escape(right), expression):
            yield wrong, expression[:found.start()] + wrong + expression[found.end():], True


def waits(rule):
    """(what it becomes, the wrong `for`, whether the alert fires less often)"""
    if "for" in rule:
        number, unit = int(rule["for"][:-1]), rule["for"][-1]
        for wrong in (number + 1, number - 1):
            yield f"for {wrong}{unit}", f"{wrong}{unit}", wrong > number


def of_alert(rule):
    """(what, rules, whether it fires less often)"""
    for what, expression, is_rarer in (*thresholds(rule["expr"]), *swaps(rule["expr"])):
        if (rule["alert"], what) not in HARMLESS:
            yield what, alone({**rule, "expr": expression}), is_rarer
    for what, wait, is_rarer in waits(rule):
        yield what, alone({**rule, "for": wait}), is_rarer


def of_record(record, alert):
    """(what, rules of an alert that stands on it, whether that fires less often)"""
    right = alone(alert)["groups"][0]["rules"]
    for what, expression, is_rarer in swaps(record["expr"]):
        wrong = [{**one, "expr": expression} if one == record else one for one in right]
        yield (f"{record['record']}, {what}", {"groups": [{"name": "wrong", "rules": wrong}]},
               is_rarer)


def mistakes():
    """(alert, what, rules, whether it fires less often); a record is tried with the first alert that stands on it."""
    tried = set()
    for name, alert in ALERTS.items():
        yield from ((name, *one) for one in of_alert(alert))
        for record in RECORDS:
            if record["record"] in needed(alert["expr"]) - tried:
                yield from ((name, *one) for one in of_record(record, alert))
        tried |= needed(alert["expr"])
