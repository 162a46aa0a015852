"""The access log: one line of JSON a request, whatever the request was."""

import json
import re
import signal
import socket
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy
import pytest

from access_log import lines, parse
from server import Server, eventually

FIELDS = {"time", "request_id", "client", "address", "priority", "method", "path", "status",
          "refused", "transaction_id", "transactions", "fraud_probability", "decision",
          "processing_time_ms", "seconds", "bytes", "model", "model_version", "replica_id"}
HOSTILE = bytes(range(1, 256)).replace(b"\n", b"").replace(b"\r", b"")


@pytest.fixture
def log(folder):
    return folder / "access.log"


@pytest.fixture
def logged(serve, log):
    """One worker: lines come in the order of the requests."""
    return serve(ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=log, WORKERS=1)


def send(server, data):
    """Bytes as they are; waits until the server closes."""
    with server.connect() as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        try:
            while connection.recv(65536):
                pass
        except ConnectionResetError:
            pass


# ---- what a line says ------------------------------------------------------------------------


def test_a_prediction_is_a_line_with_its_numbers(logged, log, golden):
    row = golden[0]
    reply = logged.predict(row["request"])
    line, = lines(log, 1)
    assert set(line) == FIELDS
    assert line["transaction_id"] == row["request"]["transaction_id"]
    assert numpy.float32(line["fraud_probability"]) == numpy.float32(row["fraud_probability"])
    assert line["decision"] == ("fraud" if row["fraud_probability"] >= 0.5 else "legitimate")
    assert (line["model"], line["model_version"]) == ("fraud", reply.json()["model_version"])
    assert (line["method"], line["path"], line["status"]) == ("POST", "/predict", 200)
    assert line["transactions"] == 1 and line["refused"] is None
    assert line["client"] == line["address"] == "127.0.0.1"
    assert line["priority"] == "normal"
    assert 0 < line["processing_time_ms"] and 0 <= line["seconds"]
    assert line["bytes"] > len(reply.content)
    assert re.fullmatch("[0-9a-f]{32}", line["request_id"])
    assert line["replica_id"] == socket.gethostname()
    age = datetime.now(timezone.utc) - datetime.fromisoformat(line["time"])
    assert abs(age) < timedelta(minutes=2)


def test_an_array_has_its_first_id_and_its_length(logged, log, golden):
    logged.predict([row["request"] for row in golden[:7]])
    logged.predict([])
    array, empty = lines(log, 2)
    assert array["transaction_id"] == golden[0]["request"]["transaction_id"]
    assert array["transactions"] == 7
    assert empty["transaction_id"] is None and empty["fraud_probability"] is None


def test_what_was_not_predicted_is_null(logged, log):
    logged.predict({})
    logged.get("/health")
    logged.get("/nowhere")
    refused, health, nowhere = lines(log, 3)
    assert [line["status"] for line in (refused, health, nowhere)] == [422, 200, 404]
    for line in (refused, health, nowhere):
        for name in ("transaction_id", "transactions", "fraud_probability", "decision"):
            assert line[name] is None
    assert health["model"] is None and health["processing_time_ms"] is None


def test_replica_id_is_what_it_is_told(serve, log):
    serve(ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=log, REPLICA_ID="pod-7.a").get("/livez")
    assert lines(log, 1)[0]["replica_id"] == "pod-7.a"


def test_the_method_and_path_are_those_of_the_client(logged, log):
    with logged.client() as client:
        client.request("DELETE", "/predict")
        client.request("HEAD", "/nowhere")
        client.request("BREW", "/health")
    assert [(line["method"], line["path"]) for line in lines(log, 3)] == [
        ("DELETE", "/predict"), ("HEAD", "/nowhere"), ("BREW", "/health")]


def test_neither_query_nor_headers_nor_card_data_are_logged(logged, log, request_body):
    body = {**request_body, "tx_amount": 987654.25, "customer_id": 555444333}
    logged.post("/predict?key=in-the-query&explain=1", json=body,
                headers={"X-API-Key": "in-a-header", "Authorization": "Bearer in-a-header",
                         "Cookie": "in-a-header", "User-Agent": "in-a-header"})
    lines(log, 1)
    text = log.read_text()
    for secret in ("in-the-query", "in-a-header", "987654", "555444333"):
        assert secret not in text and secret not in logged.log


