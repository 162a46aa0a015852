#!/usr/bin/env python3
"""Real clients while others flood the server: who is still served, how fast, what it costs.

One nginx with the shipped configuration (`rowan serve`) and one worker on CPU 0; every
generator on CPU 1.  Real clients send RATE single transactions a second on a timetable,
from 10 connections; latency counts from the moment a request was due.  First they are
alone; then, with the timetable going on, others flood:

  single   200 connections, single transactions, 16 sent ahead on each
  arrays   200 connections, arrays of 1,000 transactions, 2 ahead
  slow     2,000 connections that dribble headers, dribble bodies, or do not read

and then they are alone again.  Once the real clients have a key of class high, and once
they have no key and an address each (X-Forwarded-For of a trusted proxy), as the flood has.

Before all that it prints what refusing a request before its body is read costs the worker,
beside serving it: the rate limit refuses all, and no refusal is held back.

usage: flood.py [--quick] [--refuse-delay TIME]
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from flood_clients import http_request, percentile, real_clients, slow_clients

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
MODEL = Path(os.environ.get("MODEL_DIR", ROOT / "models" / "fraud")).resolve()
SERVER_CPU, CLIENT_CPU = 0, 1
RATE = 1000
REAL_CONNECTIONS = 10
FLOOD_CONNECTIONS, FLOOD_ADDRESSES, SLOW_CONNECTIONS = 200, 20, 2000
KEY = "bench-key-of-a-real-client"
GOAL_SUCCESS, GOAL_P99, GOAL_RECOVERY, GOAL_RSS = 99.9, 0.050, 2.0, 512.0
GOOD_LATENCY, WINDOW = 0.050, 0.1  # recovered: windows whose p99 is good and nothing fails

FLOOD_SCRIPT = """
local n, sent = {addresses}, 0
local requests = {{}}
for i = 1, n do
    local one = wrk.format("POST", "/predict", {{
        ["Content-Type"] = "application/json",
        ["Host"] = "bench", ["X-Forwarded-For"] = "10.0.0." .. i}}, '{body}')
    requests[i] = string.rep(one, {ahead})
end
function request()
    sent = sent + 1
    return requests[sent % n + 1]
end
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def example():
    for line in (MODEL / "golden.jsonl").read_text().splitlines():
        request = json.dumps(json.loads(line)["request"], separators=(",", ":"))
        if len(request) <= 180:
            return request
    raise SystemExit("golden.jsonl has no small request")


