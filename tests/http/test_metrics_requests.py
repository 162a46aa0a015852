"""Every request is counted once, with the status that its client saw."""

import json
import os
import signal
import ssl
import subprocess
from collections import Counter

import h2.config
import h2.connection
import h2.errors
import pytest

from scrape import assert_counts, scrape
from server import eventually
from wire import Connection, ask_once, head, post

PREDICT = "/predict"
HTTP = "http {"
LOCATION = "location = /predict {"


def add(where, text):
    """An edit of nginx.conf that adds text after a place."""
    def edit(configuration):
        assert configuration.count(where) == 1
        return configuration.replace(where, f"{where} {text}")
    return edit


def edits(*changes):
    def edit(configuration):
        for change in changes:
            configuration = change(configuration)
        return configuration
    return edit


def access_log(path):
    return {"ROWAN_ACCESS_LOG": "json", "ROWAN_ACCESS_LOG_FILE": path}


def logged(path):
    """Statuses of the access log."""
    lines = path.read_text(errors="replace").splitlines()  # nginx copies what it was sent
    return Counter(json.loads(line)["status"] for line in lines)


def failures(metrics):
    return metrics.by("ml_model_failed_predictions_total", "failure_reason")


def assert_failures(server, expected):
    expected = Counter({(reason,): count for reason, count in expected.items()})
    assert_counts(server, expected, failures)


# ---- statuses that handlers give ------------------------------------------------------------


def test_answers_and_refusals_of_predict(serve, request_body):
    server = serve()
    sent = Counter()

    def expect(status, data, method="POST", has_body=True):
        assert ask_once(server.port, data, has_body).status == status
        sent[method, PREDICT, str(status)] += 1

    for _ in range(3):
        expect(200, post(request_body))
    expect(200, post([request_body] * 5))
    expect(422, post(b"{"))
    expect(422, post(b""))
    expect(422, post({**request_body, "tx_amount": -1}))
    expect(415, post(b"{}").replace(b"application/json", b"text/plain"))
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        expect(405, head(method, PREDICT), method, has_body=method != "HEAD")
    expect(405, head("TRACE", PREDICT), "TRACE")
    expect(405, head("PROPFIND", PREDICT), "other")
    expect(405, head("BREW", PREDICT), "other")

    assert_counts(server, sent)
    assert_failures(server, {"invalid_json": 2, "contract_violation": 1, "media_type": 1,
                             "method": 9})
    metrics = scrape(server)
    assert metrics.by("http_errors_total", "status_code") == {("405",): 9, ("415",): 1,
                                                              ("422",): 3}
    assert metrics.total("http_requests_refused_total") == 0
    assert metrics.total("ml_model_errors_total") == 0


@pytest.mark.parametrize("path", ["/", "/health", "/livez", "/readyz", "/openapi.json"])
def test_other_endpoints(serve, path):
    server = serve()
    assert ask_once(server.port, head("GET", path)).status == 200
    assert ask_once(server.port, head("HEAD", path), has_body=False).status == 200
    assert ask_once(server.port, head("DELETE", path)).status == 405
    assert_counts(server, {("GET", path, "200"): 1, ("HEAD", path, "200"): 1,
                           ("DELETE", path, "405"): 1})
    assert scrape(server).total("ml_model_failed_predictions_total") == 0


def test_unknown_paths_are_one_label_value(serve):
    server = serve()
    for number in range(20):
        assert ask_once(server.port, head("GET", f"/nothing/{number}")).status == 404
    assert ask_once(server.port, head("GET", "/.error")).status == 404
    assert ask_once(server.port, head("POST", "/health/")).status == 404
    assert ask_once(server.port, head("GET", "/docs")).status == 200
    assert_counts(server, {("GET", "other", "404"): 21, ("POST", "other", "404"): 1,
                           ("GET", "other", "200"): 1})


def test_the_page_behind_the_index_is_one_request(serve):
    server = serve()
    reply = ask_once(server.port, head("GET", "/", Accept="text/html"))
    assert reply.status == 200 and b"<title>" in reply.body
    assert_counts(server, {("GET", "/", "200"): 1})


def test_paths_that_are_written_differently_are_one_endpoint(serve, request_body):
    server = serve()
    for path in ("/predict?explain=1", "//predict", "/%70redict", "/x/../predict"):
        assert ask_once(server.port, post(request_body, path)).status == 200
    assert_counts(server, {("POST", PREDICT, "200"): 4})


