"""GET /metrics: its formats, and what it says of models and processes."""

import bisect
import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter

import numpy
import pytest

from model_directories import FRAUD, SECOND_VERSION, make_broken
from scrape import OPENMETRICS, assert_counts, scrape, scrape_openmetrics
from server import eventually, replace_link
from wire import Connection, ask_once, head, post

FIRST_VERSION = "1.0.0"


def killed(line):
    return "exited on signal 9" in line


# ---- the exposition -------------------------------------------------------------------------


def test_formats_by_the_accept_header(server):
    for accept, kind in ((None, "text/plain; version=0.0.4"),
                         ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "text/plain; version=0.0.4"),
                         (OPENMETRICS, "application/openmetrics-text; version=1.0.0"),
                         (OPENMETRICS + ";q=0.9,text/plain;q=0.1",
                          "application/openmetrics-text; version=1.0.0")):
        reply = server.get("/metrics", headers={"Accept": accept} if accept else {})
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith(kind)
        assert reply.headers["content-type"].endswith("charset=utf-8")
        assert reply.headers["cache-control"] == "no-store"
        assert ("# EOF" in reply.text) == ("openmetrics" in kind)


def test_several_accept_headers_are_one_list(server):
    reply = ask_once(server.port, head("GET", "/metrics", Accept="text/html").replace(
        b"\r\n\r\n", f"\r\nAccept: {OPENMETRICS}\r\n\r\n".encode()))
    assert reply.headers["content-type"].startswith("application/openmetrics-text")


def test_both_formats_say_the_same(server, request_body):
    for _ in range(3):
        server.predict(request_body)
    server.get("/nothing")
    assert eventually(lambda: scrape(server).total("http_errors_total") > 0)
    for name in ("ml_model_predictions_total", "ml_model_fraud_probability_bucket",
                 "ml_model_info", "http_errors_total", "process_start_time_seconds"):
        assert scrape(server).series(name) == scrape_openmetrics(server).series(name) != {}


def test_promtool_finds_nothing_to_complain_about(server, request_body):
    server.predict(request_body)
    server.get("/nothing")
    text = server.get("/metrics").text
    promtool = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                              capture_output=True)
    assert promtool.returncode == 0, promtool.stdout + promtool.stderr


def test_get_and_head_only(server):
    head_reply = ask_once(server.port, head("HEAD", "/metrics"), has_body=False)
    assert head_reply.status == 200 and int(head_reply.headers["content-length"]) > 1000
    reply = ask_once(server.port, head("POST", "/metrics"))
    assert reply.status == 405 and reply.headers["allow"] == "GET, HEAD"


def test_the_index_and_the_openapi_document_name_it(server):
    assert server.get("/").json()["endpoints"]["metrics"] == "/metrics"
    content = server.get("/openapi.json").json()["paths"]["/metrics"]["get"]["responses"]["200"]
    assert set(content["content"]) == {"text/plain", "application/openmetrics-text"}


def test_what_may_happen_is_shown_before_it_does(serve):
    """A rate needs the zero before the first one."""
    metrics = scrape(serve())
    for name, label in (("ml_model_errors_total", "error_type"),
                        ("ml_model_failed_predictions_total", "failure_reason"),
                        ("http_requests_refused_total", "reason")):
        assert len(metrics.series(name)) >= 4 and metrics.total(name) == 0, name
    assert set(metrics.series("ml_model_predictions_total").values()) == {0}
    assert metrics.total("ml_model_loads_total", outcome="refused") == 0


# ---- predictions ----------------------------------------------------------------------------


def exact(reply):
    """A score as the model gave it: the reply has the shortest text of a float32."""
    return float(numpy.float32(reply["fraud_probability"]))


def expected_buckets(bounds, values):
    ordered = sorted(values)
    return {bound: bisect.bisect_right(ordered, bound) for bound in bounds}


