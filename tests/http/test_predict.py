"""POST /predict gives XGBoost's numbers, however the body arrives."""

import json
import socket
import subprocess
from datetime import datetime, timezone

import numpy
import pytest

from server import Server

JSON = {"Content-Type": "application/json"}


def same(reply, row):
    return numpy.float32(reply["fraud_probability"]) == numpy.float32(row["fraud_probability"])


def test_each_golden_row_gives_the_number_of_xgboost(server, golden):
    with server.client() as client:
        for row in golden:
            reply = client.post("/predict", json=row["request"])
            assert reply.status_code == 200, reply.text
            assert same(reply.json(), row), row
            assert reply.json()["transaction_id"] == row["request"]["transaction_id"]


def test_all_golden_rows_in_one_array(server, golden):
    reply = server.predict([row["request"] for row in golden])
    assert reply.status_code == 200
    assert len(reply.json()) == len(golden)
    assert all(same(one, row) for one, row in zip(reply.json(), golden))


def test_the_reply_has_the_fields_of_the_contract(server, golden):
    row = golden[0]
    before = datetime.now(timezone.utc).replace(microsecond=0)
    reply = server.predict(row["request"])
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    probability = body["fraud_probability"]
    assert body["model_version"] == "1.0.0"
    assert body["model_type"] == "XGBoost"
    assert body["risk_level"] == ("low" if probability < 0.3 else
                                  "medium" if probability < 0.7 else "high")
    # The library computes in float32; so does 1 - p.
    assert body["confidence_score"] == pytest.approx(max(probability, 1 - probability), abs=1e-6)
    assert before <= datetime.fromisoformat(body["prediction_time"])
    assert body["prediction_time"].endswith("Z")


# ---- how the body arrives -----------------------------------------------------------------

def chunks(data, size):
    for at in range(0, len(data), size):
        yield data[at:at + size]


@pytest.mark.parametrize("size", [1, 7, 100, 4096])
def test_chunked_bodies(server, golden, size):
    body = json.dumps(golden[1]["request"]).encode()
    reply = server.post("/predict", content=chunks(body, size), headers=JSON)
    assert reply.status_code == 200 and same(reply.json(), golden[1])


def test_a_large_chunked_array(server, golden):
    body = json.dumps([row["request"] for row in golden]).encode()
    reply = server.post("/predict", content=chunks(body, 10_000), headers=JSON)
    assert [same(one, row) for one, row in zip(reply.json(), golden)] == [True] * len(golden)


@pytest.fixture(scope="module")
def small_buffers(public_folder):
    """Bodies above 1 KB go through a temporary file."""
    with Server(public_folder / "small-buffers", BODY_BUFFER=1024) as running:
        yield running


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("n_rows", [1, 3, 10, 1000])
def test_bodies_in_temporary_files(small_buffers, golden, n_rows, chunked):
    body = json.dumps([row["request"] for row in golden[:n_rows]]).encode()
    content = chunks(body, 777) if chunked else body
    reply = small_buffers.post("/predict", content=content, headers=JSON)
    assert reply.status_code == 200
    assert [same(one, row) for one, row in zip(reply.json(), golden)] == [True] * n_rows


def test_a_body_that_trickles_in(server, golden):
    body = json.dumps(golden[2]["request"]).encode()
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head(len(body), "Connection: close"))
        for part in chunks(body, 40):
            connection.sendall(part)
        status, reply = read_reply(connection.makefile("rb"))
    assert status == 200 and same(reply, golden[2])


def test_expect_100_continue(server, golden, tmp_path):
    body = tmp_path / "body.json"
    body.write_text(json.dumps([row["request"] for row in golden[:20]]))
    done = subprocess.run(
        ["curl", "-sS", "-v", "-H", "Expect: 100-continue", "-H", "Content-Type: application/json",
         "--data-binary", f"@{body}", server.url + "/predict"], capture_output=True, text=True)
    assert "< HTTP/1.1 100 Continue" in done.stderr
    assert [same(one, row) for one, row in zip(json.loads(done.stdout), golden)] == [True] * 20


# ---- connections ----------------------------------------------------------------------------

def head(length, *more):
    lines = ["POST /predict HTTP/1.1", "Host: rowan", "Content-Type: application/json",
             f"Content-Length: {length}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_reply(stream):
    """Status and JSON of the next reply on the connection."""
    status = int(stream.readline().split()[1])
    length = None
    while (line := stream.readline().strip()):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, json.loads(stream.read(length))


def test_one_connection_serves_many_requests(server, golden):
    with server.connect() as connection, connection.makefile("rb") as stream:
        for row in golden[:200]:
            body = json.dumps(row["request"]).encode()
            connection.sendall(head(len(body)) + body)
            status, reply = read_reply(stream)
            assert status == 200 and same(reply, row)


def test_pipelined_requests_are_answered_in_order(server, golden):
    rows = golden[:64]
    bodies = [json.dumps(row["request"]).encode() for row in rows]
    with server.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(b"".join(head(len(body)) + body for body in bodies))
        for row in rows:
            status, reply = read_reply(stream)
            assert status == 200 and same(reply, row)
            assert reply["transaction_id"] == row["request"]["transaction_id"]


def test_a_refused_body_leaves_the_connection_usable(server, golden):
    with server.connect() as connection, connection.makefile("rb") as stream:
        for body, expected in ((b"{", 422), (json.dumps(golden[0]["request"]).encode(), 200)):
            connection.sendall(head(len(body)) + body)
            assert read_reply(stream)[0] == expected


def test_clients_that_leave_early_do_no_harm(server, golden):
    body = json.dumps(golden[0]["request"]).encode()
    for sent in range(0, len(body), 20):
        with server.connect() as connection:
            connection.sendall(head(len(body)) + body[:sent])
    assert server.predict(golden[0]["request"]).status_code == 200
    assert not server.crashes()
