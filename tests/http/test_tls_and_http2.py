"""TLS and HTTP/2 by configuration alone."""

import asyncio
import json
import ssl
import subprocess

import httpx
import numpy
import pytest

from server import Server
from wire import Connection


@pytest.fixture(scope="module")
def tls(public_folder, certificate):
    with Server(public_folder / "tls", TLS_CERTIFICATE=certificate[0],
                TLS_KEY=certificate[1]) as running:
        yield running


@pytest.fixture
def trust(certificate):
    return ssl.create_default_context(cafile=certificate[0])


def assert_golden(reply: dict, row: dict) -> None:
    got, expected = (numpy.float32(value["fraud_probability"]) for value in (reply, row))
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("http2, version", [(True, "HTTP/2"), (False, "HTTP/1.1")])
def test_both_protocols_on_one_port(tls, trust, golden, http2, version):
    with httpx.Client(base_url=tls.url, verify=trust, http2=http2) as client:
        for row in golden[:100]:
            response = client.post("/predict", json=row["request"])
            assert response.http_version == version
            assert_golden(response.json(), row)
        assert client.get("/health").json()["status"] == "healthy"


def test_many_streams_of_one_connection(tls, trust, golden):
    async def ask_all():
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(base_url=tls.url, verify=trust, http2=True, limits=limits,
                                     timeout=60) as client:
            return await asyncio.gather(*(client.post("/predict", json=row["request"])
                                          for row in golden[:200]))

    for response, row in zip(asyncio.run(ask_all()), golden[:200], strict=True):
        assert response.http_version == "HTTP/2"
        assert_golden(response.json(), row)


@pytest.mark.parametrize("http2, version", [(True, "HTTP/2"), (False, "HTTP/1.1")])
def test_a_large_body_without_a_length(tls, trust, golden, http2, version):
    body = json.dumps([row["request"] for row in golden] * 10).encode()
    pieces = (body[at:at + 10_000] for at in range(0, len(body), 10_000))
    with httpx.Client(verify=trust, http2=http2, timeout=60) as client:
        response = client.post(tls.url + "/predict", content=pieces,
                               headers={"Content-Type": "application/json"})
    assert response.http_version == version and response.status_code == 200
    for reply, row in zip(response.json(), golden * 10, strict=True):
        assert_golden(reply, row)


REFUSED = [("GET", "/nowhere", None, 404), ("GET", "/predict", None, 405),
           ("POST", "/predict", "text/plain", 415), ("POST", "/predict", "application/json", 422)]


@pytest.mark.parametrize("method, path, media_type, status", REFUSED)
def test_errors_over_http2_are_json(tls, trust, method, path, media_type, status):
    headers = {"Content-Type": media_type} if media_type else {}
    with httpx.Client(verify=trust, http2=True) as client:
        response = client.request(method, tls.url + path, headers=headers)
    assert response.http_version == "HTTP/2" and response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json()["detail"]


def test_curl_over_http2(tls, certificate, golden):
    printed = subprocess.run(
        ["curl", "--silent", "--fail", "--http2", "--cacert", certificate[0], "--write-out",
         "\n%{http_version}", "--json", json.dumps(golden[5]["request"]), tls.url + "/predict"],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    reply, version = printed.rsplit("\n", 1)
    assert version == "2"
    assert_golden(json.loads(reply), golden[5])


def test_plain_http_on_the_port_of_tls_is_refused_in_json(tls):
    with Connection(tls.port) as connection:
        reply = connection.ask(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
    assert reply.status == 400 and reply.json == {"detail": "Bad Request"}


def test_old_tls_is_refused(tls, trust):
    trust.maximum_version = ssl.TLSVersion.TLSv1_1
    trust.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.raises(httpx.ConnectError):
        httpx.get(tls.url + "/livez", verify=trust)