# ---- hostile bytes ---------------------------------------------------------------------------

REQUESTS = {
    "no HTTP": b"NONSENSE\r\n\r\n",
    "every byte": HOSTILE + b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + HOSTILE,
    "every byte as a path": b"GET /" + HOSTILE.replace(b" ", b"") +
                            b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "every byte, escaped": b"GET /" + b"".join(b"%%%02x" % byte for byte in range(1, 256)) +
                           b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes that are no UTF-8": b"GET /\xff\xc0\xaf\xed\xa0\x80\xf8\x88 HTTP/1.1\r\nHost: a\r\n\r\n",
    "cut UTF-8": b"GET /" + b"\xe2\x82 HTTP/1.1\r\nHost: a\r\n\r\n",
    "quotes": b'GET /"\\"},{"a":" HTTP/1.1\r\nHost: a\r\n\r\n',
    "no Host": b"GET /x?secret HTTP/1.1\r\n\r\n",
    "a hostile Host": b"GET / HTTP/1.1\r\nHost: " + HOSTILE + b"\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n",
    "HTTP/9": b"GET / HTTP/9.9\r\n\r\n",
    "a long path": b"GET /" + b"\xc3\xa9" * 3000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "too long a path": b"GET /" + b"\xe2\x82\xac" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "too long a header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"\xff" * 20000 + b"\r\n\r\n",
    "an absolute URI": b"GET http://a/\xff?secret HTTP/1.1\r\nHost: a\r\n\r\n",
    "a length that is none": b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    "half a header": b"GET /livez HTTP/1.1\r\nHos",
    "half a body": b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_hostile_requests_are_valid_lines(logged, log, name):
    send(logged, REQUESTS[name])
    line, = lines(log, 1)
    assert set(line) == FIELDS
    assert (line["client"], line["priority"]) == ("127.0.0.1", "normal")
    assert "secret" not in log.read_text(errors="replace")


def test_hostile_ids_are_valid_lines(logged, log, request_body):
    ids = ['"},{"', "\u0000\u0001\u007f", "\U0001f4a5" * 200, "\u20ac" * 500, "x" * 100_000, "é"]
    for number, transaction in enumerate(ids):
        reply = logged.predict({**request_body, "transaction_id": transaction})
        assert reply.status_code == 200, number
    for line, transaction in zip(lines(log, len(ids)), ids, strict=True):
        kept = line["transaction_id"].rstrip("\ufffd")
        assert kept and transaction.startswith(kept)
        assert kept == transaction or len(kept.encode()) >= 250
    assert len(log.read_bytes()) < 10_000, "a client cannot fill the log with one id"


# ---- how much is logged ----------------------------------------------------------------------


def test_without_the_setting_nothing_is_logged(serve):
    running = serve()
    running.get("/livez")
    assert "access_log off;" in running.configuration.read_text()


def test_a_sample_keeps_every_error_and_its_share_of_the_rest(serve, log):
    """The share comes from random request ids: 4000 of them give 400 within 8 sigma."""
    running = serve(ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=log,
                    ROWAN_ACCESS_LOG_SAMPLE="0.1")
    with running.client() as client:
        for number in range(4000):
            client.get("/livez")
            if number % 40 == 0:
                client.get("/nowhere")
        client.post("/predict", json={})
    eventually(lambda: b'"status":422' in log.read_bytes())
    seen = [parse(line) for line in log.read_bytes().splitlines()]
    assert sum(line["status"] == 404 for line in seen) == 100
    assert sum(line["status"] == 422 for line in seen) == 1
    assert abs(sum(line["status"] == 200 for line in seen) - 400) < 8 * (4000 * 0.1 * 0.9) ** 0.5


def test_a_sample_of_none_keeps_errors_alone(serve, log):
    running = serve(ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=log,
                    ROWAN_ACCESS_LOG_SAMPLE="0", WORKERS=1)
    with running.client() as client:
        for path in ("/livez", "/nowhere", "/livez", "/predict", "/docs/"):
            client.get(path)
    assert [line["status"] for line in lines(log, 2)] == [404, 405]


def test_lines_go_to_standard_output_by_default(folder):
    printed = folder / "printed"
    running = Server(folder / "stdout", ROWAN_ACCESS_LOG="json")
    with open(printed, "wb") as output:
        running.start(stdout=output)
    try:
        running.get("/livez")
        assert lines(printed, 1)[0]["path"] == "/livez"
    finally:
        running.stop()


# ---- when the log cannot be written ----------------------------------------------------------


def test_a_full_disk_takes_no_request_down(serve, golden):
    running = serve(ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE="/dev/full")
    running.forgives = lambda line: "No space left on device" in line
    with running.client() as client:
        for row in golden[:50]:
            assert client.post("/predict", json=row["request"]).status_code == 200
    assert eventually(lambda: "No space left on device" in running.log)
    assert not running.crashes()


def test_a_log_that_was_moved_is_opened_again_on_a_signal(serve, log):
    running = serve(ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=log)
    running.get("/livez")
    lines(log, 1)
    moved = log.rename(log.with_name("moved.log"))
    running.get("/readyz")
    assert lines(moved, 2)[1]["path"] == "/readyz"
    running.process.send_signal(signal.SIGUSR1)
    assert eventually(log.exists)

    def all_workers_write_there():
        before = len(moved.read_bytes())
        for _ in range(20):
            assert running.get("/health").status_code == 200
        return len(moved.read_bytes()) == before

    assert eventually(all_workers_write_there)
    assert log.stat().st_size > 0


def test_a_log_that_cannot_be_opened_again_takes_no_request_down(folder, serve):
    place = folder / "logs"
    place.mkdir()
    running = serve(ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=place / "access.log")
    running.forgives = lambda line: "No such file or directory" in line
    running.get("/livez")
    place.rename(folder / "gone")
    running.process.send_signal(signal.SIGUSR1)
    assert eventually(lambda: "No such file or directory" in running.log)
    for _ in range(20):
        assert running.get("/livez").status_code == 200
    assert len(lines(folder / "gone" / "access.log", 21)) == 21


# ---- the variables for a format of one's own -------------------------------------------------


def test_any_variable_can_be_a_value_of_json(folder):
    log = folder / "own.log"

    def edit(text):
        return text.replace("access_log off;", f"""
    log_format own escape=none '{{"agent":$rowan_string_http_user_agent'
        ',"length":$rowan_number_content_length,"no_number":$rowan_number_http_user_agent'
        ',"given":$rowan_number_http_x_number}}';
    access_log "{log}" own;""")

    numbers = {"0": 0, "-1.5e+3": -1500.0, "1E400": float("inf"), "01": None, "1.": None,
               ".5": None, "NaN": None, "+1": None, "1e": None, "--1": None, "0x1": None, "-": None}
    with Server(folder / "own", edit=edit, WORKERS=1) as running:
        for text in numbers:
            running.get("/livez", headers={"User-Agent": 'a"b', "X-Number": text})
        seen = [line for line in lines(log, len(numbers))]
    assert [line["given"] for line in seen] == list(numbers.values())
    assert {line["agent"] for line in seen} == {'a"b'}
    assert {line["no_number"] for line in seen} == {line["length"] for line in seen} == {None}


# ---- LOG_LEVEL -------------------------------------------------------------------------------


@pytest.mark.parametrize("level, notices", [("debug", True), ("info", True), ("WARNING", False),
                                            ("error", False), ("critical", False)])
def test_the_level_of_the_error_log(serve, level, notices):
    running = serve(LOG_LEVEL=level)
    running.get("/livez")
    assert ("[notice]" in running.log) == notices
    assert ("[warn]" in running.log) == (level in ("debug", "info", "WARNING"))


def test_every_level_is_documented():
    root = Path(__file__).resolve().parents[2]
    rows = [line.split() for line in (root / "conf/log-levels").read_text().splitlines()
            if line and not line.startswith("#")]
    documented = (root / "docs/logging.md").read_text()
    for name, nginx, _ in rows:
        assert f"`{name}`" in documented and f"`{nginx}`" in documented
