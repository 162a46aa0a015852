"""HTTP/1.1 on bare sockets: what goes over the wire is what the test says."""

import asyncio
import json
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"


def post(body: bytes, path: str = "/predict", **headers: str) -> bytes:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"Host": "test", "Content-Type": "application/json",
              "Content-Length": str(len(body)), **given}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def parse_head(head: bytes) -> tuple[int, dict]:
    first, *lines = head.decode().rstrip("\r\n").split("\r\n")
    fields = (line.split(": ", 1) for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, value in fields}


class Connection:
    """A socket that reads replies one after the other."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, has_body: bool = True) -> Reply:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.file.readline()
            if not line:
                raise ConnectionError(f"closed after {head!r}")
            head += line
        status, headers = parse_head(head)
        length = int(headers.get("content-length", 0)) if has_body else 0
        body = self.file.read(length)
        assert len(body) == length
        return Reply(status, headers, body)

    def ask(self, data: bytes) -> Reply:
        self.send(data)
        return self.read()

    def ended(self) -> bool:
        return self.file.read(1) == b""


def ask_once(port: int, data: bytes) -> Reply:
    with Connection(port) as connection:
        return connection.ask(data)


class AsyncConnection:
    """Keep-alive that never retries: it only connects anew when the server said so."""

    def __init__(self, port: int):
        self.port = port
        self.reader = self.writer = None

    async def ask(self, data: bytes) -> Reply:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(data)
        head = await self.reader.readuntil(b"\r\n\r\n")
        status, headers = parse_head(head)
        body = await self.reader.readexactly(int(headers["content-length"]))
        reply = Reply(status, headers, body)
        if reply.closes:
            await self.close()
        return reply

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None
