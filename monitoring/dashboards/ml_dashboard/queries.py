"""Selectors that the panels share. In a query stand, inside of its braces,

    @service     the service, whatever is chosen above: for what is told once a service
    @pods        the pods chosen above
    @models      the same, and the models chosen above
    @namespaces  the namespaces chosen above: for recording rules and for metrics of the cluster

`job` is the name of the Service, as a ServiceMonitor gives it.
"""

SERVICE = "tasks10-ml-service"
DEPLOYMENT = "tasks10-ml-service-api"
WORDS = {
    "@service": f'job="{SERVICE}",namespace=~"$namespace"',
    "@pods": f'job="{SERVICE}",namespace=~"$namespace",pod=~"$pod"',
    "@models": f'job="{SERVICE}",namespace=~"$namespace",pod=~"$pod",model=~"$model"',
    "@namespaces": 'namespace=~"$namespace"',
}
# Metrics of the cluster are those of all pods: this leaves the ones of the service.
ITS_PODS = f'and on (namespace, pod) up{{job="{SERVICE}",pod=~"$pod"}}'


def fill(query):
    """The query as Prometheus reads it, but for Grafana's own variables."""
    for word, selector in WORDS.items():
        query = query.replace(word, selector)
    return " ".join(query.split())


def quantiles(histogram, selector, *shares, by="namespace", window="$__rate_interval"):
    """(query, legend) of each quantile of a histogram, as p50, p95, ... of a namespace."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    return [(f"histogram_quantile({share}, sum by ({by}, le) "
             f"(rate({histogram}_bucket{{{selector}}}[{window}])))",
             f"{legend} p{share * 100:g}")
            for share in shares]
