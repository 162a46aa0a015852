"""nginx with the module on 1 to 6 replicas, each with a share of a CPU and one wrk.

The configuration is that of `rowan serve` with one worker, without limits and load shedding: a
replica that gets a tenth of a CPU is always overloaded, and would refuse what it is to answer.
"""

import json
import re
import subprocess
from contextlib import ExitStack

import flood
from quota import Group, Machine
from serving import SCRIPT

CONNECTIONS = 8  # of one wrk
HEADER_BYTES = 110  # of a request of wrk: its line, Host, Content-Type, Content-Length


def example():
    """The first golden request with every field of the contract, and its reply's text."""
    requests = [json.loads(line)["request"]
                for line in (flood.MODEL / "golden.jsonl").read_text().splitlines()]
    fields = max(map(len, requests))
    return next(json.dumps(request, separators=(",", ":")) for request in requests
                if len(request) == fields)


class Server(flood.Server):
    """Within a group, on any CPU."""

    def __init__(self, group, folder):
        self.group = group
        super().__init__(folder, **flood.NO_LIMITS)

    def start(self, command):
        return subprocess.Popen(self.group.command(command))


class Replica:
    """One nginx and its wrk."""

    def __init__(self, number, folder, share):
        self.folder, self.group = folder / f"nginx-{number}", Group(share)
        self.server = self.wrk = None

    def __enter__(self):
        self.group.__enter__()
        try:
            self.server = Server(self.group, self.folder)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.wrk and self.wrk.poll() is None:
            self.wrk.kill()
            self.wrk.wait()
        if self.server:
            self.server.stop()
        self.group.__exit__()

    def load(self, script, seconds):
        self.before = self.group.cpu_seconds()
        self.wrk = subprocess.Popen(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script,
             f"http://127.0.0.1:{self.server.port}/predict"], stdout=subprocess.PIPE, text=True)

    def result(self):
        """(requests, seconds, bytes read, CPU seconds)"""
        printed = self.wrk.communicate()[0]
        used = self.group.cpu_seconds() - self.before
        if self.wrk.returncode or "Non-2xx" in printed or "Socket errors" in printed:
            raise RuntimeError(f"wrk: {printed}")
        n, seconds, size, unit = re.search(
            r"(\d+) requests in ([\d.]+)s, ([\d.]+)([KMG]?B) read", printed).groups()
        factor = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}[unit]
        return int(n), float(seconds), float(size) * factor, used


def run(folder, replicas, share, seconds):
    """One measurement: so many replicas under load; its figures."""
    body = example()
    folder.mkdir()
    script = folder / "post.lua"
    script.write_text(SCRIPT.format(body=body))
    with ExitStack() as stack:
        everyone = [stack.enter_context(Replica(i, folder, share)) for i in range(replicas)]
        machine = Machine()
        for replica in everyone:
            replica.load(script, seconds)
        results = [replica.result() for replica in everyone]
        busy = machine.busy()
    n = sum(result[0] for result in results)
    return {"rate": sum(result[0] / result[1] for result in results), "busy": busy,
            "cpu_us": sum(result[3] for result in results) / n * 1e6,
            "share_used": sum(used / (took * share) for _, took, _, used in results) / replicas,
            "bytes_in": len(body) + HEADER_BYTES, "bytes_out": sum(r[2] for r in results) / n}
