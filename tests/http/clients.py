"""Clients on bare sockets: what they send, and when they leave, is what a test says."""

import json
import socket
import struct

PATIENCE = 60  # seconds


def head(method="POST", path="/predict", **fields):
    fields = {"Host": "test", **{name.replace("_", "-"): value for name, value in fields.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


def post(body, path="/predict", **fields):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head("POST", path, Content_Type="application/json", Content_Length=len(data),
                **fields) + data


class Reply:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def closes(self):
        return self.fields.get("connection") == "close"


class Client:
    """One connection."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def read(self, has_body=True):
        first, *lines = self._head().decode().split("\r\n")
        fields = {name.lower(): value for name, value in
                  (line.split(": ", 1) for line in lines if line)}
        length = int(fields.get("content-length", 0)) if has_body else 0
        body = self.stream.read(length)
        assert len(body) == length
        return Reply(int(first.split()[1]), fields, body)

    def _head(self):
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            line = self.stream.readline()
            if not line:
                raise ConnectionError(f"closed after {text!r}")
            text += line
        return text

    def ask(self, data, has_body=True):
        return self.send(data).read(has_body)

    def wait_for_end(self):
        """Until the server has closed the connection."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        self.leave()

    def leave(self, reset=False):
        """Closes: with FIN, or as a client that is killed with data unread, with RST."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.close()
        self.socket.close()


def ask(server, data, has_body=True):
    with Client(server) as client:
        return client.ask(data, has_body)
