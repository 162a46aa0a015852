"""What was promised, and what is left of it. Told of the whole service: $pod does not filter."""

from ..alerts import compared
from ..panels import (BAD, GOOD, REQUESTS, SHARE, TIMES_BUDGET, Step, number, queries, series,
                      states)
from ..queries import SERVICE

TITLE = "Service level"
DAYS = "30d"
PERIOD = "of the last 30 days or as far back as Prometheus keeps its data"
# The objectives; a page about alerts says the same: at most this share of requests may be bad.
BUDGETS = {"errors": 0.001, "slow": 0.01}
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
NONE = "No request for a prediction yet"


def bad_share(kind):
    """Of all requests of 30 days: the shares of 5 minutes, weighted by their requests."""
    rate = "namespace:http_predict_requests:rate5m{@namespaces}"
    share = f"namespace:http_predict_{kind}:ratio_rate5m{{@namespaces}}"
    return (f"(sum_over_time(({share} * {rate})[{DAYS}:1m]) "
            f"/ sum_over_time(({rate} > 0)[{DAYS}:1m]))")


def objective(title, kind, what):
    least = 1 - BUDGETS[kind]
    return number(title, f"{what}, {PERIOD}; the objective is {least:.1%}.",
                  SHARE, f"1 - {bad_share(kind)}", "{{namespace}}", base=BAD,
                  marks=[Step(least, GOOD)], decimals=3, none=NONE)


def budget_left(title, kind, slow):
    return number(title, f"What is left of the share of requests that may be bad, {PERIOD}; "
                         "below 0 the objective is missed.",
                  SHARE, f"1 - {bad_share(kind)} / {BUDGETS[kind]}", "{{namespace}}", base=BAD,
                  marks=[Step(0, "orange"), Step(0.25, GOOD)], runbooks=[slow], decimals=1,
                  none=NONE)


def burn_rate(title, kind, fast, slow, what):
    """The two alerts compare the share itself with multiples of the budget."""
    budget = BUDGETS[kind]
    name = f"namespace:http_predict_{kind}:ratio_rate"
    return series(
        title, f"{what}, as a multiple of the budget: at 1 it lasts 30 days. An alert fires when "
               "a long window and its short one are above a line: 1 h and 5 min, 6 h and 30 min "
               "of the fast one, 1 d and 2 h, 3 d and 6 h of the slow one.",
        TIMES_BUDGET, queries(*((f"{name}{window}{{@namespaces}} / {budget}",
                                 f"{{{{namespace}}}} {window}")
                                for window in WINDOWS)),
        alerts=[(alert, metric, 1 / budget) for alert in (fast, slow)
                for metric in compared(alert) if metric.startswith(name)],
        width=12, none=NONE)


def panels():
    return [
        objective("Available", "errors", "Share of requests for a prediction that did not end "
                                         "with a status of 500 or more"),
        budget_left("Error budget left", "errors", "AvailabilityBudgetBurnSlow"),
        objective("In time", "slow", "Share of requests for a prediction that were answered "
                                     "within 250 ms"),
        budget_left("Latency budget left", "slow", "LatencyBudgetBurnSlow"),
        number("Requests now", "Requests for a prediction, over 5 minutes.", REQUESTS,
               "namespace:http_predict_requests:rate5m{@namespaces}", "{{namespace}}",
               runbooks=["NoPredictions"], none=NONE),
        number("Replicas that answer", "Share of the pods that Prometheus knows and reaches.",
               SHARE, "avg by (namespace) (up{@service})", "{{namespace}}", base=BAD,
               marks=[Step(0.5, "orange"), Step(1, GOOD)],
               runbooks=["ServiceDown", "TargetDown"], none="Prometheus knows of no pod"),
        burn_rate("Errors: how fast the budget burns", "errors", "AvailabilityBudgetBurnFast",
                  "AvailabilityBudgetBurnSlow", "Share of predictions that fail"),
        burn_rate("Slow answers: how fast the budget burns", "slow", "LatencyBudgetBurnFast",
                  "LatencyBudgetBurnSlow", "Share of predictions that take longer than 250 ms"),
        states("Alerts that fire", "A bar for as long as an alert fires; of this service's "
                                   "rules only. What to do stands in its runbook.",
               firing(),
               "{{alertname}} ({{severity}}) {{namespace}} {{pod}}", width=24, none="None"),
    ]


def firing():
    """Names of alerts are common, so that a label of the rules tells ours. One about the whole
    service has no pod, and one about what is absent may have no namespace."""
    return ('max by (namespace, alertname, severity, pod) (ALERTS{alertstate="firing",'
            f'service="{SERVICE}",namespace=~"$namespace|",pod=~"$pod|"}})')
