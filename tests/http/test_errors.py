"""Every refusal is JSON with the right status, nginx's own ones too."""

import json

import pytest

from test_predict import JSON, chunks, read_reply


def assert_refused(reply, status):
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["detail"]


def test_a_violated_contract_lists_every_field(server):
    reply = server.predict({"transaction_id": 5, "customer_id": -1, "terminal_id": "x",
                            "tx_amount": 0})
    assert_refused(reply, 422)
    assert {tuple(violation["loc"]) for violation in reply.json()["detail"]} == {
        ("body", name) for name in ("transaction_id", "customer_id", "terminal_id", "tx_amount",
                                    "tx_time_seconds")}
    assert all(set(violation) >= {"loc", "msg", "type"} for violation in reply.json()["detail"])


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"\xff\xfe", b"[" * 10_000])
def test_broken_json(server, body):
    assert_refused(server.post("/predict", content=body, headers=JSON), 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded",
                                  "application/jsonp", "application/xml", "json"])
def test_other_media_types(server, request_body, kind):
    reply = server.post("/predict", content=json.dumps(request_body),
                        headers={"Content-Type": kind})
    assert_refused(reply, 415)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON",
                                  "application/problem+json", "application/json ;x=y", None])
def test_media_types_that_are_json(server, request_body, kind):
    reply = server.post("/predict", content=json.dumps(request_body).encode(),
                        headers={"Content-Type": kind} if kind else {})
    assert reply.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_predict_is_post_only(server, method):
    with server.client() as client:
        reply = client.request(method, "/predict")
    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST"
    if method != "HEAD":
        assert_refused(reply, 405)


@pytest.mark.parametrize("path", ["/", "/health", "/livez", "/readyz", "/openapi.json"])
def test_the_others_are_get_and_head(server, path):
    reply = server.post(path, json={})
    assert_refused(reply, 405)
    assert reply.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/nothing", "/predict/", "/docs/nothing.js", "/.error",
                                  "/live/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"])
def test_unknown_paths(server, path):
    reply = server.get(path)
    assert reply.status_code in (400, 404)
    assert reply.json()["detail"]


def test_too_large(serve, request_body):
    running = serve(BODY_MAX="2k")
    body = json.dumps([request_body] * 20).encode()
    assert_refused(running.post("/predict", content=body, headers=JSON), 413)
    with running.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: rowan\r\n"
                           b"Content-Type: application/json\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n1000\r\n" + body[:4096])
        status, reply = read_reply(stream)
    assert status == 413 and reply["detail"]
    assert running.predict(request_body).status_code == 200


def test_an_array_above_the_limit(server, request_body):
    small = {name: request_body[name] for name in (
        "transaction_id", "customer_id", "terminal_id", "tx_amount", "tx_time_seconds")}
    assert server.predict([small] * 10_000).status_code == 200
    assert_refused(server.predict([small] * 10_001), 422)


def ask(server, text):
    with server.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(text)
        return read_reply(stream)


@pytest.mark.parametrize("text, status", [
    (b"GET /health HTTP/1.1\r\n\r\n", 400),                           # no Host
    (b"NONSENSE\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n", 400),                     # request smuggling
    (b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    (b"GET /health HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    (b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
], ids=lambda value: value if isinstance(value, int) else value[:24].decode())
def test_requests_that_nginx_refuses_itself(server, text, status):
    seen, reply = ask(server, text)
    assert seen == status
    assert set(reply) == {"detail"} and isinstance(reply["detail"], str)


def test_an_unfinished_chunk_is_not_scored(server, request_body):
    body = json.dumps(request_body).encode()
    reply = server.post("/predict", content=chunks(body[:-1], 64), headers=JSON)
    assert_refused(reply, 422)
