"""Prometheus finds the pods by the ServiceMonitor, and has the rules."""

import httpx

import prometheus
import service
from kube import get
from place import eventually, wait_for
from table import check

PREDICTIONS = "sum(ml_model_predictions_total)"
ASKED = 137


@check("targets in Prometheus", "4 of 4 up, by the ServiceMonitor")
def targets_up():
    def four_up():
        found = prometheus.targets(service.SERVICE)
        return found if [one["health"] for one in found] == ["up"] * 4 else None
    eventually(four_up)
    found = prometheus.targets(service.SERVICE)
    up = sum(one["health"] == "up" for one in found)
    pools = {one["scrapePool"] for one in found}
    errors = {one["lastError"] for one in found if one["lastError"]}
    return (up == len(found) == 4 and len(pools) == 1,
            f"{up} of {len(found)} up, by {', '.join(pools)}{' '.join(errors)}")


def scraped_again():
    """The count after every target was scraped at least once from now on."""
    now = prometheus.value("vector(time())")
    oldest = f'min(timestamp(up{{service="{service.SERVICE}"}}))'
    wait_for("a scrape of every target", lambda: (prometheus.value(oldest) or 0) > now)
    return int(prometheus.value(PREDICTIONS) or 0)


@check("ml_model_predictions_total in Prometheus", f"moves by {ASKED} when {ASKED} are asked for")
def predictions_counted():
    before = scraped_again()
    answers = [service.predict().status_code for _ in range(ASKED)]
    moved = scraped_again() - before
    return moved == answers.count(200) == ASKED, f"moves by {moved} of {len(answers)}"


@check("rules in Prometheus", "every group of the PrometheusRule, every rule healthy")
def rules_loaded():
    wanted = {group["name"]: len(group["rules"])
              for rule in get("prometheusrules", namespace=service.NAMESPACE)
              for group in rule["spec"]["groups"]}

    def loaded():
        return {group["name"]: sum(rule["health"] == "ok" for rule in group["rules"])
                for group in prometheus.rule_groups()}
    eventually(lambda: loaded() == wanted)
    found = loaded()
    seen = ", ".join(f"{name} {found.get(name, 0)}/{n}" for name, n in wanted.items())
    return bool(wanted) and found == wanted, seen