def test_scrapes_are_counted_too(serve):
    server = serve()
    seen = [scrape(server).total("http_requests_total", endpoint="/metrics") for _ in range(3)]
    assert eventually(lambda: scrape(server).total(
        "http_requests_total", endpoint="/metrics", method="GET", status_code="200") >= 3)
    assert seen == sorted(seen)


# ---- statuses that nginx gives before any handler of ours runs ------------------------------


def test_bodies_that_are_too_large(serve, request_body):
    server = serve(BODY_MAX="2k")
    body = json.dumps([request_body] * 20).encode()
    assert ask_once(server.port, post(body)).status == 413
    chunked = head(Content_Type="application/json", Transfer_Encoding="chunked")
    with Connection(server.port) as client:
        assert client.ask(chunked + b"1000\r\n" + body[:4096]).status == 413
    with Connection(server.port) as client:
        assert client.ask(head(Content_Length="100000000")).status == 413
    assert ask_once(server.port, post(body, "/nothing")).status == 413
    assert_counts(server, {("POST", PREDICT, "413"): 3, ("POST", "other", "413"): 1})
    assert_failures(server, {"too_large": 3})


def test_lines_and_fields_that_are_too_long(serve):
    server = serve()
    assert ask_once(server.port, head("POST", "/predict?" + 9000 * "x")).status == 414
    assert ask_once(server.port, head("GET", "/" + 9000 * "x")).status == 414
    assert ask_once(server.port, head("POST", PREDICT, X=9000 * "x")).status == 431
    assert ask_once(server.port, head("PUT", "/health", X=9000 * "x")).status == 431
    assert_counts(server, {("POST", "other", "414"): 1, ("GET", "other", "414"): 1,
                           ("POST", PREDICT, "431"): 1, ("PUT", "/health", "431"): 1})
    assert_failures(server, {"too_large": 1})


BROKEN = {
    b"nonsense\r\n\r\n": ("other", "other", 400),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n": ("other", "other", 400),
    b"GET \xff\x00 HTTP/1.1\r\n\r\n": ("GET", "other", 400),
    b"POST /predict HTTP/1.1\r\n\r\n": ("POST", "/predict", 400),
    b"GET /health?x HTTP/1.1\r\n\r\n": ("GET", "/health", 400),
    head(Content_Length="x"): ("POST", "/predict", 400),
    head(Content_Length="5").replace(b"\r\n\r\n", b"\r\nContent-Length: 6\r\n\r\n"):
        ("POST", "/predict", 400),
    head("GET", "/%zz"): ("GET", "other", 400),
    head("GET", "/../.."): ("GET", "other", 400),
    head("PUT", "/livez").replace(b"HTTP/1.1", b"HTTP/9.1"): ("PUT", "other", 505),
    head(Transfer_Encoding="gzip"): ("POST", "/predict", 501),
    head("CONNECT", "/predict"): ("CONNECT", "/predict", 405),
}


def test_requests_that_are_no_http(serve, folder):
    log = folder / "access.log"
    server = serve(**access_log(log))
    expected = Counter()
    for data, (method, endpoint, status) in BROKEN.items():
        with Connection(server.port) as client:
            assert client.ask(data).status == status, data
        expected[method, endpoint, str(status)] += 1
    assert_counts(server, expected)
    statuses = Counter(status for _, _, status in BROKEN.values())
    assert {status: count for status, count in logged(log).items() if status >= 400} == statuses


def test_plain_http_on_a_port_of_tls(serve, certificate):
    server = serve(**certificate)
    assert ask_once(server.port, head("GET", "/health")).status == 400
    assert_counts(server, {("GET", "/health", "400"): 1})


# ---- limits ---------------------------------------------------------------------------------


def test_requests_beyond_a_rate(serve, request_body):
    server = serve(edit=edits(
        add(HTTP, "limit_req_zone $binary_remote_addr zone=rate:1m rate=1r/m;"),
        add(LOCATION, "limit_req zone=rate burst=2 nodelay; limit_req_status 429;")))
    with Connection(server.port) as client:
        statuses = [client.ask(post(request_body)).status for _ in range(10)]
    assert statuses == 3 * [200] + 7 * [429]
    assert_counts(server, {("POST", PREDICT, "200"): 3, ("POST", PREDICT, "429"): 7})
    assert_failures(server, {"rate_limited": 7})
    assert scrape(server).by("http_requests_refused_total", "reason") == {("rate_limit",): 7}