def test_histograms_are_those_of_the_scores_in_the_replies(serve, golden):
    server = serve()
    requests = [row["request"] for row in golden]
    replies = [ask_once(server.port, post(request)).json for request in requests[:20]]
    for start in range(20, len(requests), 30):
        replies += ask_once(server.port, post(requests[start:start + 30])).json
    assert ask_once(server.port, post([])).json == []
    scores = [exact(reply) for reply in replies]
    assert eventually(lambda: scrape(server).total("ml_model_predictions_total") == len(scores))

    metrics = scrape(server)
    labels = {"model": "fraud", "model_version": FIRST_VERSION}
    for name, values in (("ml_model_fraud_probability", scores),
                         ("ml_model_confidence_score", [max(p, 1 - p) for p in scores])):
        buckets = metrics.buckets(name, **labels)
        assert buckets == expected_buckets(buckets, values), name
        assert len(set(buckets.values())) > 3, "the golden rows are spread over buckets"
        assert metrics.total(name + "_count", **labels) == len(values)
        assert metrics.total(name + "_sum", **labels) == pytest.approx(sum(values), rel=1e-12)

    settings = json.loads((FRAUD / "contract.json").read_text())["x-rowan"]
    decision = settings["thresholds"]["decision"]
    fraud = sum(score >= decision for score in scores)
    assert 0 < fraud < len(scores)
    assert metrics.by("ml_model_predictions_total", "prediction_result", **labels) == {
        ("fraud",): fraud, ("legitimate",): len(scores) - fraud}
    n_requests = 20 + len(range(20, len(requests), 30)) + 1
    assert metrics.total("ml_model_prediction_duration_seconds_count", **labels) == n_requests
    assert metrics.total("ml_model_prediction_duration_seconds_sum", **labels) > 0


# ---- models ---------------------------------------------------------------------------------


def info(metrics):
    return metrics.by("ml_model_info", "model", "model_version", "model_type")


def test_the_served_model(serve, first_version):
    server = serve()
    before = time.time()
    metrics = scrape(server)
    assert info(metrics) == {("fraud", FIRST_VERSION, "XGBoost"): 1}
    assert metrics.total("ml_model_loads_total", outcome="loaded") == 1
    assert metrics.total("ml_model_load_duration_seconds_count") == 1
    assert metrics.total("ml_model_load_duration_seconds_sum") > 0
    image, = (server.folder / "images").glob("*.img")
    assert metrics.total("ml_model_memory_usage_bytes") == image.stat().st_size
    loaded = metrics.total("ml_model_loaded_timestamp_seconds", model="fraud")
    assert before - 60 < loaded < before + 60


def test_a_swap_moves_the_info_and_keeps_the_counts(serve, linked_model, second_version,
                                                    request_body):
    server = serve(MODEL_DIR=linked_model)
    for _ in range(5):
        ask_once(server.port, post(request_body))
    replace_link(linked_model, second_version)
    second = {("fraud", SECOND_VERSION, "XGBoost"): 1}
    assert eventually(lambda: info(scrape(server)) == second)
    for _ in range(7):
        ask_once(server.port, post(request_body))
    assert_counts(server, {(FIRST_VERSION,): 5, (SECOND_VERSION,): 7},
                  lambda metrics: metrics.by("ml_model_predictions_total", "model_version"))
    metrics = scrape(server)
    assert metrics.total("ml_model_loads_total", outcome="loaded") == 2
    assert metrics.total("ml_model_load_duration_seconds_count") == 2

    replace_link(linked_model, FRAUD)
    assert eventually(lambda: info(scrape(server)) == {("fraud", FIRST_VERSION, "XGBoost"): 1})


def test_refused_directories(serve, linked_model, folder):
    server = serve(MODEL_DIR=linked_model)
    for number, kind in enumerate(("truncated model", "golden row that differs"), start=1):
        directory, _ = make_broken(kind, folder / kind.replace(" ", "-"))
        replace_link(linked_model, directory)
        assert eventually(lambda: scrape(server).total("ml_model_loads_total",
                                                       outcome="refused") == number)
    metrics = scrape(server)
    assert metrics.by("ml_model_errors_total", "error_type") == {("load_refused",): 2}
    assert info(metrics) == {("fraud", FIRST_VERSION, "XGBoost"): 1}
    assert metrics.total("ml_model_load_duration_seconds_count") == 3


