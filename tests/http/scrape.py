"""What a server tells of itself: GET /metrics, read by prometheus_client."""

from collections import Counter

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from server import eventually

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Metrics:
    """Samples of one scrape."""

    def __init__(self, families):
        self.families = {family.name: family for family in families}
        self.values = {}
        for family in self.families.values():
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self.values, f"{key} twice"
                self.values[key] = sample.value

    def series(self, name, **labels):
        """{all labels: value} of a name, where the given labels agree."""
        return {found: value for (seen, found), value in self.values.items()
                if seen == name and labels.items() <= set(found)}

    def total(self, name, **labels):
        return sum(self.series(name, **labels).values())

    def by(self, name, *names, **labels):
        """Counter of tuples of label values, without zeros."""
        found = Counter()
        for series, value in self.series(name, **labels).items():
            found[tuple(dict(series)[label] for label in names)] += value
        return Counter({key: value for key, value in found.items() if value})

    def buckets(self, name, **labels):
        """{upper bound: cumulative count} of a histogram."""
        found = Counter()
        for series, value in self.series(name + "_bucket", **labels).items():
            found[float(dict(series)["le"])] += value
        return dict(found)

    def requests(self):
        """(method, endpoint, status) of every request but scrapes."""
        return Counter({key: value for key, value in self.by(
            "http_requests_total", "method", "endpoint", "status_code").items()
            if key[1] != "/metrics"})


def scrape(server):
    reply = server.get("/metrics")
    assert reply.status_code == 200, reply.text
    return Metrics(read_text(reply.text))


def scrape_openmetrics(server):
    reply = server.get("/metrics", headers={"Accept": OPENMETRICS})
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    return Metrics(read_openmetrics(reply.text))


def settled(server, count, expected):
    """count(scrape), as soon as it is `expected`, or its last value: a request is counted
    when it has ended, a moment after its client has the reply."""
    seen = None

    def agrees():
        nonlocal seen
        seen = count(scrape(server))
        return seen == expected

    eventually(agrees)
    return seen


def assert_counts(server, expected, count=Metrics.requests):
    expected = Counter(expected)
    assert settled(server, count, expected) == expected