def test_connections_beyond_a_limit(serve, request_body):
    server = serve(edit=edits(
        add(HTTP, "limit_conn_zone $binary_remote_addr zone=connections:1m;"),
        add(LOCATION, "limit_conn connections 1; limit_conn_status 429;")))
    with Connection(server.port) as first:
        first.send(post(request_body)[:-1])
        eventually(lambda: scrape(server).total("ml_model_active_requests") == 1)
        assert ask_once(server.port, post(request_body)).status == 429
        assert first.ask(post(request_body)[-1:]).status == 200
    assert_counts(server, {("POST", PREDICT, "200"): 1, ("POST", PREDICT, "429"): 1})
    assert_failures(server, {"rate_limited": 1})
    assert scrape(server).by("http_requests_refused_total", "reason") == {
        ("connection_limit",): 1}


# ---- no model -------------------------------------------------------------------------------


def test_requests_without_a_model(serve, folder, request_body):
    server = serve(MODEL_DIR=folder / "nothing", MODEL_OPTIONAL=1)
    for _ in range(4):
        assert ask_once(server.port, post(request_body)).status == 503
    assert ask_once(server.port, head("GET", "/readyz")).status == 503
    assert_counts(server, {("POST", PREDICT, "503"): 4, ("GET", "/readyz", "503"): 1})
    assert_failures(server, {"no_model": 4})
    metrics = scrape(server)
    assert metrics.by("ml_model_errors_total", "error_type") == {("model_missing",): 4}
    assert not metrics.by("ml_model_loads_total", "outcome"), "an absent directory is no bad one"
    assert metrics.total("ml_model_info") == metrics.total("ml_model_memory_usage_bytes") == 0


def test_names_of_no_model(serve, request_body):
    server = serve(edit=lambda text: text.replace("rowan_predict fraud;",
                                                  "rowan_predict $arg_model;"))
    assert ask_once(server.port, post(request_body, "/predict?model=fraud")).status == 200
    assert ask_once(server.port, post(request_body, "/predict?model=other")).status == 404
    assert_counts(server, {("POST", PREDICT, "200"): 1, ("POST", PREDICT, "404"): 1})
    assert_failures(server, {"unknown_model": 1})


# ---- clients that leave, and slow ones ------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_clients_that_leave_are_499_in_metrics_and_in_the_access_log(serve, folder, request_body,
                                                                     reset):
    log = folder / "access.log"
    server = serve(**access_log(log))
    whole = post(request_body)
    chunked = head(Content_Type="application/json", Transfer_Encoding="chunked")
    for sent in (whole[:-1], whole[:-len(request_body)], head(Content_Length="5"),
                 chunked + b"10\r\n{", head(Content_Length="5", Expect="100-continue")):
        for _ in range(5):
            client = Connection(server.port).send(sent)
            eventually(lambda: scrape(server).total("http_requests_in_progress") == 2)
            client.leave(reset)
    for sent in (whole[:20], b"GET /health HTTP/1.1\r\nHost: x\r\n"):
        Connection(server.port).send(sent).leave(reset)
    assert_counts(server, {("POST", PREDICT, "499"): 25, ("POST", "other", "499"): 1,
                           ("GET", "/health", "499"): 1})
    assert_failures(server, {"client_left": 25})
    assert logged(log)[499] == 27 and logged(log)[400] == 0


def test_clients_that_leave_before_their_answer(serve, folder, request_body):
    """A request that waits for its turn: nginx sees its client leave."""
    log = folder / "access.log"
    server = serve(**access_log(log), edit=edits(
        add(HTTP, "limit_req_zone $binary_remote_addr zone=rate:1m rate=1r/m;"),
        add(LOCATION, "limit_req zone=rate burst=100;")))
    assert ask_once(server.port, post(request_body)).status == 200
    for _ in range(10):
        client = Connection(server.port).send(post(request_body))
        eventually(lambda: scrape(server).total("http_requests_in_progress") == 2)
        client.leave()
    assert_counts(server, {("POST", PREDICT, "200"): 1, ("POST", PREDICT, "499"): 10})
    assert logged(log)[499] == 10