class Server:
    def __init__(self, folder, edit=None, **settings):
        self.port = free_port()
        folder.mkdir(mode=0o755)
        keys = folder / "keys"
        keys.write_text(f"{hashlib.sha256(KEY.encode()).hexdigest()} high real\n")
        environment = {**os.environ, "RUNTIME_DIR": str(folder), "MODEL_DIR": str(MODEL),
                       "ROWAN_SHARE_DIR": str(BUILD / "share/rowan"), "API_HOST": "127.0.0.1",
                       "ROWAN_MODULE": str(BUILD / "ngx_http_rowan_module.so"),
                       "API_PORT": str(self.port), "WORKERS": "1", "LOG_LEVEL": "error",
                       "TRUSTED_PROXIES": "127.0.0.1", "API_KEYS": str(keys),
                       **{name: str(value) for name, value in settings.items()}}
        subprocess.run([BUILD / "src/cli/rowan", "serve", "--render"], env=environment, check=True)
        if edit:
            configuration = folder / "nginx.conf"
            configuration.write_text(edit(configuration.read_text()))
        self.process = self.start([shutil.which("nginx") or "/usr/sbin/nginx", "-p", folder, "-c",
                                   folder / "nginx.conf", "-e", "stderr"])
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.05)

    def start(self, command):
        return subprocess.Popen(command,
                                preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CPU}))

    def cpu_seconds(self):
        """Of the worker, from the scheduler."""
        return int(Path(f"/proc/{self.worker()}/schedstat").read_text().split()[0]) / 1e9

    def worker(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def rss(self):
        status = Path(f"/proc/{self.worker()}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Wrk:
    """A flood by wrk for some seconds."""

    def __init__(self, folder, port, seconds, body, ahead):
        script = folder / f"flood-{ahead}-{len(body)}.lua"
        script.write_text(FLOOD_SCRIPT.format(addresses=FLOOD_ADDRESSES, body=body, ahead=ahead))
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{FLOOD_CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s",
             script, f"http://127.0.0.1:{port}/predict"], stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: (os.sched_setaffinity(0, {CLIENT_CPU}), os.nice(10)))

    def result(self):
        text = self.process.communicate()[0]
        total = re.search(r"(\d+) requests in ([\d.]+)(s|m)", text)
        if not total:
            return "no reply"
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        answered, refused = int(total.group(1)), int(refused.group(1)) if refused else 0
        return f"{answered - refused} served, {refused} refused"


class Slow:
    def __init__(self, port, seconds, requests):
        self.queue = multiprocessing.Queue()
        self.process = multiprocessing.Process(
            target=slow_clients,
            args=(self.queue, CLIENT_CPU, port, requests, SLOW_CONNECTIONS, seconds))
        self.process.start()

    def result(self):
        cut = self.queue.get()
        self.process.join()
        return f"{cut} connections cut off"


NO_LIMITS = {"RATE_LIMIT": "off", "SHED_TARGET": "off", "CLIENT_CONNECTIONS": "off"}
REFUSE_ALL = {**NO_LIMITS, "RATE_LIMIT": "1", "RATE_BURST": "0"}


def saturate(server, folder, body, connections):
    """(requests a second, CPU seconds of the worker a request) of clients that only wait."""
    script = folder / f"saturate-{len(body)}.lua"
    script.write_text(FLOOD_SCRIPT.format(addresses=FLOOD_ADDRESSES, body=body, ahead=1))
    used = server.cpu_seconds()
    printed = subprocess.run(["wrk", "-t1", f"-c{connections}", "-d2s", "-s", script,
                              f"http://127.0.0.1:{server.port}/predict"], check=True,
                             stdout=subprocess.PIPE, text=True,
                             preexec_fn=lambda: os.sched_setaffinity(0, {CLIENT_CPU})).stdout
    used = server.cpu_seconds() - used
    requests = int(re.search(r"(\d+) requests in", printed).group(1))
    return float(re.search(r"Requests/sec:\s+([\d.]+)", printed).group(1)), used / requests


def capacity(folder, body):
    """Single transactions a second with no limit, from 64 connections, no key."""
    server = Server(folder, **NO_LIMITS)
    rate, _ = saturate(server, folder, body, 64)
    server.stop()
    return rate


def refuse_delay(time):
    """An edit of the configuration."""
    return lambda text: re.sub(r"rowan_refuse_delay\s+\w+;", f"rowan_refuse_delay {time};", text)


def costs(folder, body):
    """Prints what refusing costs beside serving."""
    serving = Server(folder / "serving", **NO_LIMITS)
    refusing = Server(folder / "refusing", refuse_delay("0"), **REFUSE_ALL)
    print(f"\n{'transactions':>12}{'served us':>12}{'refused us':>12}{'ratio':>8}   "
          f"(CPU time of the worker a request; goal: a third)")
    for rows in (1, 10, 100, 1000):
        text = body if rows == 1 else "[" + ",".join([body] * rows) + "]"
        served, refused = [], []
        for _ in range(3):
            served.append(saturate(serving, folder, text, 4)[1])
            refused.append(saturate(refusing, folder, text, 4)[1])
        served, refused = statistics.median(served) * 1e6, statistics.median(refused) * 1e6
        print(f"{rows:12}{served:12.1f}{refused:12.1f}{refused / served:8.2f}")
    serving.stop()
    refusing.stop()


class Memory:
    """The largest resident memory of the worker, while it runs."""

    def __init__(self, server):
        self.server, self.largest, self.running = server, 0.0, True
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def _watch(self):
        while self.running:
            self.largest = max(self.largest, self.server.rss())
            time.sleep(0.1)

    def stop(self):
        self.running = False
        self.thread.join()
        return self.largest


def phases(server, folder, body, seconds, calm):
    """Yields (name, start, end, note) once each phase is over, in monotonic time."""
    rows = "[" + ",".join([body] * 1000) + "]"
    dribbles = [(kind, http_request("/predict?explain=5" if kind == "reply" else "/predict",
                                    rows.encode() if kind == "reply" else body.encode(),
                                    [("X-Forwarded-For", f"10.0.1.{i}")]))
                for i in range(FLOOD_ADDRESSES) for kind in ("header", "body", "reply")]
    floods = {"single": lambda: Wrk(folder, server.port, seconds, body, 16),
              "arrays": lambda: Wrk(folder, server.port, seconds, rows, 2),
              "slow": lambda: Slow(server.port, seconds, dribbles)}
    begin = time.monotonic()
    time.sleep(calm)
    yield "alone", begin, time.monotonic(), ""
    for name, flood in floods.items():
        begin = time.monotonic()
        note = flood().result()
        end = time.monotonic()
        yield name, begin, end, note
        time.sleep(calm)
        yield f"after {name}", end, time.monotonic(), ""


def recovery(results, begin):
    """Seconds from `begin` until windows are good and stay good."""
    windows = {}
    for due, latency, status in results:
        windows.setdefault(int((due - begin) / WINDOW), []).append(
            status == 200 and latency <= GOOD_LATENCY)
    bad = [i for i, good in windows.items() if i >= 0 and sum(good) < 0.99 * len(good)]
    return (max(bad) + 1) * WINDOW if bad else 0.0


def run(title, folder, body, headers, seconds, calm, edit):
    """One server, all phases; true if every goal is met."""
    server = Server(folder, edit, SHED_TARGET=5)
    requests = [http_request("/predict", body.encode(), headers(i))
                for i in range(REAL_CONNECTIONS)]
    total = calm + 3 * (seconds + calm) + 3
    queue = multiprocessing.Queue()
    clients = multiprocessing.Process(
        target=real_clients, args=(queue, CLIENT_CPU, server.port, requests, RATE, total))
    clients.start()
    memory = Memory(server)
    spans = list(phases(server, folder, body, seconds, calm))
    _, results, late_p99, late_max = queue.get()
    clients.join()
    largest, smallest = memory.stop(), server.rss()
    server.stop()
    print(f"\n{title}; the generator itself was late by p99 {late_p99 * 1e3:.1f} ms, "
          f"at most {late_max * 1e3:.1f} ms")
    print(f"{'phase':14}{'requests':>9}{'success %':>11}{'p50 ms':>9}{'p99 ms':>9}"
          f"{'p99.9 ms':>10}{'recovery s':>12}  {'':8}the others")
    good = [report(span, results) for span in spans]
    bounded = largest <= GOAL_RSS
    print(f"memory of the worker: {largest:.0f} MB at most, {smallest:.0f} MB in the end "
          f"(goal {GOAL_RSS:.0f}) {'ok' if bounded else 'MISSED'}")
    return all(good) and bounded


def report(span, results):
    name, begin, end, note = span
    mine = [(due, latency, status) for due, latency, status in results if begin <= due < end]
    if not mine:
        print(f"{name:14}{0:9}")
        return False
    served = [latency for _, latency, status in mine if status == 200]
    success = 100 * len(served) / len(mine)
    p50, p99, p999 = (percentile(served, share) or float("inf") for share in (0.5, 0.99, 0.999))
    if name.startswith("after"):
        took = recovery(mine, begin)
        good, shown = took <= GOAL_RECOVERY, f"{took:.1f}"
    else:
        good, shown = success >= GOAL_SUCCESS and p99 <= GOAL_P99, ""
    print(f"{name:14}{len(mine):9}{success:11.3f}{p50 * 1e3:9.2f}{p99 * 1e3:9.2f}"
          f"{p999 * 1e3:10.2f}{shown:>12}  {'ok' if good else 'MISSED':8}{note}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="short phases")
    parser.add_argument("--refuse-delay", metavar="TIME", default="100ms",
                        help="how long refusals are held back, as shipped: 100ms; 0: not at all")
    arguments = parser.parse_args()
    quick, edit = arguments.quick, refuse_delay(arguments.refuse_delay)
    seconds, calm = (5, 3) if quick else (15, 5)
    body = example()
    met = []
    with tempfile.TemporaryDirectory(prefix="rowan-flood-") as name:
        os.chmod(name, 0o755)
        folder = Path(name)
        most = capacity(folder / "capacity", body)
        print(f"{os.cpu_count()} CPUs; server with one worker on one, all generators on the "
              f"other; {RATE} real requests/s; without limits the server answers "
              f"{most:.0f} single transactions/s\n"
              f"goals: success >= {GOAL_SUCCESS} %, p99 <= {GOAL_P99 * 1e3:.0f} ms, recovery "
              f"<= {GOAL_RECOVERY} s")
        (folder / "costs").mkdir(mode=0o755)
        costs(folder / "costs", body)
        met.append(run("Real clients with a key of class high, flood without a key",
                       folder / "keys", body, lambda i: [("X-API-Key", KEY)], seconds, calm,
                       edit))
        met.append(run("Nobody has a key: 10 real addresses, 20 of the flood",
                       folder / "fair", body, lambda i: [("X-Forwarded-For", f"10.1.0.{i}")],
                       seconds, calm, edit))
    print("\nall goals met" if all(met) else "\ngoals MISSED")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
