"""A server of others', out of the Python environment of training/: MLflow, or S3. Only the standard
library is needed to run one, so that every suite can import it whatever environment it runs in."""

import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ("requirements.txt", "training/requirements-test.txt")
PATIENCE = 120  # seconds until something that must come counts as absent; no measure of speed
# Below the ports that the system hands out, and beside those of tests/kafka.
PORTS = range(24000, 25500)


def eventually(condition, patience=PATIENCE):
    """The first true value of `condition`, or its last one."""
    deadline = time.monotonic() + patience
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value


def free_ports(n):
    """`n` ports of 127.0.0.1 that nobody listens on."""
    found = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == n:
            return found
    raise AssertionError(f"no {n} free ports from {PORTS.start} to {PORTS.stop - 1}")


@cache
def tools():
    """The folder of programs of the environment that has mlflow, boto3 and seaweedfs."""
    printed = subprocess.run([ROOT / "scripts/venv.sh", *REQUIREMENTS], check=True, cwd=ROOT,
                             stdout=subprocess.PIPE, text=True).stdout
    return Path(printed.strip()) / "bin"


class RealServer:
    """As a context manager it runs, and ends; may be started again, and its log goes on. A subclass
    has `command`, a list, and `environment`; GET `ready_url` says when it is there."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path = self.folder / "log"
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        assert self.process is None
        with open(self.log_path, "ab") as log:
            # A session of its own: MLflow makes processes, and they end together.
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.folder, start_new_session=True,
                                            env={**os.environ, **self.environment})
        try:
            assert eventually(self.is_ready), self.log
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        """All of its processes, at once: nobody needs what they would still write."""
        process, self.process = self.process, None
        if process:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def is_ready(self):
        assert self.process.poll() is None, self.log
        try:
            with urllib.request.urlopen(self.ready_url, timeout=5) as reply:
                return reply.status == 200
        except urllib.error.HTTPError:
            return True  # it answers, and asks who is there
        except OSError:
            return False
