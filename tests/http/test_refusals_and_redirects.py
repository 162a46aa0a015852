"""Who refused a request, and what an error page or a second model must not change of it."""

import signal
from collections import Counter

import pytest

from access_log import lines
from model_directories import SECOND_VERSION
from scrape import assert_counts, scrape, settled
from server import Server, eventually, replace_link
from test_api_keys import ALICE, entry, replace
from test_metrics_requests import HTTP, LOCATION, PREDICT, add, edits, failures
from wire import Connection, ask_once, post

ZONE = "limit_req_zone $binary_remote_addr zone=rate:1m rate=1r/m;"


def refusals(metrics):
    return metrics.by("http_requests_refused_total", "reason")


@pytest.fixture
def log(folder):
    return folder / "access.log"


@pytest.fixture
def logged(serve, log):
    """serve(edits): one worker, lines come in the order of the requests."""
    def start(*changes, **settings):
        return serve(edit=edits(*changes), ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=log,
                     WORKERS=1, **settings)
    return start


# ---- limits: the log and the metrics name the same guard ---------------------------------------


def assert_one_name(server, log, statuses, guard):
    seen = lines(log, len(statuses))
    assert [line["status"] for line in seen] == statuses
    assert [line["refused"] for line in seen] == [guard if status == 429 else None
                                                  for status in statuses]
    expected = Counter({(guard,): statuses.count(429)}) if 429 in statuses else Counter()
    assert_counts(server, expected, refusals)


def ask_four_times(server, body):
    with Connection(server.port) as client:
        return [client.ask(post(body)).status for _ in range(4)]


def test_the_log_names_a_rate_limit_as_metrics_do(logged, log, request_body):
    server = logged(add(HTTP, ZONE),
                    add(LOCATION, "limit_req zone=rate burst=1 nodelay; limit_req_status 429;"))
    statuses = ask_four_times(server, request_body)
    assert statuses == [200, 200, 429, 429]
    assert_one_name(server, log, statuses, "rate_limit")


@pytest.mark.parametrize("burst", ["", "burst=9"], ids=["rejected", "delayed"])
def test_a_limit_that_only_tries_itself_out_refuses_nobody(logged, log, request_body, burst):
    server = logged(add(HTTP, ZONE),
                    add(LOCATION, f"limit_req zone=rate {burst}; limit_req_dry_run on;"))
    statuses = ask_four_times(server, request_body)
    assert statuses == 4 * [200]
    assert_one_name(server, log, statuses, "rate_limit")


# ---- keys ------------------------------------------------------------------------------------


def test_a_wrong_key_that_another_reason_outweighs_is_no_refusal(logged, log, folder,
                                                                request_body):
    """"satisfy any": the address is allowed, so what fails later has its own reason."""
    keys = folder / "keys"
    replace(keys, entry(ALICE, "high", "alice"))
    server = logged(add(LOCATION, "satisfy any; allow 127.0.0.1; deny all;"), API_KEYS=keys)
    for body, status in ((request_body, 200), ({}, 422)):
        reply = server.post(PREDICT, json=body, headers={"X-API-Key": "wrong"})
        assert reply.status_code == status
    assert [line["refused"] for line in lines(log, 2)] == [None, None]
    assert_counts(server, Counter({("contract_violation",): 1}), failures)
    assert refusals(scrape(server)) == {}


# ---- error pages -------------------------------------------------------------------------------


def test_an_error_page_for_an_unreadable_header_has_the_time_of_its_request(serve):
    """The header was never read whole, and its location is reached all the same."""
    server = serve(edit=add("server {", "error_page 400 = /predict;"))
    reply = ask_once(server.port, b"POST /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert reply.status == 405

    def slow(metrics):
        buckets = metrics.buckets("http_request_duration_seconds", method="POST")
        return sum(buckets.values()) and buckets[float("inf")] - buckets[max(
            bound for bound in buckets if bound != float("inf"))]

    assert_counts(server, {("POST", "/health", "405"): 1})
    assert slow(scrape(server)) == 0


# ---- models ------------------------------------------------------------------------------------


def test_a_version_that_another_model_still_serves_stays_shown(serve, linked_model, second_version,
                                                               request_body):
    """Two names, one directory; then one of them gets another version."""
    first = linked_model.resolve()
    server = serve(MODEL_DIR=linked_model,
                   edit=add(HTTP, f'rowan_model steady "{first}";'))

    def shown(metrics):
        return metrics.by("ml_model_info", "model_version")

    assert set(shown(scrape(server))) == {("1.0.0",)}
    replace_link(linked_model, second_version)
    expected = Counter({("1.0.0",): 1, (SECOND_VERSION,): 1})
    assert settled(server, shown, expected) == expected


# ---- one process -------------------------------------------------------------------------------


def test_a_single_process_serves_on_after_a_reload_that_it_refuses(folder, request_body):
    """Nothing would start the new configuration: no models, and counters of the old one."""
    refused = 'a reload needs "master_process on"'
    server = Server(folder / "single", edit=lambda text: "master_process off;\n" + text)
    server.n_workers = 0
    server.forgives = lambda line: refused in line
    with server:
        assert server.predict(request_body).status_code == 200
        server.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: "reconfiguring" in server.log)
        assert server.predict(request_body).status_code == 200
        assert server.log.count(refused) == 1
        assert_counts(server, {("POST", PREDICT, "200"): 2})
