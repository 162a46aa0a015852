#!/usr/bin/env python3
"""POST /predict against `return 200` of the same nginx, in one run.

One nginx with one worker on CPU 0 serves both locations; wrk on CPU 1 sends the same
request to both, with 64 keep-alive connections, in turn.  The constant reply has the
size of the real one.  Metrics are on, as shipped.  Prints requests/s, p99 and CPU time a
request of the worker.
"""

import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
MODEL = Path(os.environ.get("MODEL_DIR", ROOT / "models" / "fraud")).resolve()
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = int(os.environ.get("SECONDS_A_ROUND", "8"))
CONNECTIONS = 64
SERVER_CPU, CLIENT_CPU = "0", "1"

CONFIG = """
load_module {build}/ngx_http_rowan_module.so;
daemon off; master_process on; worker_processes 1; worker_cpu_affinity 01;
pid {folder}/nginx.pid; error_log {folder}/error.log warn; {user}
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 100000000; server_tokens off;
    client_body_buffer_size 4m; client_max_body_size 4m;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    rowan_image_dir {folder}/images;
    rowan_metrics_dir {folder}/metrics;
    rowan_model fraud {model};
    server {{
        listen 127.0.0.1:{port};
        location = /predict {{ rowan_predict fraud; }}
        location = /constant {{ default_type application/json; return 200 '{reply}'; }}
    }}
}}
"""

SCRIPT = """
wrk.method = "POST"
wrk.body = '{body}'
wrk.headers["Content-Type"] = "application/json"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def example() -> str:
    """The first golden request of about 140 to 180 bytes: the seven fields."""
    for line in (MODEL / "golden.jsonl").read_text().splitlines():
        request = json.dumps(json.loads(line)["request"], separators=(",", ":"))
        if len(request) <= 180:
            return request
    raise SystemExit("golden.jsonl has no small request")


def post(port: int, path: str, body: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body.encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return reply.read().decode()


class Nginx:
    def __init__(self, folder: Path, reply: str):
        self.port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(build=BUILD, folder=folder, model=MODEL, port=self.port,
                                        reply=reply, user=user))
        self.process = subprocess.Popen(
            [shutil.which("nginx") or "/usr/sbin/nginx", "-c", config, "-p", folder, "-e",
             folder / "error.log"])
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise SystemExit((folder / "error.log").read_text())

    def worker(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def cpu_seconds(self) -> float:
        """Of the worker: nanoseconds on a CPU, from the scheduler."""
        return int(Path(f"/proc/{self.worker()}/schedstat").read_text().split()[0]) / 1e9

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.worker()}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


def wrk(nginx: Nginx, script: Path, path: str) -> dict[str, float]:
    before = nginx.cpu_seconds()
    printed = subprocess.run(
        ["taskset", "-c", CLIENT_CPU, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s",
         "--latency", "-s", script, f"http://127.0.0.1:{nginx.port}{path}"],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    used = nginx.cpu_seconds() - before
    if "Non-2xx" in printed or "Socket errors" in printed:
        raise SystemExit(printed)
    requests = int(re.search(r"(\d+) requests in", printed).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", printed).groups()
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", printed).group(1)),
            "p99_ms": float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit],
            "cpu_us": used / requests * 1e6}


def measure(nginx: Nginx, script: Path) -> dict[str, dict[str, float]]:
    rounds: dict[str, list] = {"/constant": [], "/predict": []}
    for path in rounds:
        wrk(nginx, script, path)  # warm
    for _ in range(ROUNDS):
        for path, results in rounds.items():
            results.append(wrk(nginx, script, path))
    return {path: {key: statistics.median(result[key] for result in results)
                   for key in results[0]} for path, results in rounds.items()}


def main() -> None:
    body = example()
    with tempfile.TemporaryDirectory(prefix="rowan-bench-") as name:
        folder = Path(name)
        first = Nginx(folder, "x")
        reply = post(first.port, "/predict", body)
        first.stop()
        script = folder / "post.lua"
        script.write_text(SCRIPT.format(body=body))
        nginx = Nginx(folder, reply)
        try:
            assert len(post(nginx.port, "/constant", body)) == len(reply)
            medians = measure(nginx, script)
            memory = nginx.memory_mb()
        finally:
            nginx.stop()
    constant, predict = medians["/constant"], medians["/predict"]
    print(f"{platform.machine()}, {os.cpu_count()} CPUs; server on one, wrk on the other; "
          f"{CONNECTIONS} connections; request {len(body)} bytes, reply {len(reply)} bytes; "
          f"medians of {ROUNDS} rounds of {SECONDS} s")
    print(f"{'':14}{'requests/s':>12}{'p99 ms':>10}{'CPU us a request':>20}")
    for path, result in medians.items():
        print(f"{path:14}{result['rate']:12.0f}{result['p99_ms']:10.2f}{result['cpu_us']:20.2f}")
    print(f"{'ratio':14}{predict['rate'] / constant['rate']:12.2f}"
          f"{predict['p99_ms'] / constant['p99_ms']:10.2f}"
          f"{predict['cpu_us'] / constant['cpu_us']:20.2f}")
    print(f"memory of the worker: {memory:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
