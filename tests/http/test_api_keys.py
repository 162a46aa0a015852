"""API keys: who has one, who has not, and what happens while the file changes."""

import hashlib
import os
import socket
import subprocess
import threading

import httpx
import pytest

from access_log import lines
from server import (NO_LIMITS, ROWAN, Server, configuration_test, configure, environment_of,
                    eventually, free_port)

ALICE, BOB, CAROL = "alice-key", "bob-key", "carol-key"
MISSING, WRONG = 'Bearer realm="rowan"', 'Bearer realm="rowan", error="invalid_token"'


def entry(key, priority, name):
    """A line of the file, its digest by Python's own hashlib."""
    return f"{hashlib.sha256(key.encode()).hexdigest()} {priority} {name}\n"


def replace(path, text):
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.rename(path)


@pytest.fixture
def keys(folder):
    path = folder / "keys"
    replace(path, "# clients\n\n" + entry(ALICE, "high", "alice") + entry(BOB, "normal", "bob.1")
            + entry(CAROL, "low", "carol_-"))
    return path


@pytest.fixture
def log(folder):
    return folder / "access.log"


@pytest.fixture
def guarded(serve, keys, log):
    """Keys are welcome; the log has a line a request, in their order: one worker."""
    return serve(API_KEYS=keys, ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=log, WORKERS=1)


@pytest.fixture
def closed(serve, keys):
    return serve(API_KEYS=keys, API_KEYS_REQUIRED=1, **NO_LIMITS)


def ask(server, body, **headers):
    return server.post("/predict", json=body,
                       headers={name.replace("_", "-"): value for name, value in headers.items()})


def assert_refused(reply, challenge):
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == challenge
    assert reply.headers["content-type"] == "application/json"
    assert "API key" in reply.json()["detail"]


# ---- the key of a request --------------------------------------------------------------------


@pytest.mark.parametrize("headers", [
    {"X_API_Key": ALICE}, {"x_api_key": ALICE}, {"Authorization": f"Bearer {ALICE}"},
    {"Authorization": f"bearer  {ALICE}"}, {"X_API_Key": ALICE, "Authorization": "Basic eDp5"},
], ids=str)
def test_a_right_key_is_served(closed, request_body, headers):
    reply = ask(closed, request_body, **headers)
    assert reply.status_code == 200 and 0 < reply.json()["fraud_probability"] < 1


@pytest.mark.parametrize("key", ["wrong", ALICE + "x", ALICE[:-1], ALICE.upper(), "", "x" * 257,
                                 hashlib.sha256(ALICE.encode()).hexdigest(), "\xff"])
@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_a_wrong_key_is_refused_whether_one_is_required_or_not(guarded, closed, request_body,
                                                               header, key):
    value = key if header == "X-API-Key" else f"Bearer {key or '%'}"
    for server in (guarded, closed):
        reply = server.post("/predict", json=request_body,
                            headers={header.encode(): value.encode("latin-1")})
        assert_refused(reply, WRONG)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"},
                                     {"Authorization": "Bearer"}], ids=str)
def test_a_missing_key_is_refused_only_where_one_is_required(guarded, closed, request_body,
                                                            headers):
    assert_refused(ask(closed, request_body, **headers), MISSING)
    assert ask(guarded, request_body, **headers).status_code == 200


def test_of_two_headers_x_api_key_counts(closed, request_body):
    bearer = {"Authorization": f"Bearer {ALICE}"}
    assert ask(closed, request_body, X_API_Key=BOB, **bearer).status_code == 200
    assert_refused(ask(closed, request_body, X_API_Key="wrong", **bearer), WRONG)
    assert ask(closed, request_body, X_API_Key=BOB,
               Authorization="Bearer wrong").status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/livez", "/readyz", "/openapi.json", "/docs"])
def test_everything_but_predictions_stays_open(closed, path):
    assert closed.get(path).status_code == 200
    assert closed.get(path, headers={"X-API-Key": "wrong"}).status_code == 200


