"""What the page shows under traffic is what the service counts.

The page's own scrapes are read again by prometheus_client; its times stand in its tables.
"""

import os
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from counting import Counter as Process
from flow import Flow, transactions
from quantiles import assert_quantiles
from reader import Scrapes, bars, open_table, rows, tables, tile, wait, wait_for_rows
from scrape import Metrics, scrape
from server import eventually

RATE = 200
CHARTS = ("requests", "latency", "predictions", "share", "refused")  # over time


class Watching:
    """A page with all its tables open, and the scrapes that it got."""

    def __init__(self, visit, url, **options):
        self.page = visit(url, before=self.listen, **options)
        for chart in (*CHARTS, "scores"):
            open_table(self.page, chart)
        wait_for_rows(self.page, "requests", 1)

    def listen(self, page):
        self.scrapes = Scrapes(page)

    def settle(self):
        """After traffic: its end is in the first new row or in the second one, and none is in
        the third. All tables are of one moment, whatever comes while they are compared."""
        wait_for_rows(self.page, "requests", len(rows(self.page, "requests")) + 3)
        self.tables = tables(self.page, CHARTS)

    def intervals(self):
        """(seconds, scrape, next scrape) of each row but the first, whose begin no row has."""
        times = [row.time for row in self.tables["requests"]]
        metrics = [Metrics(text_string_to_metric_families(reply.text()))
                   for reply in self.scrapes.replies[1:len(times) + 1]]
        return [((end - begin) / 1000, before, after) for begin, end, before, after
                in zip(times, times[1:], metrics, metrics[1:])]

    def rows(self, chart):
        return self.tables[chart][1:]


def bodies(count):
    """One in ten breaks the contract."""
    return [{} if i % 10 == 0 else request for i, request in enumerate(transactions(count))]


@pytest.fixture(scope="module")
def requests():
    return bodies(2000)


@pytest.fixture
def watched(visit, serve, requests):
    """A page that saw a known amount of traffic from its begin to its end, and the flow."""
    server = serve(REPLICA_ID="one", **{"SHED_TARGET": "off"})
    watching = Watching(visit, server.url)
    with Flow(server.url, requests, RATE) as flow:
        wait_for_rows(watching.page, "requests", 12)
        assert eventually(lambda: flow.answers[200] > 100 and flow.answers[422] > 10)
    watching.flow, watching.server = flow, server
    watching.settle()
    return watching


def test_everything_under_traffic(watched, tmp_path):
    """One run of traffic, and each number of the page beside what the service counted."""
    page, intervals = watched.page, watched.intervals()
    assert len(intervals) >= 5
    assert_rates(watched, intervals)
    assert_quantiles_of_latency(watched, intervals, tmp_path)
    assert_predictions(watched, intervals)
    assert_scores(page, watched.server)
    assert_tiles(page)


def increase(before, after, name, **labels):
    return after.total(name, **labels) - before.total(name, **labels)


def by_status(metrics):
    found = Counter()
    for (status,), count in metrics.by("http_requests_total", "status_code",
                                       endpoint="/predict").items():
        found[status[0]] += count
    return found


def assert_rates(watched, intervals):
    shown = watched.rows("requests")
    for (seconds, before, after), row in zip(intervals, shown, strict=True):
        gone = by_status(after) - by_status(before)
        assert row.values == tuple(gone[digit] / seconds for digit in "245")
    # What the client counted is the area under the curve.
    for column, statuses in enumerate([{200}, {422}, set()]):
        area = sum(row.values[column] * seconds
                   for row, (seconds, *_) in zip(shown, intervals))
        sent = sum(count for status, count in watched.flow.answers.items() if status in statuses)
        assert area == pytest.approx(sent, rel=1e-9), "nothing is lost, nothing counts twice"


def assert_quantiles_of_latency(watched, intervals, folder):
    shown = watched.rows("latency")
    for column, q in enumerate((0.5, 0.99)):
        cases = []
        for (seconds, before, after), row in zip(intervals, shown, strict=True):
            first, second = (metrics.buckets("http_request_duration_seconds", endpoint="/predict")
                             for metrics in (before, after))
            buckets = {bound: (count - first.get(bound, 0)) / seconds
                       for bound, count in second.items()}
            if any(buckets.values()):
                cases.append((buckets, row.values[column]))
            else:
                assert row.values[column] is None and row.texts[column] == "none"
        assert len(cases) >= 3
        assert_quantiles(folder, q, cases)


