"""Prometheus finds the pods by the ServiceMonitor, and has the rules."""

import re

import alertmanager
import prometheus
import service
from kube import get, kubectl
from place import eventually, wait_for
from table import check

PREDICTIONS = "sum(ml_model_predictions_total)"
ASKED = 137


@check("targets in Prometheus", "4 of 4 up, by the ServiceMonitor")
def targets_up():
    wanted = {pod["metadata"]["name"] for pod in service.ready_pods()}

    def all_up():
        return {(one["labels"]["pod"], one["health"])
                for one in prometheus.targets(service.SERVICE)} == {(pod, "up") for pod in wanted}
    eventually(all_up)
    found = prometheus.targets(service.SERVICE)
    up = sum(one["health"] == "up" and one["labels"]["pod"] in wanted for one in found)
    pools = {one["scrapePool"] for one in found}
    errors = {one["lastError"] for one in found if one["lastError"]}
    return (up == len(found) == 4 and len(pools) == 1,
            f"{up} of {len(found)} up, by {', '.join(pools)}{' '.join(errors)}")


def scraped_again():
    """The count after every target was scraped at least once from now on."""
    now = prometheus.value("vector(time())")
    scraped = f'count(timestamp(up{{service="{service.SERVICE}"}}) > {now})'
    wait_for("a scrape of every target",
             lambda: prometheus.value(scraped) == service.REPLICAS_MIN)
    return int(prometheus.value(PREDICTIONS) or 0)


@check("ml_model_predictions_total in Prometheus", f"moves by {ASKED} when {ASKED} are asked for")
def predictions_counted():
    before = scraped_again()
    answers = [service.predict().status_code for _ in range(ASKED)]
    moved = scraped_again() - before
    return moved == answers.count(200) == ASKED, f"moves by {moved} of {len(answers)}"


@check("what the alerts about HTTP select", "series, by the very labels of the rules")
def selected_series():
    """prometheus-operator gives targets labels of its own, which could push others aside."""
    expressions = [rule["query"] for group in prometheus.rule_groups() for rule in group["rules"]]
    selectors = sorted({found for text in expressions
                        for found in re.findall(r'\bhttp_\w+\{[^}]*endpoint="[^}]*\}', text)
                        if "status_code" not in found})  # of errors there are none yet
    service.predict()

    def there():
        return [selector for selector in selectors if prometheus.query(selector)]
    eventually(lambda: there() == selectors)
    found = there()
    return (found == selectors and len(found) >= 2,
            f"{len(found)} of {len(selectors)}: {', '.join(text.split('{')[0] for text in found)}")


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


@check("an alert: all pods are taken away",
       "ServiceDown fires, Alertmanager tells on-call; it ends once they are back")
def alert_fires():
    def scale(replicas):
        kubectl("scale", "deployment", service.DEPLOYMENT, f"--replicas={replicas}",
                "-n", service.NAMESPACE)
    quiet = "ServiceDown" not in prometheus.firing()
    scale(0)
    try:
        fired = bool(eventually(lambda: "ServiceDown" in prometheus.firing()))
        told = alertmanager.told("ServiceDown") if fired else set()
    finally:
        scale(service.REPLICAS_MIN)
    service.wait_until_settled()
    ended = bool(eventually(lambda: "ServiceDown" not in prometheus.firing()))
    seen = (f"{'fires' if fired else 'silent'}, told: {', '.join(sorted(told)) or 'nobody'}, "
            f"{'ends' if ended else 'goes on'}")
    return quiet and told == {"on-call"} and ended, seen if quiet else f"fired before; {seen}"