def test_clients_that_leave_while_their_answer_is_made(serve, folder, request_body):
    """The worker finds request and end of the connection at once; its answer cannot be sent."""
    log = folder / "access.log"
    server = serve(**access_log(log), WORKERS=1)
    assert ask_once(server.port, head("GET", "/livez")).status == 200
    worker, = server.workers()
    os.kill(worker, signal.SIGSTOP)
    for _ in range(10):
        Connection(server.port).send(post(request_body)).leave(reset=True)
    os.kill(worker, signal.SIGCONT)
    assert_counts(server, {("GET", "/livez", "200"): 1, ("POST", PREDICT, "499"): 10})
    assert logged(log)[499] == 10


def test_requests_that_an_ending_worker_cuts_are_444(serve, folder, request_body):
    log = folder / "access.log"
    server = serve(**access_log(log), edit=lambda text: text.replace(
        "worker_shutdown_timeout 10s", "worker_shutdown_timeout 200ms"))
    clients = [Connection(server.port).send(post(request_body)[:-1]) for _ in range(5)]
    assert eventually(lambda: scrape(server).total("ml_model_active_requests") == 5)
    server.reload()
    for client in clients:
        client.wait_for_end()
    assert_counts(server, {("POST", PREDICT, "444"): 5})
    assert_failures(server, {"internal": 5})
    assert logged(log)[444] == 5


def test_an_error_for_a_client_that_has_left_stays_that_error(serve):
    """Nonsense is the client's fault, whether it waits for the reply or not."""
    server = serve()
    for _ in range(10):
        Connection(server.port).send(b"nonsense\r\n\r\n").leave(reset=True)
    assert_counts(server, {("other", "other", "400"): 10})


def test_connections_without_a_request_are_no_requests(serve):
    server = serve()
    for reset in (False, True):
        Connection(server.port).leave(reset)
    assert ask_once(server.port, head("GET", "/livez")).status == 200
    assert_counts(server, {("GET", "/livez", "200"): 1})


def test_slow_clients_are_408(serve, folder, request_body):
    log = folder / "access.log"
    server = serve(**access_log(log), edit=lambda text: text.replace(
        "client_header_timeout       10s", "client_header_timeout 200ms").replace(
        "client_body_timeout         10s", "client_body_timeout 200ms"))
    Connection(server.port).send(post(request_body)[:-1]).wait_for_end()
    Connection(server.port).send(b"POST /predict HTTP/1.1\r\nHost:").wait_for_end()
    Connection(server.port).send(b"POST /pre").wait_for_end()
    assert_counts(server, {("POST", PREDICT, "408"): 2, ("POST", "other", "408"): 1})
    assert_failures(server, {"slow_client": 2})
    assert logged(log)[408] == 3


def test_gauges_are_back_at_zero_after_hundreds_of_aborted_connections(serve, request_body):
    server = serve()
    whole = post(request_body)
    large = post([request_body] * 2000)
    cuts = [whole[:25], whole[:-10], large[:5000], large[:100_000], whole, large]
    for number in range(300):
        client = Connection(server.port).send(cuts[number % len(cuts)])
        if number % 7 == 0:
            eventually(lambda: scrape(server).total("http_requests_in_progress") >= 1)
        client.leave(reset=number % 2 == 0)
    assert eventually(lambda: scrape(server).total("http_requests_total",
                                                   endpoint=PREDICT) == 300)
    metrics = scrape(server)
    assert metrics.total("ml_model_active_requests") == 0
    assert eventually(lambda: scrape(server).total("http_requests_in_progress") == 1)  # itself
    assert {status for _, _, status in metrics.requests()} <= {"200", "499"}


def test_gauges_show_what_is_in_progress(serve, request_body):
    server = serve()
    clients = [Connection(server.port).send(post(request_body)[:-1]) for _ in range(20)]
    assert eventually(lambda: scrape(server).total("ml_model_active_requests") == 20)
    assert eventually(lambda: scrape(server).total("http_requests_in_progress") == 21)
    for client in clients:
        assert client.ask(post(request_body)[-1:]).status == 200
        client.leave()
    assert eventually(lambda: scrape(server).total("ml_model_active_requests") == 0)


# ---- ways to send requests ------------------------------------------------------------------


def test_pipelined_requests(serve, request_body):
    server = serve()
    with Connection(server.port) as client:
        client.send(50 * (post(request_body) + head("GET", "/livez") + head("GET", "/nothing")))
        statuses = Counter(client.read().status for _ in range(150))
    assert statuses == {200: 100, 404: 50}
    assert_counts(server, {("POST", PREDICT, "200"): 50, ("GET", "/livez", "200"): 50,
                           ("GET", "other", "404"): 50})


