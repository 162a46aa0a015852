"""A real Prometheus scrapes three servers through a reload, a swap and a killed worker."""

import os
import shutil
import signal
from collections import Counter

import pytest

from prometheus import Prometheus, every_half_second
from scrape import scrape
from server import NO_LIMITS, eventually, replace_link
from traffic import Traffic

ALL_REQUESTS = 'sum(http_requests_total{endpoint!="/metrics"})'


@pytest.fixture
def servers(serve, folder, first_version):
    links = [folder / f"model-{number}" for number in range(3)]
    for link in links:
        link.symlink_to(first_version)
    return [serve(MODEL_DIR=link, WORKERS=2, **NO_LIMITS) for link in links], links


def test_prometheus_adds_up_exactly(folder, golden, servers, second_version):
    servers, links = servers
    servers[2].forgives = lambda line: "exited on signal 9" in line
    requests = [row["request"] for row in golden]
    traffics = [Traffic(server, requests, 20 + number) for number, server in enumerate(servers)]

    with Prometheus(folder, every_half_second(servers)) as prometheus:
        def everybody():
            for traffic in traffics:
                traffic.run(150)
            sent = sum(sum(traffic.requests.values()) for traffic in traffics)
            assert eventually(lambda: prometheus.query(ALL_REQUESTS) == {(): sent})

        assert eventually(lambda: prometheus.query("sum(up)") == {(): 3})
        everybody()
        servers[0].process.send_signal(signal.SIGHUP)
        everybody()
        replace_link(links[1], second_version)
        assert eventually(lambda: scrape(servers[1]).total("ml_model_loads_total") == 2)
        everybody()
        traffics[2].close()
        victim = servers[2].workers()[0]
        os.kill(victim, signal.SIGKILL)
        assert eventually(lambda: len(set(servers[2].workers()) - {victim}) == 2)
        everybody()
        for traffic in traffics:
            traffic.close()

        requests = sum((traffic.requests for traffic in traffics), Counter())
        by_request = Counter()
        for (method, endpoint, status), count in requests.items():
            by_request[endpoint, method, status] += count
        rows = sum((traffic.rows for traffic in traffics), Counter())
        for expression, wanted in (
                ('sum by (method, endpoint, status_code) '
                 '(http_requests_total{endpoint!="/metrics"})', by_request),
                ("sum by (model_version, prediction_result) (ml_model_predictions_total)", rows),
                ('sum(http_request_duration_seconds_count{endpoint!="/metrics"})',
                 {(): sum(requests.values())}),
                ("sum(ml_model_fraud_probability_count)", {(): sum(rows.values())}),
                ("sum(ml_model_active_requests)", {})):
            eventually(lambda: prometheus.query(expression) == wanted)
            assert prometheus.query(expression) == wanted, expression

        names = prometheus.counters()
        assert len(names) > 20
        for name in names:
            assert prometheus.query(f"max(resets({name}[1h]))") == {}, name
        # a scrape may have met the worker that was killed, but no other one fails
        others = f'up{{instance!="127.0.0.1:{servers[2].port}"}}'
        assert prometheus.query(f"min(min_over_time({others}[1h]))") == {(): 1}
        assert prometheus.query("min(count_over_time(up[1h]))")[()] >= 5
    shutil.rmtree(folder / "prometheus")