def assert_predictions(watched, intervals):
    name = "ml_model_predictions_total"
    for (seconds, before, after), row, share in zip(
            intervals, watched.rows("predictions"), watched.rows("share"), strict=True):
        legitimate, fraud = (increase(before, after, name, prediction_result=result)
                             for result in ("legitimate", "fraud"))
        assert row.values == (legitimate / seconds, fraud / seconds)
        if legitimate + fraud:
            assert share.values[0] == pytest.approx(fraud / (fraud + legitimate), rel=1e-12)
        else:
            assert share.values == (None,)


def assert_scores(page, server):
    """The page was there from the first prediction on."""
    cumulative = scrape(server).buckets("ml_model_fraud_probability")
    counts = list(cumulative.values())
    assert [count for _, count in bars(page, "scores")] == [
        int(now - before) for before, now in zip([0, *counts], counts)]
    first, last = list(cumulative)[0], list(cumulative)[-2]
    labels = [label for label, _ in bars(page, "scores")]
    assert (labels[0], labels[-1]) == (f"0 to {first:g}", f"above {last:g}")
    in_all = page.locator("#chart-scores .legend b").inner_text()
    assert in_all == f"{int(counts[-1]):,} in all"


def assert_tiles(page):
    assert (tile(page, "requests"), tile(page, "predictions")) == ("0/s", "0/s")
    assert (tile(page, "p99"), tile(page, "share")) == ("none", "none")
    assert tile(page, "replicas") == "1"
    assert page.locator("#tile-replicas").get_attribute("title") == "one"
    assert tile(page, "model") == "fraud 1.0.0 (XGBoost)"


def test_an_array_counts_each_of_its_rows(visit, serve, requests):
    server = serve()
    watching = Watching(visit, server.url)
    valid = [request for request in requests if request][:50]
    assert server.predict(valid).status_code == 200
    watching.page.get_by_text("50 in all").wait_for()
    assert sum(count for _, count in bars(watching.page, "scores")) == 50


def test_refusals_are_counted_by_their_guard(visit, serve, requests):
    server = serve(RATE_LIMIT=1, RATE_BURST=0)
    watching = Watching(visit, server.url)
    with Flow(server.url, requests, RATE) as flow:
        wait_for_rows(watching.page, "refused", 6)
        assert eventually(lambda: flow.answers[429] > 5)
    watching.settle()
    area = sum(row.values[1] * seconds for row, (seconds, *_) in
               zip(watching.rows("refused"), watching.intervals(), strict=True))
    assert area == pytest.approx(flow.answers[429], rel=1e-9)


# ---- Kafka -------------------------------------------------------------------------------


def test_kafka_is_shown_where_there_is_kafka(visit, serve, folder):
    server = serve(METRICS_DIR=folder / "metrics")
    page = visit(server.url)
    wait_for_rows(page, "requests", 1)
    assert not page.locator("#chart-queue").is_visible()
    stream = Process(folder / "metrics")
    owner = (folder / "metrics").stat()
    for path in (folder / "metrics").iterdir():  # as of the same user in the pod
        os.chown(path, owner.st_uid, owner.st_gid)
    stream.do("set", "kafka_broker_up", 1)
    stream.do("set", "kafka_queue_length", 1234, "transactions-input")
    stream.do("set", "kafka_consumer_lag", 700, "transactions-input", "0", "group")
    stream.do("set", "kafka_consumer_lag", 34, "transactions-input", "1", "group")
    assert scrape(server).total("kafka_queue_length") == 1234
    page.locator("#chart-queue").wait_for(state="visible")
    open_table(page, "queue")
    wait(page, """() => [...document.querySelectorAll("#chart-queue tbody tr:first-child td")].map(
        (td) => td.dataset.value).join() === "1234,734" """)
    assert rows(page, "queue")[-1].texts == ("1,234", "734")
    stream.do("add", "kafka_messages_consumed_total", 40, "transactions-input")
    open_table(page, "consumed")
    wait(page, """() => [...document.querySelectorAll("#chart-consumed tbody tr")].some(
        (tr) => Number(tr.cells[1].dataset.value) > 0)""")
    stream.wait()
