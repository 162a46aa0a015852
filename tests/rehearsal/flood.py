"""The attackers of act two over HTTP: wrk, without a key, as fast as the service answers.

Many addresses in X-Forwarded-For, single transactions and arrays. A round is short, so that pods
that are new get their share of the connections. All generators run at nice 10: on a machine that
is also the node and the brokers' place, those come first.
"""

import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from place import Failed

SCRIPT = Path(__file__).with_name("flood.lua")
NICELY = ("nice", "-n", "10")
ROUND_SECONDS = 20
ROUND_PATIENCE = 60  # seconds for wrk to end after it was told to
LOOK_EVERY = 0.2
ANSWER_PATIENCE = "10s"
NETWORK, ADDRESSES = "203.0.113.", 50


@dataclass(frozen=True)
class Attack:
    """One kind of request, from so many connections, so many requests ahead on each."""

    name: str
    rows: int
    connections: int
    ahead: int


ATTACKS = (Attack("single transactions", 1, 100, 8), Attack("arrays of 1,000", 1000, 20, 1))


def figure(pattern, text):
    """The sum of the figures in the one line of wrk's report that the pattern finds."""
    found = re.search(pattern, text)
    return sum(map(int, re.findall(r"\d+", found.group(1)))) if found else 0


def counted(text):
    """What the attackers got, as wrk counted it."""
    refused = figure(r"Non-2xx or 3xx responses: (.*)", text)
    return Counter({"served": figure(r"(\d+) requests in", text) - refused, "refused": refused,
                    "cut off": figure(r"Socket errors: (.*)", text)})


class HttpFlood:
    """From `with` to its end, or for `seconds_max`. Then `counts` says what each attack got."""

    def __init__(self, url, body_file, seconds_max):
        """`body_file`: gives the file of a request with so many transactions."""
        if not shutil.which("wrk"):
            raise Failed("wrk is not there; `make packages-bench` installs it")
        self.url, self.body_file, self.seconds_max = url, body_file, seconds_max
        self.ended = threading.Event()
        self.counts = {}

    def command(self, attack):
        return [*NICELY, "wrk", "-t1", f"-c{attack.connections}", f"-d{ROUND_SECONDS}s",
                "--timeout", ANSWER_PATIENCE, "-s", str(SCRIPT), self.url, "--",
                str(self.body_file(attack.rows)), str(attack.ahead), NETWORK, str(ADDRESSES)]

    def round(self, command):
        """One run of wrk, to its end or the flood's."""
        process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        while process.poll() is None and not self.ended.wait(LOOK_EVERY):
            pass
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # it reports all the same
        try:
            told, _ = process.communicate(timeout=ROUND_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        if "requests in" not in told and not self.ended.is_set():
            raise Failed(f"wrk: status {process.returncode}: {told.strip()[-500:]}")
        return counted(told)

    def rounds(self, attack):
        command, total = self.command(attack), Counter()
        until = time.monotonic() + self.seconds_max
        while not self.ended.is_set() and time.monotonic() < until:
            total += self.round(command)
        return total

    def __enter__(self):
        self.pool = ThreadPoolExecutor(len(ATTACKS))
        self.results = {attack.name: self.pool.submit(self.rounds, attack) for attack in ATTACKS}
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.pool.shutdown()
        self.counts = {name: result.result() for name, result in self.results.items()}

    def describe(self):
        """Such as "single transactions: 10 served, 20 refused, 0 cut off; ..."."""
        return "; ".join(f"{name}: {counts['served']:,} served, {counts['refused']:,} refused, "
                         f"{counts['cut off']:,} cut off" for name, counts in self.counts.items())