def test_a_refused_body_leaves_the_connection_usable(closed, request_body):
    with closed.client() as client:
        for _ in range(3):
            assert client.post("/predict", json=[request_body] * 200).status_code == 401
            good = client.post("/predict", json=request_body, headers={"X-API-Key": ALICE})
            assert good.status_code == 200


# ---- who a client is -------------------------------------------------------------------------


def test_the_log_knows_client_and_priority_but_never_a_key(guarded, log, request_body):
    for key in (ALICE, BOB, CAROL, "guess-of-a-key"):
        ask(guarded, request_body, X_API_Key=key)
        ask(guarded, request_body, Authorization=f"Bearer {key}")
    ask(guarded, request_body)
    seen = [(line["client"], line["priority"], line["status"], line["refused"])
            for line in lines(log, 9)]
    assert seen[::2] == [("key:alice", "high", 200, None), ("key:bob.1", "normal", 200, None),
                         ("key:carol_-", "low", 200, None),
                         ("127.0.0.1", "low", 401, "api_key"), ("127.0.0.1", "low", 200, None)]
    assert seen[1::2] == seen[:8:2]
    for text in (log.read_text(), guarded.log):
        for key in (ALICE, BOB, CAROL, "guess-of-a-key"):
            assert key not in text
            assert hashlib.sha256(key.encode()).hexdigest() not in text


def test_a_limit_counts_keys_by_name_and_guessers_by_address(folder, keys, request_body):
    """limit_req asks for $rowan_client before access is checked."""
    def edit(text):
        return text.replace("server {", "limit_req_zone $rowan_client zone=c:1m rate=1r/m;\n"
                            "    server {", 1).replace(
            "rowan_predict fraud;", "limit_req zone=c burst=2 nodelay; rowan_predict fraud;")

    with Server(folder / "limited", edit=edit, API_KEYS=keys, RATE_LIMIT="off") as running:
        def statuses(keys):
            return [ask(running, request_body, X_API_Key=key).status_code for key in keys]

        assert statuses([ALICE] * 4) == [200, 200, 200, 429]
        assert statuses([BOB] * 4) == [200, 200, 200, 429]
        assert statuses(["guess-1", "guess-2", "guess-3", "guess-4"]) == [401, 401, 401, 429]
        assert ask(running, request_body).status_code == 429  # the same address
        assert statuses([CAROL]) == [200]


@pytest.mark.parametrize("forwarded, client", [
    ("203.0.113.7", "203.0.113.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8:1:2::9", "2001:db8:1:2::/64"), ("::ffff:203.0.113.9", "203.0.113.9"),
    ("::1", "::/64"),
])
def test_addresses_are_those_of_realip_and_ipv6_counts_by_network(folder, request_body, forwarded,
                                                                  client):
    log = folder / "access.log"

    def edit(text):
        return text.replace("        listen ", "        set_real_ip_from 127.0.0.1;\n"
                            "        real_ip_header X-Forwarded-For;\n        listen ", 1)

    with Server(folder / "realip", edit=edit, ROWAN_ACCESS_LOG="json",
                ROWAN_ACCESS_LOG_FILE=log) as running:
        ask(running, request_body, X_Forwarded_For=forwarded)
        line, = lines(log, 1)
    assert line["client"] == client and line["priority"] == "normal"


def test_clients_of_a_unix_socket_are_one(folder, request_body):
    log, path = folder / "access.log", folder / "socket"

    def edit(text):
        return text.replace("        listen ", f"        listen unix:{path};\n        listen ", 1)

    with Server(folder / "unix", edit=edit, ROWAN_ACCESS_LOG="json",
                ROWAN_ACCESS_LOG_FILE=log) as running:
        assert eventually(path.exists)
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
            assert client.post("http://rowan/predict", json=request_body).status_code == 200
        assert lines(log, 1)[0]["client"] == "unix:"
        assert not running.crashes()


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_a_client_of_ipv6_is_its_network(folder):
    log, port = folder / "access.log", free_port()

    def edit(text):
        return text.replace("        listen ", f"        listen [::1]:{port};\n        listen ", 1)

    with Server(folder / "ipv6", edit=edit, ROWAN_ACCESS_LOG="json",
                ROWAN_ACCESS_LOG_FILE=log) as running:
        assert httpx.get(f"http://[::1]:{port}/livez").status_code == 200
        assert lines(log, 1)[0]["client"] == "::/64"
        assert not running.crashes()


