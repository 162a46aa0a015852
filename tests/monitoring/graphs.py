#!/usr/bin/env python3
"""Pictures of Prometheus' own pages for the documentation: a real Prometheus scrapes the real
service under traffic, and Chromium opens its graphs and its list of alerts.

usage: graphs.py [FOLDER]    writes FOLDER/prometheus-NAME.png (docs/images)
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlencode

import httpx
from playwright.sync_api import sync_playwright

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "http"), str(TESTS / "kafka")]

from kafka import Cluster  # noqa: E402
from load_tool import LoadTest  # noqa: E402
from pipeline import Pipeline  # noqa: E402
from prometheus import Prometheus, static_job  # noqa: E402
from server import PATIENCE, ROOT, ROWAN, Server  # noqa: E402

LARGEST = 150_000  # bytes of a picture
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PREDICT = 'job="tasks10-ml-service",endpoint="/predict"'
GRAPHS = {
    "requests": f"sum by (status_code) (\n  rate(http_requests_total{{{PREDICT}}}[15s]))",
    "p95": ("histogram_quantile(0.95, sum by (le) (\n"
            f"  rate(http_request_duration_seconds_bucket{{{PREDICT}}}[15s])))"),
    "queue": 'max by (topic) (kafka_queue_length{job="tasks10-ml-service"})'}


# ---- topics ----------------------------------------------------------------------------------


def topics(cluster, place):
    """Those of the service, by the names that it has for them."""
    pipeline = Pipeline(cluster, place, create=False)
    pipeline.input, pipeline.output = "transactions-input", "fraud-predictions"
    pipeline.dead_letter = "fraud-predictions-dead-letter"
    for topic in (pipeline.input, pipeline.output, pipeline.dead_letter):
        cluster.create_topic(topic)
    return pipeline


# ---- traffic -------------------------------------------------------------------------------


def simulated(count):
    """Requests as `rowan simulate` writes them."""
    printed = subprocess.run([ROWAN, "simulate", "--count", str(count), "--format", "jsonl"],
                             check=True, capture_output=True).stdout
    return printed.splitlines()


@contextmanager
def clients(n, url, bodies, pause):
    """`n` clients that send one body after the other, and rest in between."""
    stop = Event()

    def send(number):
        with httpx.Client(base_url=url, timeout=PATIENCE) as client:
            for turn in range(number, 1 << 30, n):
                if stop.wait(pause):
                    return
                client.post("/predict", content=bodies[turn % len(bodies)],
                            headers={"Content-Type": "application/json"})

    threads = [Thread(target=send, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def backlog(pipeline):
    """More messages at once than can be scored as they come."""
    LoadTest(pipeline, "--max", "--count", 2_000_000, "--quiet").wait()


def story(server, pipeline):
    """A calm minute, a flood over HTTP, a burst over Kafka, and calm again."""
    rows = simulated(5000)
    arrays = [b"[" + b",".join(rows[at:at + 500]) + b"]" for at in range(0, 5000, 500)]
    with clients(4, server.url, rows, 0.02):
        time.sleep(60)
        with clients(8, server.url, arrays, 0):
            time.sleep(30)
        time.sleep(30)
        backlog(pipeline)
        time.sleep(45)


# ---- the service and who watches it -------------------------------------------------------


def configuration(port):
    """Targets have the labels that Kubernetes gives them, which the rules select by."""
    labels = {"namespace": "mlops-tasks10", "pod": "tasks10-ml-service-api-0", "container": "api",
              "service": "tasks10-ml-service"}
    return {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["../alerts/*.yaml"],
            "scrape_configs": [static_job("tasks10-ml-service", f"127.0.0.1:{port}", **labels)]}


def is_firing(prometheus, alert):
    return [one for one in prometheus.get("alerts")["alerts"]
            if one["labels"]["alertname"] == alert and one["state"] == "firing"]


# ---- pictures ------------------------------------------------------------------------------


class Camera:
    """Chromium; pictures of pages go into a folder."""

    def __init__(self, browser, folder):
        self.folder = folder
        self.page = browser.new_page(viewport={"width": 1000, "height": 860})

    def open(self, url, ready):
        self.page.goto(url)
        self.page.locator(ready).first.wait_for(timeout=PATIENCE * 1000)

    def take(self, name, **options):
        path = self.folder / f"prometheus-{name}.png"
        self.page.screenshot(path=path, **options)
        assert path.stat().st_size < LARGEST, f"{path}: {path.stat().st_size} bytes"
        print(path)


def take_graph(camera, prometheus, name, query):
    camera.open(f"{prometheus.url}/classic/graph?" + urlencode(
        {"g0.expr": query, "g0.tab": 0, "g0.range_input": "3m", "g0.step_input": 1}),
        "#graph0 svg path")
    camera.page.evaluate("""() => {
        const field = document.getElementById('expr0');
        field.style.height = field.scrollHeight + 4 + 'px';
        field.blur();
    }""")
    camera.take(name)


def take_alerts(camera, prometheus):
    camera.open(f"{prometheus.url}/classic/alerts", ".alert_header")
    camera.page.get_by_text("Inactive (").click()
    camera.page.locator(".alert_header", has_text="ServiceDown").first.click()
    camera.page.locator("code:visible").first.wait_for()
    camera.page.wait_for_timeout(1000)  # it unfolds slowly
    camera.take("alerts")


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs/images").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="rowan-graphs-"))
    place.chmod(0o755)
    # Prometheus shows the paths of its rules as it was given them: relative to here.
    shutil.copytree(ROOT / "monitoring/alerts", place / "alerts")
    os.chdir(place)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        cluster = stack.enter_context(Cluster(place / "kafka"))
        pipeline = topics(cluster, place)
        stack.callback(pipeline.close)
        metrics = place / "metrics"
        metrics.mkdir()
        metrics.chmod(0o777)
        server = stack.enter_context(Server(place / "server", WORKERS=1, SHED_TARGET=5,
                                            METRICS_DIR=metrics))
        pipeline.stream(metrics_dir=metrics).start()
        prometheus = stack.enter_context(Prometheus(Path(), configuration(server.port)))
        chromium = stack.enter_context(sync_playwright()).chromium
        browser = chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        stack.callback(browser.close)
        camera = Camera(browser, folder)

        story(server, pipeline)
        for name, query in GRAPHS.items():
            take_graph(camera, prometheus, name, query)
        server.stop()
        deadline = time.monotonic() + 3 * PATIENCE  # its `for` is a minute
        while not is_firing(prometheus, "ServiceDown"):
            assert time.monotonic() < deadline, prometheus.get("alerts")
            time.sleep(1)
        take_alerts(camera, prometheus)


if __name__ == "__main__":
    main()
