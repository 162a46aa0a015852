"""A real Prometheus scrapes three servers through a reload, a swap and a killed worker."""

import os
import shutil
import signal
import subprocess
from collections import Counter

import httpx
import pytest

from scrape import scrape
from server import NO_LIMITS, PATIENCE, eventually, free_port, replace_link
from traffic import Traffic

CONFIGURATION = """
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
scrape_configs:
  - job_name: rowan
    static_configs:
      - targets: [{targets}]
"""


ALL_REQUESTS = 'sum(http_requests_total{endpoint!="/metrics"})'


class Prometheus:
    def __init__(self, folder, servers):
        self.folder = folder / "prometheus"
        self.folder.mkdir()
        targets = ", ".join(f'"127.0.0.1:{server.port}"' for server in servers)
        (self.folder / "prometheus.yml").write_text(CONFIGURATION.format(targets=targets))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.folder}/prometheus.yml",
             f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)
        assert eventually(self.ready), (self.folder / "log").read_text()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)

    def ready(self):
        try:
            return httpx.get(self.url + "/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path, **parameters):
        reply = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=PATIENCE).json()
        assert reply["status"] == "success", reply
        return reply["data"]

    def query(self, expression):
        """{labels in their order: value}"""
        result = self.get("query", query=expression)["result"]
        return Counter({tuple(value for _, value in sorted(series["metric"].items())):
                        float(series["value"][1]) for series in result
                        if float(series["value"][1])})

    def eventually(self, expression, wanted):
        """Its value as soon as it is the wanted one, or the last value."""
        eventually(lambda: self.query(expression) == wanted)
        return self.query(expression)

    def counters(self):
        return [name for name in self.get("label/__name__/values")
                if name.endswith(("_total", "_count", "_sum", "_bucket"))]


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

    with Prometheus(folder, servers) as prometheus:
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