# ---- the file changes ------------------------------------------------------------------------


def all_workers(server, body, key, status):
    """So many answers with this status in a row that each worker has given some."""
    return all(ask(server, body, X_API_Key=key).status_code == status for _ in range(20))


def test_a_new_file_is_read_without_a_reload(closed, keys, request_body):
    assert all_workers(closed, request_body, ALICE, 200)
    replace(keys, entry("new-key", "normal", "dave"))
    assert eventually(lambda: all_workers(closed, request_body, "new-key", 200))
    assert eventually(lambda: all_workers(closed, request_body, ALICE, 401))
    assert '1 API keys read from "' in closed.log


def test_a_file_without_keys_shuts_everybody_out(closed, keys, request_body):
    replace(keys, "# nobody\n")
    assert eventually(lambda: all_workers(closed, request_body, ALICE, 401))


@pytest.mark.parametrize("text, words", [
    ("nonsense", ["line 1", "64 hexadecimal digits"]),
    (entry(ALICE, "high", "a") + "\n# x\n" + entry(BOB, "urgent", "b"), ["line 4", "class"]),
    (entry(ALICE, "high", "a b"), ["line 1", "follows the name"]),
    (entry(ALICE, "high", "a/b"), ["line 1", "name"]),
    (entry(ALICE, "high", "a") + entry(ALICE, "low", "b"), ["line 2", "before"]),
    (entry(ALICE, "high", "a" * 65), ["line 1", "name"]),
    ("#" * (4 << 20) + "\n", ["4194305 bytes", "at most 4194304"]),
    (None, ["No such file"]),
], ids=lambda value: str(value)[:12])
def test_a_broken_file_is_refused_and_the_keys_before_go_on(closed, keys, request_body, text,
                                                            words):
    keys.unlink() if text is None else replace(keys, text)
    assert eventually(lambda: closed.log.count("API keys refused, the keys before go on") == 2)
    for word in (str(keys), *words):
        assert word in closed.log
    assert all_workers(closed, request_body, ALICE, 200)
    assert all_workers(closed, request_body, "wrong", 401)
    replace(keys, entry(BOB, "high", "bob"))
    assert eventually(lambda: all_workers(closed, request_body, BOB, 200)
                      and all_workers(closed, request_body, ALICE, 401))
    assert closed.log.count("API keys refused") == 2, "each worker says it once"


def test_keys_change_while_requests_run(closed, keys, request_body):
    """A key that every version of the file has is never refused."""
    statuses, stop = [], threading.Event()

    def client():
        with closed.client() as connection:
            while not stop.is_set():
                statuses.append(connection.post("/predict", json=request_body,
                                                headers={"X-API-Key": ALICE}).status_code)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(20):
            others = "".join(entry(f"{number}-{other}", "low", f"n{other}") for other in range(500))
            replace(keys, others + entry(ALICE, "high", "alice"))
            key = f"{number}-7"
            assert eventually(lambda: ask(closed, request_body,
                                          X_API_Key=key).status_code == 200)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(statuses) > 100 and set(statuses) == {200}
    assert not closed.crashes()


def test_a_reload_reads_the_keys_anew(closed, keys, request_body):
    replace(keys, entry(BOB, "low", "bob"))
    closed.reload()
    assert all_workers(closed, request_body, BOB, 200)
    assert all_workers(closed, request_body, ALICE, 401)