def test_an_image_that_cannot_be_mapped(serve, linked_model, second_version):
    """The image file is spoiled between its writing and its mapping by a new worker."""
    server = serve(WORKERS=1)
    server.forgives = killed
    assert eventually(lambda: server.get("/readyz").status_code == 200)
    image, = (server.folder / "images").glob("*.img")
    image.write_bytes(image.read_bytes()[:-1])
    worker, = server.workers()
    os.kill(worker, signal.SIGKILL)
    assert eventually(lambda: server.workers() not in ([], [worker]))
    assert eventually(lambda: scrape(server).total("ml_model_errors_total",
                                                   error_type="map_failed") == 1)
    time.sleep(0.5)  # several more tries
    assert scrape(server).total("ml_model_errors_total") == 1


def test_the_load_of_a_configuration_is_counted_once(serve):
    server = serve(WORKERS=2)
    server.forgives = killed
    for number in range(3):
        server.kill_worker(number % 2)
    assert scrape(server).total("ml_model_loads_total") == 1
    server.reload()
    assert eventually(lambda: scrape(server).total("ml_model_loads_total", outcome="loaded") == 2)


# ---- the process ----------------------------------------------------------------------------


def pages_settle(server, count):
    return eventually(lambda: scrape(server).total("rowan_metrics_pages") == count)


def test_figures_of_the_processes(serve):
    started = time.time()
    server = serve(WORKERS=2)
    assert pages_settle(server, 2)
    metrics = scrape(server)
    assert started - 2 <= metrics.total("process_start_time_seconds") <= time.time() + 1
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                 "process_max_fds"):
        assert metrics.total(name) > 0, name
    assert metrics.total("http_connections_max") == 2 * 4096
    assert 0 < metrics.total("http_connections") < 100


def test_connections_in_use(serve):
    server = serve()
    before = scrape(server).total("http_connections")
    clients = [Connection(server.port) for _ in range(50)]
    assert eventually(lambda: scrape(server).total("http_connections") >= before + 50)
    for client in clients:
        client.leave()
    assert eventually(lambda: scrape(server).total("http_connections") < before + 50)


def test_a_reload_does_not_change_the_start_time(serve):
    server = serve()
    started = scrape(server).total("process_start_time_seconds")
    server.reload()
    assert pages_settle(server, 2)
    assert scrape(server).total("process_start_time_seconds") == started


# ---- directives -----------------------------------------------------------------------------


def test_the_default_directory_is_under_the_prefix(serve):
    server = serve(edit=lambda text: text.replace("rowan_metrics_dir", "# "))
    assert ask_once(server.port, head("GET", "/livez")).status == 200
    assert_counts(server, {("GET", "/livez", "200"): 1})
    assert list((server.folder / "rowan-metrics").iterdir())


def test_without_both_directives_nothing_is_counted(serve, request_body):
    server = serve(edit=lambda text: text.replace("rowan_metrics_dir", "# ").replace(
        "location = /metrics ", "# "))
    assert server.predict(request_body).status_code == 200
    assert server.get("/metrics").status_code == 404
    assert not (server.folder / "rowan-metrics").exists()
    assert not (server.folder / "metrics").exists()


def test_a_worker_that_has_no_page_answers_and_says_so(serve, request_body):
    server = serve()
    server.forgives = killed
    shutil.rmtree(server.folder / "metrics")
    for worker in server.workers():
        os.kill(worker, signal.SIGKILL)
    assert eventually(lambda: "missing in metrics" in server.log)
    assert server.predict(request_body).status_code == 200


def test_two_servers_of_one_configuration_add_up(serve, folder, request_body):
    """The same path in two servers is one endpoint."""
    def second_server(text):
        return text.replace("location / { return 404; }", "location / { return 404; }\n }\n"
                            "server { listen unix:" + str(folder / "socket") + ";\n"
                            "location = /predict { rowan_predict fraud; }")
    server = serve(edit=second_server)
    assert server.predict(request_body).status_code == 200
    subprocess.run(["curl", "--silent", "--fail", "--unix-socket", folder / "socket",
                    "-H", "Content-Type: application/json", "-d", json.dumps(request_body),
                    "http://test/predict"], check=True, capture_output=True)
    assert_counts(server, Counter({("POST", "/predict", "200"): 2}))
