"""Replicas behind one address: a real nginx in front of two servers takes turns."""

import subprocess

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from flow import Flow, transactions
from model_directories import FRAUD
from reader import Scrapes, bars, open_table, rows, tile, wait, wait_for_rows
from scrape import Metrics, scrape
from server import ENVIRONMENT, NGINX, eventually, free_port, replace_link

BOTH_ARE_SEEN = "() => document.querySelector('#tile-replicas').textContent === '2'"
BALANCER = """
daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1;
events {{ }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    upstream replicas {{ {servers} }}
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://replicas; }} }}
}}
"""


@pytest.fixture
def balance(folder):
    """balance(server, ...) is the address at which they take turns, request by request."""
    processes = []

    def start(*servers):
        place, port = folder / "balancer", free_port()
        place.mkdir()
        (place / "nginx.conf").write_text(BALANCER.format(folder=place, port=port, servers=" ".join(
            f"server 127.0.0.1:{server.port} max_fails=0;" for server in servers)))
        processes.append(subprocess.Popen(
            [NGINX, "-p", place, "-c", place / "nginx.conf", "-e", "stderr"], env=ENVIRONMENT))
        url = f"http://127.0.0.1:{port}"
        assert eventually(lambda: answers(url)), "the balancer does not start"
        return url

    yield start
    for process in processes:
        process.terminate()
        process.wait()


def answers(url):
    try:
        return httpx.get(url + "/livez").status_code == 200
    except httpx.TransportError:
        return False


def test_the_page_adds_up_the_replicas(visit, serve, balance):
    first, second = serve(REPLICA_ID="pod-a"), serve(REPLICA_ID="pod-b")
    page = visit(balance(first, second))
    open_table(page, "scores")
    wait(page, BOTH_ARE_SEEN)  # from now on all that they count is an increase
    assert page.locator("#tile-replicas").get_attribute("title") == "pod-a, pod-b"

    valid = transactions(500)
    for server, number in ((first, 300), (second, 200)):
        assert server.predict(valid[:number]).status_code == 200
    page.get_by_text("500 in all").wait_for()
    cumulative = [scrape(server).buckets("ml_model_fraud_probability")
                  for server in (first, second)]
    added = [sum(counts) for counts in zip(*(buckets.values() for buckets in cumulative))]
    assert [count for _, count in bars(page, "scores")] == [
        now - before for before, now in zip([0, *added], added)]


class Sums:
    """Expected requests a second of each row, from the page's own scrapes and times."""

    def __init__(self):
        self.times, self.counts, self.rates = {}, {}, {}

    def add(self, replica, time, count):
        """The sum of all replicas' latest rates; None while one of them has none yet."""
        if replica in self.times:
            gone = count - self.counts[replica]
            self.rates[replica] = gone / ((time - self.times[replica]) / 1000)
        self.times[replica], self.counts[replica] = time, count
        return sum(self.rates.values()) if len(self.rates) == 2 else None


def test_a_rate_is_the_sum_of_each_replicas_own(visit, serve, balance):
    first, second = serve(REPLICA_ID="pod-a"), serve(REPLICA_ID="pod-b")
    page = visit(balance(first, second), before=lambda page: setattr(
        page, "scrapes", Scrapes(page)))
    valid = transactions(100)
    with Flow(first.url, valid, 120), Flow(second.url, valid, 40):
        wait_for_rows(page, "requests", 12)
    sums, seen, compared = Sums(), set(), 0
    shown = iter(rows(page, "requests"))
    for reply in page.scrapes.replies:
        replica = reply.headers["x-rowan-replica"]
        if replica not in seen:  # the first scrape of a replica makes no row
            seen.add(replica)
            continue
        row = next(shown, None)
        if row is None:  # one that came after the rows were read
            break
        count = Metrics(text_string_to_metric_families(reply.text())).total(
            "http_requests_total", endpoint="/predict", status_code="200")
        expected = sums.add(replica, row.time, count)
        if expected is not None:
            assert row.values[0] == pytest.approx(expected, rel=1e-9)
            compared += expected > 0
    assert seen == {"pod-a", "pod-b"} and compared >= 3


def test_replicas_with_different_models(visit, serve, balance, folder, second_version):
    link = folder / "model"
    link.symlink_to(FRAUD)
    page = visit(balance(serve(REPLICA_ID="pod-a"), serve(REPLICA_ID="pod-b", MODEL_DIR=link)))
    wait(page, BOTH_ARE_SEEN)
    assert tile(page, "model") == "fraud 1.0.0 (XGBoost)"
    replace_link(link, second_version)
    # For a moment workers of pod-b serve one version each, and it counts for both.
    assert eventually(lambda: sorted(tile(page, "model").split("; ")) == [
        "fraud 1.0.0 (XGBoost), 1 of 2", "fraud 2.0.0-half (XGBoost), 1 of 2"])


def test_a_replica_that_restarts_counts_on(visit, serve, balance, folder):
    """Its counters begin at 0 again, and none of what it did before counts twice."""
    first, second = serve(REPLICA_ID="pod-a"), serve(REPLICA_ID="pod-b")
    page = visit(balance(first, second))
    wait(page, BOTH_ARE_SEEN)
    valid = transactions(100)
    assert first.predict(valid).status_code == 200
    page.get_by_text("100 in all").wait_for()
    page.watched.forgiven.append("502")
    first.stop()
    for counted in (first.folder / "metrics").iterdir():  # as an emptyDir of a new pod
        counted.unlink()
    first.start()
    assert first.predict(valid[:30]).status_code == 200
    page.get_by_text("130 in all").wait_for()
