#!/usr/bin/env python3
"""Clients of the service: each request is counted with what became of it.

usage: load.py URL [--fresh N] [--keepalive N] [--rate N] [--tries N] [--body FILE] [--expect TEXT]

Ends when its standard input ends, and prints its counts as JSON. `--fresh` clients open a
connection for each request, `--keepalive` clients use theirs as long as the server lets them. A
client sends one request at a time, `--rate` of them a second. With `--tries` above 1 a request
that failed is sent again, as a careful client does it.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

SECONDS_MAX = 900     # a client that nobody stops ends by itself
ANSWER_PATIENCE = 20  # seconds for one answer, connection included
PAUSE = 0.25          # seconds before a request is sent again
HEADER_MAX = 64 << 10


class Client:
    """One client with at most one connection."""

    def __init__(self, arguments, keepalive, counts):
        self.url = urlsplit(arguments.url)
        self.arguments = arguments
        self.keepalive = keepalive
        self.counts = counts
        self.reader = self.writer = None
        body = Path(arguments.body).read_bytes()
        path = self.url.path + (f"?{self.url.query}" if self.url.query else "")
        connection = "keep-alive" if keepalive else "close"
        self.request = (f"POST {path} HTTP/1.1\r\nHost: {self.url.netloc}\r\n"
                        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                        f"Connection: {connection}\r\n\r\n").encode() + body

    def hang_up(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None

    async def connect(self):
        # A connection that the server has closed meanwhile is not used again: every client that
        # keeps connections looks first.
        if self.reader and self.reader.at_eof():
            self.hang_up()
        if not self.reader:
            self.reader, self.writer = await asyncio.open_connection(
                self.url.hostname, self.url.port or 80, limit=HEADER_MAX)

    async def ask(self):
        """One request; "200", or what else became of it."""
        await self.connect()
        self.writer.write(self.request)
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers["content-length"]))
        if not self.keepalive or headers.get("connection") == "close":
            self.hang_up()
        status = head[0].split()[1]
        wrong = status == "200" and self.arguments.expect.encode() not in body
        return "wrong answer" if wrong else status

    async def outcome(self):
        try:
            return await asyncio.wait_for(self.ask(), ANSWER_PATIENCE)
        except asyncio.IncompleteReadError:
            what = "closed without an answer"
        except asyncio.TimeoutError:
            what = "no answer"
        except OSError as error:
            what = error.strerror or type(error).__name__
        self.hang_up()
        return what

    async def work(self, stopped):
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stopped.is_set():
            for attempt in range(self.arguments.tries):
                if attempt:
                    self.counts["sent again"] += 1
                    await asyncio.sleep(PAUSE)
                outcome = await self.outcome()
                if outcome == "200":
                    break
            self.counts["requests"] += 1
            self.counts[outcome] += 1
            due = max(due + 1 / self.arguments.rate, loop.time() - 1)
            await asyncio.sleep(max(0, due - loop.time()))
        self.hang_up()


async def serve_all(arguments):
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), stopped.set)
    loop.call_later(SECONDS_MAX, stopped.set)
    counts = {"fresh": Counter(), "keepalive": Counter()}
    clients = [Client(arguments, kind == "keepalive", counts[kind])
               for kind in counts for _ in range(getattr(arguments, kind))]
    await asyncio.gather(*(client.work(stopped) for client in clients))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--fresh", type=int, default=0)
    parser.add_argument("--keepalive", type=int, default=0)
    parser.add_argument("--rate", type=float, default=25)
    parser.add_argument("--tries", type=int, default=1)
    parser.add_argument("--body", required=True)
    parser.add_argument("--expect", default="")
    print(json.dumps(asyncio.run(serve_all(parser.parse_args()))))


class Load:
    """The clients as a process beside a test: from `with` to its end. Then `counts` is there."""

    def __init__(self, url, body, expect="", fresh=0, keepalive=0, rate=25, tries=1):
        self.counts = None
        self.command = [sys.executable, __file__, url, "--body", str(body), "--expect", expect,
                        "--fresh", str(fresh), "--keepalive", str(keepalive),
                        "--rate", str(rate), "--tries", str(tries)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        told, _ = self.process.communicate()
        self.counts = {kind: Counter(counts) for kind, counts in json.loads(told).items()}

    def total(self, what):
        return sum(counts[what] for counts in self.counts.values())

    @property
    def failed(self):
        return self.total("requests") - self.total("200")

    def describe(self):
        """Such as "1200 requests, 0 failed"; with what became of those that failed."""
        told = [f"{self.total('requests')} requests, {self.failed} failed"]
        for kind, counts in self.counts.items():
            told += [f"{counts[name]} {name} ({kind})" for name in sorted(counts)
                     if name not in ("requests", "200", "sent again")]
        if again := self.total("sent again"):
            told.append(f"{again} sent again")
        return ", ".join(told)


if __name__ == "__main__":
    main()
