#!/usr/bin/env python3
"""Clients of the service: each request is counted with what became of it, and timed.

usage: load.py URL [--fresh N] [--keepalive N] [--rate N] [--tries N] [--body FILE] [--expect TEXT]
               [--header NAME:VALUE]... [--network ADDRESSES]

Ends when its standard input ends, and prints its counts as JSON. `--fresh` clients open a
connection for each request, `--keepalive` clients use theirs as long as the server lets them. A
client sends one request at a time, `--rate` of them a second. With `--tries` above 1 a request
that failed is sent again, as a careful client does it. Each client says that it is another
address of `--network`, as a proxy in front of the service does.
"""

import argparse
import asyncio
import ipaddress
import json
import subprocess
import sys
import time
from array import array
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

SECONDS_MAX = 3600    # a client that nobody stops ends by itself; the longest act takes 40 minutes
ANSWER_PATIENCE = 20  # seconds for one answer, connection included
PAUSE = 0.25          # seconds before a request is sent again
LATE_MAX = 1          # seconds that a client's timetable may fall behind
HEADER_MAX = 64 << 10


class Times:
    """When requests were due, and how long each took until it was answered; of those that failed,
    when they were due."""

    def __init__(self, due=(), seconds=(), failed=()):
        self.due = array("d", due)          # of time.time()
        self.seconds = array("d", seconds)
        self.failed = array("d", failed)

    def add(self, due, seconds):
        self.due.append(due)
        self.seconds.append(seconds)

    def between(self, begin, end):
        """Seconds of those that were due then, the shortest first."""
        return sorted(took for due, took in zip(self.due, self.seconds) if begin <= due < end)

    def failed_between(self, begin, end):
        return sum(begin <= due < end for due in self.failed)

    def as_json(self):
        return {"due": [round(due, 3) for due in self.due],
                "seconds": [round(took, 5) for took in self.seconds],
                "failed": [round(due, 3) for due in self.failed]}


class Client:
    """One client with at most one connection."""

    def __init__(self, arguments, keepalive, headers, counts, times):
        self.url = urlsplit(arguments.url)
        self.arguments = arguments
        self.keepalive = keepalive
        self.counts, self.times = counts, times
        self.reader = self.writer = None
        body = Path(arguments.body).read_bytes()
        path = self.url.path + (f"?{self.url.query}" if self.url.query else "")
        lines = [f"POST {path} HTTP/1.1", f"Host: {self.url.netloc}",
                 "Content-Type: application/json", f"Content-Length: {len(body)}",
                 f"Connection: {'keep-alive' if keepalive else 'close'}", *headers]
        self.request = ("\r\n".join(lines) + "\r\n\r\n").encode() + body

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

    async def tried(self):
        """What became of a request in the end."""
        for attempt in range(self.arguments.tries):
            if attempt:
                self.counts["sent again"] += 1
                await asyncio.sleep(PAUSE)
            outcome = await self.outcome()
            if outcome == "200":
                break
        return outcome

    async def work(self, stopped, delay):
        """One request after the other, each at its time: one that comes late because the one
        before took long was due all the same, and its time counts from there."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(delay)
        due = loop.time()
        while not stopped.is_set():
            outcome = await self.tried()
            self.counts["requests"] += 1
            self.counts[outcome] += 1
            took = loop.time() - due
            if outcome == "200":
                self.times.add(time.time() - took, took)
            else:
                self.times.failed.append(time.time() - took)
            due = max(due + 1 / self.arguments.rate, loop.time() - LATE_MAX)
            await asyncio.sleep(max(0, due - loop.time()))
        self.hang_up()


def headers_of(arguments, number):
    """The header lines of one client: those of all, and an address of its own."""
    lines = [header.replace(":", ": ", 1) for header in arguments.header]
    if arguments.network:
        network = ipaddress.ip_network(arguments.network)
        lines.append(f"X-Forwarded-For: {network[1 + number]}")
    return lines


async def serve_all(arguments):
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), stopped.set)
    loop.call_later(SECONDS_MAX, stopped.set)
    counts, times = {"fresh": Counter(), "keepalive": Counter()}, Times()
    kinds = [kind for kind in counts for _ in range(getattr(arguments, kind))]
    clients = [Client(arguments, kind == "keepalive", headers_of(arguments, number),
                      counts[kind], times) for number, kind in enumerate(kinds)]
    # One after the other, or all would ask at the same moment, again and again.
    apart = 1 / arguments.rate / max(1, len(clients))
    await asyncio.gather(*(client.work(stopped, number * apart)
                           for number, client in enumerate(clients)))
    return {"counts": counts, "times": times.as_json()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--fresh", type=int, default=0)
    parser.add_argument("--keepalive", type=int, default=0)
    parser.add_argument("--rate", type=float, default=25)
    parser.add_argument("--tries", type=int, default=1)
    parser.add_argument("--body", required=True)
    parser.add_argument("--expect", default="")
    parser.add_argument("--header", action="append", default=[], metavar="NAME:VALUE")
    parser.add_argument("--network", default="")
    print(json.dumps(asyncio.run(serve_all(parser.parse_args()))))


class Latencies:
    """Seconds until requests were answered, from when each was due; None without any."""

    def __init__(self, ordered):
        self.ordered = ordered

    def percentile(self, share):
        """The nearest rank."""
        last = len(self.ordered) - 1
        return self.ordered[min(last, int(len(self.ordered) * share))] if self.ordered else None

    @property
    def longest(self):
        return self.percentile(1)

    def describe(self):
        """Such as "p50 3 ms, p99 20 ms, longest 140 ms"."""
        if not self.ordered:
            return "none answered"
        return (f"p50 {self.percentile(0.5) * 1e3:.1f} ms, p99 {self.percentile(0.99) * 1e3:.1f} "
                f"ms, longest {self.longest * 1e3:.0f} ms")


class Load:
    """The clients as a process beside a test: from `with` to its end. Then `counts` and `times`
    are there."""

    def __init__(self, url, body, expect="", fresh=0, keepalive=0, rate=25, tries=1, headers=None,
                 network=""):
        """`rate`: of each client. `headers`: of all clients. `network`: each client says, in
        X-Forwarded-For, that it is another of these addresses."""
        self.counts = self.times = None
        self.command = [sys.executable, __file__, url, "--body", str(body), "--expect", expect,
                        "--fresh", str(fresh), "--keepalive", str(keepalive),
                        "--rate", str(rate), "--tries", str(tries), "--network", network]
        for name, value in (headers or {}).items():
            self.command += ["--header", f"{name}:{value}"]

    def __enter__(self):
        # A session of its own: Ctrl-C is for the test, and it ends the clients.
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, start_new_session=True)
        return self

    def _end(self):
        self.process.kill()
        self.process.communicate()

    def __exit__(self, kind, *_):
        if kind:  # nobody asks what they counted
            self._end()
            return
        try:
            said, _ = self.process.communicate()
        except BaseException:  # Ctrl-C while they are waited for
            self._end()
            raise
        told = json.loads(said)
        self.counts = {kind: Counter(counts) for kind, counts in told["counts"].items()}
        self.times = Times(**told["times"])

    def total(self, what):
        return sum(counts[what] for counts in self.counts.values())

    def latencies(self, begin=0.0, end=float("inf")):
        """Seconds until the answer of requests that were due between two times of time.time()."""
        return Latencies(self.times.between(begin, end))

    def answered(self, begin=0.0, end=float("inf")):
        """(answered, asked) of the requests that were due between two times of time.time()."""
        answered = len(self.times.between(begin, end))
        return answered, answered + self.times.failed_between(begin, end)

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
