"""Requests, their status and their time; and who is kept out."""

from ..panels import COUNT, REQUESTS, SECONDS, SHARE, queries, series
from ..queries import quantiles

TITLE = "HTTP"
NONE = "No request yet"
# Prometheus' own requests are not traffic.
TRAFFIC = 'http_requests_total{@pods,endpoint!="/metrics"}'
PREDICT = 'http_requests_total{@pods,endpoint="/predict"}'


def latency(quantile):
    return (f"namespace:http_predict_duration_seconds:{quantile}_rate5m{{@namespaces}}",
            f"{{{{namespace}}}} {quantile}")


def share_of(statuses):
    return (f'sum by (namespace) (rate({PREDICT[:-1]},status_code=~"{statuses}"}}[5m])) '
            f"/ sum by (namespace) (rate({PREDICT}[5m]))")


def panels():
    return [
        series("Requests by status",
               "Requests that have ended, of every endpoint but /metrics; 499 is a client that "
               "left.", REQUESTS,
               queries((f"sum by (status_code) (rate({TRAFFIC}[$__rate_interval]))",
                        "{{status_code}}")), stacked=True, none=NONE),
        series("Requests by endpoint",
               "The same by path; paths that the service does not know are one value.", REQUESTS,
               queries((f"sum by (endpoint, method) (rate({TRAFFIC}[$__rate_interval]))",
                        "{{method}} {{endpoint}}")), stacked=True, none=NONE),
        series("Share of predictions that fail",
               "Of the requests for a prediction in 5 minutes: with a status of 500 or more in "
               "the whole service, which the alert looks at, and with one of 400 to 499 in the "
               "pods chosen above, which is the clients' doing.", SHARE,
               queries(("namespace:http_predict_errors:ratio_rate5m{@namespaces}",
                        "{{namespace}} 5xx"),
                       (share_of("4.."), "{{namespace}} 4xx")),
               alerts=["HighErrorRate"], colors={"/ 5xx$/": "red", "/ 4xx$/": "yellow"}, none=NONE),
        series("Time of an answer",
               "Of /predict in the whole service: from a request's header to the end of its "
               "reply, over 5 minutes. The alert looks at p95.", SECONDS,
               queries(*map(latency, ("p50", "p95", "p99"))), alerts=["SlowResponseTime"],
               none=NONE),
        series("Time of an answer, slowest pods",
               "p99 of /predict in each pod.", SECONDS,
               queries(("histogram_quantile(0.99, sum by (pod, le) (rate("
                        'http_request_duration_seconds_bucket{@pods,endpoint="/predict"}'
                        "[$__rate_interval])))", "{{pod}}")), none=NONE),
        series("In progress",
               "Requests whose header has been read and whose reply has not ended, and those of "
               "them that ask for a prediction; of all pods. A scrape is one itself.", COUNT,
               queries(("sum by (namespace) (http_requests_in_progress{@pods})",
                        "{{namespace}} requests"),
                       ("sum by (namespace) (ml_model_active_requests{@pods})",
                        "{{namespace}} predictions")),
               none="Prometheus knows of no pod"),
        series("Refused by guard",
               "Requests refused to protect the service, by the guard that did it: limits of a "
               "client, shedding of an overload, API keys, slow clients. The alert leaves wrong "
               "keys out.", REQUESTS,
               queries(("sum by (reason) (rate(http_requests_refused_total{@pods}"
                        "[$__rate_interval]))", "{{reason}}")),
               alerts=["FloodShedding"], stacked=True, none="None"),
        series("Pods that shed load",
               "Share of the pods that refuse requests of low priority now; 0 is normal.", SHARE,
               queries(("avg by (namespace) (http_shedding{@pods})", "{{namespace}}")),
               runbooks=["FloodShedding"], none="Prometheus knows of no pod"),
        series("Wait before a request is read",
               "Time that requests wait in the socket, of a sample of them; shedding begins "
               "when this grows.", SECONDS,
               queries(*quantiles("http_queue_delay_seconds", "@pods", 0.5, 0.99)), none=NONE),
        series("Connections",
               "Share of the connections that the workers of a pod can hold, listening sockets "
               "included.", SHARE,
               queries(("http_connections{@pods} / http_connections_max{@pods}", "{{pod}}")),
               width=12, none="Prometheus knows of no pod"),
        series("Errors by status",
               "Requests that ended with a status of 400 or more.", REQUESTS,
               queries(("sum by (status_code) (rate(http_errors_total{@pods}"
                        "[$__rate_interval]))", "{{status_code}}")),
               width=12, stacked=True, none="None"),
    ]
