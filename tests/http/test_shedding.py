"""An overloaded worker refuses requests of low priority, and only then."""

import hashlib
import threading
import time

import pytest

from server import Server, configuration_test, configure, eventually
from wire import Connection, post

KEYS = {"high": "key-of-a-real-client", "low": "key-of-a-batch-job"}
FLOODERS = 24
ROWS = 2000
SHIPPED = {"SHED_TARGET": 5}  # as `rowan serve` has it


@pytest.fixture
def keys(folder):
    path = folder / "keys"
    path.write_text("".join(f"{hashlib.sha256(key.encode()).hexdigest()} {name} {name}-client\n"
                            for name, key in KEYS.items()))
    path.chmod(0o644)
    return path


class Flood:
    """Connections that send arrays without a pause, until the block ends."""

    def __init__(self, server, request_text, **headers):
        rows = b"[" + b",".join([request_text.encode()] * ROWS) + b"]"
        self.server, self.request = server, post(rows, **headers)
        self.replies, self.stopping = [], False
        self.threads = [threading.Thread(target=self._ask) for _ in range(FLOODERS)]

    def _ask(self):
        while not self.stopping:
            with Connection(self.server.port) as connection:
                try:
                    while not self.stopping:
                        reply = connection.ask(self.request)
                        self.replies.append(reply)
                except OSError:
                    continue

    def refused(self):
        return [reply for reply in list(self.replies) if reply.status == 503]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def ask_single(server, request_text, times, **headers):
    with Connection(server.port) as connection:
        return [connection.ask(post(request_text.encode(), **headers)) for _ in range(times)]


def test_shedding_is_on_where_nobody_says_otherwise(folder):
    shipped = configure(folder / "shipped", {}).read_text()
    assert f"rowan_shed $rowan_priority target={SHIPPED['SHED_TARGET']}ms" in shipped


def test_low_priority_is_refused_and_high_priority_served(serve, keys, request_text):
    server = serve(WORKERS=1, API_KEYS=keys, **SHIPPED)
    with Flood(server, request_text, X_API_Key=KEYS["low"]) as flood:
        assert eventually(lambda: len(flood.refused()) > 20)
        real = ask_single(server, request_text, 200, X_API_Key=KEYS["high"])
    assert {reply.status for reply in real} == {200}
    refused = flood.refused()[0]
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/json"
    assert refused.json == {"detail": "Overloaded: try again later"}
    assert {reply.status for reply in flood.replies} <= {200, 503}
    assert not server.crashes()


def test_who_asks_for_little_has_a_fair_share(serve, request_text):
    server = serve(WORKERS=1, TRUSTED_PROXIES="127.0.0.1", **SHIPPED)
    with Flood(server, request_text, X_Forwarded_For="192.0.2.1") as flood:
        assert eventually(lambda: len(flood.refused()) > 20)
        real = ask_single(server, request_text, 100, X_Forwarded_For="192.0.2.2")
    assert [reply.status for reply in real].count(200) >= 95


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz"])
def test_health_is_never_shed(serve, request_text, path):
    server = serve(WORKERS=1, **SHIPPED)
    with Flood(server, request_text) as flood:
        assert eventually(lambda: flood.refused())
        assert [server.get(path).status_code for _ in range(20)] == [200] * 20


def test_nothing_is_shed_without_a_queue(serve, keys, request_text):
    server = serve(WORKERS=1, API_KEYS=keys, RATE_LIMIT="off", **SHIPPED)
    seen = ask_single(server, request_text, 2000, X_API_Key=KEYS["low"])
    assert {reply.status for reply in seen} == {200}


def test_after_a_flood_everybody_is_served_again(serve, keys, request_text):
    server = serve(WORKERS=1, API_KEYS=keys, **SHIPPED)
    with Flood(server, request_text, X_API_Key=KEYS["low"]) as flood:
        assert eventually(lambda: flood.refused())
    time.sleep(2)  # the promise
    seen = ask_single(server, request_text, 300, X_API_Key=KEYS["low"])
    assert {reply.status for reply in seen} == {200}


def test_off_sheds_nothing(serve, keys, request_text):
    server = serve(WORKERS=1, API_KEYS=keys, SHED_TARGET="off")
    with Flood(server, request_text, X_API_Key=KEYS["low"]) as flood:
        assert eventually(lambda: len(flood.replies) > 3 * FLOODERS)
    assert {reply.status for reply in flood.replies} == {200}


def test_the_memory_of_bodies_is_bounded(folder, request_text):
    """A body that would go beyond `rowan_pending_max` is refused before it is read."""
    def edit(text):
        assert "rowan_pending_max    256m;" in text
        return text.replace("rowan_pending_max    256m;", "rowan_pending_max 100k;")

    with Server(folder / "small", edit=edit, WORKERS=1, **SHIPPED) as server:
        whole = post(b"[" + b",".join([request_text.encode()] * 130) + b"]")
        assert 52_000 < len(whole) < 100_000, "one fits, two do not"
        with Connection(server.port) as first, Connection(server.port) as second:
            first.send(whole[:-1])
            assert eventually(lambda: second.ask(whole).status == 503)
            first.send(whole[-1:])
            assert first.read().status == 200
            assert second.ask(whole).status == 200
            assert second.ask(post(request_text.encode())).status == 200


@pytest.mark.parametrize("wrong, says", [("target=5ms interval=1ms", "longer than its interval"),
                                         ("target=0ms", "from 1ms to 10s"),
                                         ("goal=5ms", "use target=TIME or interval=TIME")])
def test_a_wrong_parameter_is_named(folder, wrong, says):
    def edit(text):
        assert "target=5ms interval=50ms" in text
        return text.replace("target=5ms interval=50ms", wrong)

    tested = configuration_test(Server(folder / "wrong", edit=edit, **SHIPPED).folder)
    assert tested.returncode != 0 and says in tested.stderr
