"""Clients of bench/flood.py: real ones on a timetable, and slow ones.

Each is a process with one thread and one selector.  All stop by themselves.
"""

import os
import random
import selectors
import socket
import time
from collections import deque

CONNECT_SECONDS = 10
REPLY_SECONDS = 5  # a request without a reply counts as failed


def percentile(values, share):
    """The nearest rank; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def http_request(path, body, headers):
    lines = [f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json",
             f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def settle(cpu, niceness):
    os.sched_setaffinity(0, {cpu})
    if os.geteuid() == 0 or niceness > 0:
        os.nice(niceness)


class RealClients:
    """Open loop: request i is due at start + i / rate, whatever became of those before."""

    def __init__(self, port, requests, rate):
        """`requests`: bytes to send, one for each connection, in turn."""
        self.port, self.requests, self.rate = port, requests, rate
        self.selector = selectors.DefaultSelector()
        self.connections = [self._connect(i) for i in range(len(requests))]
        self.results = []  # (due, latency or None, status)
        self.late = []     # how late this generator itself was

    def _connect(self, i):
        connection = socket.create_connection(("127.0.0.1", self.port), CONNECT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        state = {"i": i, "socket": connection, "due": deque(), "text": b""}
        self.selector.register(connection, selectors.EVENT_READ, state)
        return state

    def run(self, seconds):
        start = time.monotonic() + 0.05
        total = int(seconds * self.rate)
        sent = 0
        while sent < total:
            due = start + sent / self.rate
            now = time.monotonic()
            if now >= due:
                self.late.append(now - due)
                self._send(self.connections[sent % len(self.connections)], due)
                sent += 1
                continue
            self._receive(min(due - now, 0.002))
        end = time.monotonic() + REPLY_SECONDS
        while any(state["due"] for state in self.connections) and time.monotonic() < end:
            self._receive(0.01)
        for state in self.connections:
            self._fail(state)
            state["socket"].close()
        return start, self.results

    def _send(self, state, due):
        state["due"].append(due)
        try:
            request = self.requests[state["i"]]
            if state["socket"].send(request) != len(request):
                raise OSError("the socket is full")
        except OSError:
            self._again(state)

    def _receive(self, patience):
        for key, _ in self.selector.select(max(patience, 0)):
            state = key.data
            try:
                data = state["socket"].recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self._again(state)
                continue
            state["text"] += data
            self._replies(state, time.monotonic())

    def _replies(self, state, now):
        while True:
            end = state["text"].find(b"\r\n\r\n")
            if end < 0:
                return
            head = state["text"][:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(state["text"]) < end + 4 + length:
                return
            state["text"] = state["text"][end + 4 + length:]
            due = state["due"].popleft()
            self.results.append((due, now - due, int(head.split()[1])))
            if b"connection: close" in head:
                self._again(state)
                return

    def _fail(self, state):
        while state["due"]:
            self.results.append((state["due"].popleft(), None, 0))

    def _again(self, state):
        """The connection is lost, and all that it had under way."""
        self._fail(state)
        self.selector.unregister(state["socket"])
        state["socket"].close()
        self.connections[state["i"]] = self._connect(state["i"])


def real_clients(queue, cpu, port, requests, rate, seconds):
    settle(cpu, -10)
    clients = RealClients(port, requests, rate)
    start, results = clients.run(seconds)
    queue.put((start, results, percentile(clients.late, 0.99), max(clients.late)))


class SlowClient:
    """One connection that dribbles its header, dribbles its body, or does not read."""

    def __init__(self, port, kind, request):
        self.kind, self.socket = kind, socket.socket()
        if kind == "reply":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))
        head = request.index(b"\r\n\r\n") + 4
        first = {"header": 20, "body": head, "reply": len(request)}[kind]
        self.rest, self.first = request[first:], request[:first]

    def step(self):
        """A byte more; False when the server has cut the connection off."""
        try:
            if self.first:
                self.first = self.first[self.socket.send(self.first):]
                return True
            if self.kind != "reply":
                self.rest = self.rest[self.socket.send(self.rest[:1]):]
                try:
                    return bool(self.socket.recv(4096))
                except BlockingIOError:
                    return True
            return not self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except BlockingIOError:
            return True
        except OSError:
            return False


def slow_clients(queue, cpu, port, requests, count, seconds):
    """`requests`: (kind, bytes) in turn; a connection that was cut off comes again."""
    settle(cpu, 10)
    clients = [SlowClient(port, *requests[i % len(requests)]) for i in range(count)]
    cut, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        for i, client in enumerate(clients):
            if not client.step():
                client.socket.close()
                clients[i] = SlowClient(port, *requests[i % len(requests)])
                cut += 1
        time.sleep(max(0.0, began + random.uniform(0.4, 0.6) - time.monotonic()))
    for client in clients:
        client.socket.close()
    queue.put(cut)