def test_the_largest_file_is_served(serve, folder, request_body):
    keys = folder / "many"
    replace(keys, "".join(entry(f"key-{number}", "low", f"n{number}") for number in range(16384)))
    running = serve(API_KEYS=keys, API_KEYS_REQUIRED=1)
    for number in (0, 1, 8191, 16383):
        assert ask(running, request_body, X_API_Key=f"key-{number}").status_code == 200
    assert ask(running, request_body, X_API_Key="key-16384").status_code == 401
    with open(keys, "a") as file:
        file.write(entry("key-16384", "low", "more"))
    assert eventually(lambda: "line 16385: more than 16384 keys" in running.log)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's workers become another user")
def test_a_file_for_root_alone_is_told_and_changes_at_a_reload(folder, keys, request_body):
    keys.chmod(0o600)
    (folder / "conf").mkdir()
    told = subprocess.run([ROWAN, "serve", "--render"], check=True, text=True,
                          stderr=subprocess.PIPE,
                          env=environment_of(folder / "conf", {"API_KEYS": keys}))
    assert f"API_KEYS: {keys}: the user www-data cannot read it" in told.stderr
    with Server(folder / "root", API_KEYS=keys, API_KEYS_REQUIRED=1) as running:
        assert ask(running, request_body, X_API_Key=ALICE).status_code == 200
        keys.write_text(entry(BOB, "low", "bob"))
        assert eventually(lambda: running.log.count("Permission denied") == 2)
        assert all_workers(running, request_body, ALICE, 200)
        running.reload()
        assert all_workers(running, request_body, BOB, 200)


# ---- the start -------------------------------------------------------------------------------


def test_a_broken_file_is_an_error_of_the_configuration(folder, keys):
    replace(keys, entry(ALICE, "high", "alice") + "half a li")
    configure(folder / "conf", {"API_KEYS": keys, "API_PORT": free_port()})
    tested = configuration_test(folder / "conf")
    assert tested.returncode != 0
    line = next(line for line in tested.stderr.splitlines() if "[emerg]" in line)
    assert f"{keys}: line 2: the digest must have 64" in line and "nginx.conf:" in line
    assert "half" not in line, "it may be a key"


@pytest.mark.parametrize("directive, words", [
    ("rowan_api_keys FILE maybe;", 'only "required"'),
    ("rowan_api_keys FILE; rowan_api_keys FILE;", "is duplicate"),
    ("rowan_api_keys /nowhere;", "No such file"),
])
def test_a_wrong_directive_is_refused(folder, keys, directive, words):
    configuration = configure(folder / "conf", {"API_PORT": free_port()})
    configuration.write_text(configuration.read_text().replace(
        "server {", directive.replace("FILE", str(keys)) + "\n    server {", 1))
    tested = configuration_test(folder / "conf")
    assert tested.returncode != 0 and words in tested.stderr


OPEN = "predictions are open to everybody"


def test_an_open_service_says_so_once_a_start(serve, keys):
    running = serve()
    assert running.log.count(OPEN) == 1
    running.reload()
    assert running.log.count(OPEN) == 2
    assert serve(API_KEYS=keys).log.count(OPEN) == 1
    assert OPEN not in serve(API_KEYS=keys, API_KEYS_REQUIRED=1).log
    assert OPEN not in configuration_test(running.folder).stderr


def test_a_server_of_its_own_has_keys_of_its_own(folder, keys, request_body):
    """Inside of a server the directive takes the place of that of http."""
    other = folder / "other"
    replace(other, entry("other-key", "high", "other"))
    port = free_port()

    def edit(text):
        return text.replace("    server {", f"""    server {{
        listen 127.0.0.1:{port};
        rowan_api_keys "{other}";
        location = /predict {{ rowan_predict fraud; }}
    }}
    server {{""", 1)

    with Server(folder / "two", edit=edit, API_KEYS=keys, API_KEYS_REQUIRED=1) as running:
        def status(to, **headers):
            return httpx.post(f"http://127.0.0.1:{to}/predict", json=request_body,
                              headers=headers).status_code

        assert status(port) == 200 and status(running.port) == 401
        for key, to in (("other-key", port), (ALICE, running.port)):
            assert status(to, **{"X-API-Key": key}) == 200
            assert status(port + running.port - to, **{"X-API-Key": key}) == 401
