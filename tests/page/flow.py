"""Simulated transactions, sent at an even pace by a thread until it is told to end."""

import json
import subprocess
import threading
import time
from collections import Counter
from itertools import cycle

import httpx

from server import PATIENCE, ROWAN


def transactions(count):
    """Requests of `rowan simulate`, in which terminals have a history already."""
    lines = subprocess.run(
        [ROWAN, "simulate", "--customers", "500", "--terminals", "100", "--format", "jsonl",
         "--count", str(3 * count)], check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines[-count:]]


class Flow:
    """`rate` requests a second; `answers` counts them by status."""

    def __init__(self, url, requests, rate, path="/predict"):
        self.url, self.requests, self.pause = url + path, requests, 1 / rate
        self.answers = Counter()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        due = time.monotonic()
        with httpx.Client(timeout=PATIENCE) as client:
            for request in cycle(self.requests):
                if self.ending.wait(max(0, due - time.monotonic())):
                    return
                self.answers[client.post(self.url, json=request).status_code] += 1
                due = max(due + self.pause, time.monotonic() - 1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
