"""Limits of one client: 429 for it, and nobody else notices."""

import pytest

from server import configuration_test, configure
from wire import Connection, post

PROXY = {"TRUSTED_PROXIES": "127.0.0.0/8"}


def ask_often(server, times, request):
    """Statuses of requests that are sent one after the other without waiting."""
    with Connection(server.port) as connection:
        connection.send(request * times)
        return [connection.read() for _ in range(times)]


def statuses(replies):
    return [reply.status for reply in replies]


def test_who_asks_too_often_gets_429_as_json_with_retry_after(serve, request_text):
    server = serve(WORKERS=1, RATE_LIMIT=1, RATE_BURST=2)
    replies = ask_often(server, 6, post(request_text.encode()))
    assert statuses(replies) == [200] * 3 + [429] * 3
    refused = replies[-1]
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/json"
    assert refused.json == {"detail": "Too Many Requests"}
    assert not refused.closes, "the connection can be used again"


def test_only_refusals_have_retry_after(server, request_text):
    assert "retry-after" not in server.predict({}).headers
    assert "retry-after" not in server.get("/nothing").headers


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz", "/openapi.json", "/"])
def test_only_predictions_are_limited(serve, path, request_text):
    server = serve(WORKERS=1, RATE_LIMIT=1, RATE_BURST=0, CLIENT_CONNECTIONS=1)
    assert 429 in statuses(ask_often(server, 3, post(request_text.encode())))
    get = f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
    assert statuses(ask_often(server, 20, get)) == [200] * 20


def test_clients_behind_a_proxy_are_told_apart(serve, request_text):
    server = serve(WORKERS=1, RATE_LIMIT=1, RATE_BURST=2, **PROXY)

    def of(client):
        return post(request_text.encode(), X_Forwarded_For=client)

    assert statuses(ask_often(server, 4, of("192.0.2.1"))) == [200, 200, 200, 429]
    assert statuses(ask_often(server, 3, of("192.0.2.2"))) == [200] * 3


def test_a_client_cannot_name_another_address_by_itself(serve, request_text):
    server = serve(WORKERS=1, RATE_LIMIT=1, RATE_BURST=2)
    seen = [ask_often(server, 1, post(request_text.encode(), X_Forwarded_For=f"192.0.2.{i}"))[0]
            for i in range(5)]
    assert statuses(seen) == [200] * 3 + [429] * 2


def test_an_address_in_front_of_the_proxys_is_not_believed(serve, request_text):
    server = serve(WORKERS=1, RATE_LIMIT=1, RATE_BURST=2, **PROXY)
    seen = [ask_often(server, 1, post(request_text.encode(),
                                      X_Forwarded_For=f"192.0.2.{i}, 198.51.100.7"))[0]
            for i in range(5)]
    assert statuses(seen) == [200] * 3 + [429] * 2


def test_requests_of_one_client_at_the_same_time_are_limited(serve, request_text):
    server = serve(WORKERS=1, CLIENT_CONNECTIONS=2)
    whole = post(request_text.encode())
    with (Connection(server.port) as first, Connection(server.port) as second,
          Connection(server.port) as third):
        for waiting in (first, second):
            waiting.send(whole[:-1])
            waiting.socket.settimeout(0.2)
            with pytest.raises(TimeoutError):  # it is being read: it counts
                waiting.socket.recv(1)
            waiting.socket.settimeout(60)
        refused = third.ask(whole)
        assert refused.status == 429 and refused.headers["retry-after"] == "1"
        for waiting in (first, second):
            waiting.send(whole[-1:])
            assert waiting.read().status == 200
        assert third.ask(whole).status == 200


@pytest.mark.parametrize("setting", ["RATE_LIMIT", "CLIENT_CONNECTIONS"])
def test_off_turns_a_limit_off(serve, request_text, setting):
    limits = {"RATE_LIMIT": 1, "RATE_BURST": 0, "CLIENT_CONNECTIONS": 1, setting: "off"}
    server = serve(WORKERS=1, **limits)
    seen = statuses(ask_often(server, 5, post(request_text.encode())))
    assert (seen == [200] * 5) == (setting == "RATE_LIMIT")


def test_all_limits_off_is_a_valid_configuration(folder):
    configure(folder / "off", {"RATE_LIMIT": "off", "CLIENT_CONNECTIONS": "off",
                               "SHED_TARGET": "off"})
    tested = configuration_test(folder / "off")
    assert tested.returncode == 0, tested.stderr


def test_many_header_fields_are_refused_and_not_stored(server):
    fields = "".join(f"X-{i}: {'a' * 100}\r\n" for i in range(400))
    with Connection(server.port) as connection:
        connection.send(f"GET /health HTTP/1.1\r\nHost: test\r\n{fields}\r\n".encode())
        assert connection.read().status == 431