def test_http_1_0_and_closed_connections(serve, request_body):
    server = serve()
    assert ask_once(server.port, post(request_body).replace(b"HTTP/1.1", b"HTTP/1.0")).status == 200
    assert ask_once(server.port, post(request_body, Connection="close")).status == 200
    with Connection(server.port) as client:
        client.send(b"GET /livez\r\n")
        client.wait_for_end()
    assert_counts(server, {("POST", PREDICT, "200"): 2, ("GET", "/livez", "200"): 1})


def test_faults_of_predictions_are_there_from_the_start(serve):
    """Of a series that begins with its first fault, Prometheus sees no increase."""
    server = serve(WORKERS=1)
    metrics = scrape(server)
    for status in ("500", "503"):
        labels = {("method", "POST"), ("endpoint", PREDICT), ("status_code", status)}
        assert metrics.series("http_requests_total", status_code=status) == {frozenset(labels): 0}
        assert metrics.series("http_errors_total")[frozenset({("status_code", status)})] == 0


@pytest.fixture(scope="session")
def certificate(public_folder):
    paths = {"TLS_CERTIFICATE": public_folder / "metrics.crt",
             "TLS_KEY": public_folder / "metrics.key"}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-out", paths["TLS_CERTIFICATE"], "-keyout", paths["TLS_KEY"]],
                   check=True, capture_output=True)
    return paths


def test_http_2(serve, certificate, request_body):
    server = serve(**certificate)
    with server.client(http2=True) as client:
        for _ in range(10):
            assert client.post(PREDICT, json=request_body).status_code == 200
        assert client.post(PREDICT, content=b"{").status_code == 422
        assert client.get("/nothing").status_code == 404
        assert client.put(PREDICT).status_code == 405
        reply = client.get("/livez")
        assert reply.http_version == "HTTP/2"
    assert_counts(server, {("POST", PREDICT, "200"): 10, ("POST", PREDICT, "422"): 1,
                           ("GET", "other", "404"): 1, ("PUT", PREDICT, "405"): 1,
                           ("GET", "/livez", "200"): 1})


class Http2:
    """A connection whose streams a test can cut."""

    def __init__(self, server):
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(server.connect())
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration())
        self.connection.initiate_connection()

    def start_body(self):
        stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(stream, [
            (":method", "POST"), (":path", PREDICT), (":scheme", "https"), (":authority", "test"),
            ("content-type", "application/json"), ("content-length", "100")])
        self.connection.send_data(stream, b"{")
        self.flush()
        return stream

    def cancel(self, stream):
        self.connection.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self.flush()

    def flush(self):
        self.socket.sendall(self.connection.data_to_send())


def test_streams_that_are_cancelled_and_connections_that_are_lost(serve, certificate):
    server = serve(**certificate)
    connection = Http2(server)
    streams = [connection.start_body() for _ in range(8)]
    assert eventually(lambda: scrape(server).total("ml_model_active_requests") == 8)
    for stream in streams[:5]:
        connection.cancel(stream)
    assert eventually(lambda: scrape(server).total("ml_model_active_requests") == 3)
    connection.socket.close()
    assert_counts(server, {("POST", PREDICT, "499"): 8})
    assert_failures(server, {"client_left": 8})
    assert scrape(server).total("ml_model_active_requests") == 0


def test_durations_have_one_observation_a_request(serve, request_body):
    server = serve()
    for data in (post(request_body), post(b"{"), head("GET", "/nothing"), b"nonsense\r\n\r\n"):
        for _ in range(3):
            ask_once(server.port, data)
    assert_counts(server, {("POST", PREDICT, "200"): 3, ("POST", PREDICT, "422"): 3,
                           ("GET", "other", "404"): 3, ("other", "other", "400"): 3})
    metrics = scrape(server)
    names = ("method", "endpoint")
    counts = metrics.by("http_request_duration_seconds_count", *names)
    requests = metrics.by("http_requests_total", *names)
    assert counts == requests
    assert all(metrics.total("http_request_duration_seconds_sum", method=method,
                             endpoint=endpoint) > 0
               for method, endpoint in counts if (method, endpoint) != ("other", "other"))
