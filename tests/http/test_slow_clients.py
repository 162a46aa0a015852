"""Clients that keep a connection busy and hardly use it are cut off, and all is freed."""

import json
import socket
import ssl
import time
from pathlib import Path

import h2.connection
import h2.events
import pytest

from server import PATIENCE, eventually
from wire import Connection, post

TIMEOUT = 1  # seconds; the setting, no measure of speed


@pytest.fixture
def strict(serve):
    return serve(WORKERS=1, CLIENT_TIMEOUT=TIMEOUT)


def connections_of(server):
    """Sockets of clients that the only worker has open, as the kernel lists them."""
    worker = server.workers()[0]
    inodes = set()
    for entry in Path(f"/proc/{worker}/fd").iterdir():
        try:
            inodes.add(entry.readlink().name)
        except OSError:
            continue
    found = 0
    for line in Path(f"/proc/{worker}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local = int(fields[1].rpartition(":")[2], 16)
        established_or_closing = fields[3] != "0A"
        if local == server.port and established_or_closing and f"socket:[{fields[9]}]" in inodes:
            found += 1
    return found


def dribble(server, start, rest):
    """Sends `start`, then a byte of `rest` now and then until the server ends it; its words."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(start)
        client.settimeout(0.05)
        end = time.monotonic() + PATIENCE
        for byte in rest:
            assert time.monotonic() < end, "never cut off"
            try:
                client.send(bytes([byte]))
                data = client.recv(4096)
                if not data:
                    break
                received += data
            except TimeoutError:
                continue
            except OSError:
                break
    return received


class Http2:
    """One connection whose streams may leave their bodies open."""

    def __init__(self, port):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket = context.wrap_socket(plain)
        self.state = h2.connection.H2Connection()
        self.state.initiate_connection()
        self.statuses = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, method, path, body, ends=True):
        stream = self.state.get_next_available_stream_id()
        self.state.send_headers(stream, [(":method", method), (":path", path),
                                         (":scheme", "https"), (":authority", "test"),
                                         ("content-type", "application/json")])
        self.state.send_data(stream, body, end_stream=ends)
        self.socket.sendall(self.state.data_to_send())
        return stream

    def status(self, stream):
        while stream not in self.statuses:
            data = self.socket.recv(65536)
            assert data, "the connection has ended"
            for event in self.state.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    self.statuses[event.stream_id] = int(dict(event.headers)[b":status"])
            self.socket.sendall(self.state.data_to_send())
        return self.statuses[stream]


def all_freed(server):
    return eventually(lambda: connections_of(server) == 0)


def test_a_dribbling_header_is_cut_off(strict):
    assert dribble(strict, b"GET /health HTTP/1.1\r\nX: ", b"a" * 4000) == b""
    assert all_freed(strict)


def test_a_dribbling_body_gets_408_as_json_and_the_connection_ends(strict, request_text):
    head, _, body = post(request_text.encode()).partition(b"\r\n\r\n")
    head = head.replace(b"Content-Length: " + str(len(body)).encode(), b"Content-Length: 4000")
    answer = dribble(strict, head + b"\r\n\r\n", b" " * 4000)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["detail"]
    assert all_freed(strict)


def test_a_body_that_stops_gets_408_too(strict, request_text):
    with Connection(strict.port) as client:
        client.send(post(request_text.encode())[:-1])
        late = client.read()
        assert late.status == 408 and late.closes
        assert client.ended()
    assert all_freed(strict)


def test_a_chunked_body_that_never_ends_gets_408(strict):
    start = b"POST /predict HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = dribble(strict, start, b"1\r\n \r\n" * 700)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert all_freed(strict)


def test_a_client_that_does_not_read_is_reset(strict, request_text):
    rows = b"[" + b",".join([request_text.encode()] * 5000) + b"]"
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.settimeout(PATIENCE)
    client.connect(("127.0.0.1", strict.port))
    client.sendall(post(rows, path="/predict?explain=5"))
    assert eventually(lambda: connections_of(strict) == 1)
    assert all_freed(strict)
    with pytest.raises(ConnectionResetError):
        while client.recv(1 << 20):
            pass
    client.close()


def test_a_client_that_reads_slowly_but_in_time_gets_all(serve, request_text):
    server = serve(WORKERS=1, CLIENT_TIMEOUT=PATIENCE)
    rows = b"[" + b",".join([request_text.encode()] * 2000) + b"]"
    with Connection(server.port) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(post(rows))
        time.sleep(0.3)
        assert len(client.read().json) == 2000


def test_a_deadline_ends_with_its_request(strict, request_text):
    """The next request of the connection is not cut off by the one before."""
    whole = post(request_text.encode())
    with Connection(strict.port) as client:
        client.send(whole[:-1])
        time.sleep(TIMEOUT / 2)
        assert client.ask(whole[-1:]).status == 200
        time.sleep(TIMEOUT)
        assert client.ask(whole).status == 200


def test_late_headers_make_room_while_connections_are_scarce(serve, request_text):
    server = serve(WORKERS=1, CONNECTIONS=128, CLIENT_TIMEOUT=3600)
    slow = []
    for _ in range(110):  # more than three quarters
        client = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: t\r\nX: ")
        slow.append(client)
    assert eventually(lambda: connections_of(server) <= 96), server.log
    assert server.predict(json.loads(request_text)).status_code == 200
    # On a busy machine they may not all have been accepted before.
    assert eventually(lambda: "connections are scarce" in server.log)
    for client in slow:
        client.close()
    assert all_freed(server)
    assert not server.crashes()


def test_headers_in_time_are_left_alone_while_there_is_room(serve):
    server = serve(WORKERS=1, CONNECTIONS=128, CLIENT_TIMEOUT=3600)
    with Connection(server.port) as client:
        client.send(b"GET /livez HTTP/1.1\r\n")
        time.sleep(2)
        assert client.ask(b"Host: t\r\n\r\n").status == 200


def test_a_late_body_over_http2_gets_408_and_the_connection_goes_on(serve, certificate,
                                                                    request_text):
    """The stream ends, others of its connection do not."""
    server = serve(WORKERS=1, CLIENT_TIMEOUT=TIMEOUT, TLS_CERTIFICATE=certificate[0],
                   TLS_KEY=certificate[1])
    with Http2(server.port) as client:
        late = client.request("POST", "/predict", b"{", ends=False)
        assert client.status(late) == 408
        assert client.status(client.request("POST", "/predict", request_text.encode())) == 200
    assert all_freed(server)
    assert not server.crashes()
