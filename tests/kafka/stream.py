"""The program under test: a real rowan-stream, its log, its probes and its metrics."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from kafka import PATIENCE, eventually
from records import FRAUD

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
# Which rowan-stream: another build of it, such as the image's, may be named.
ROWAN_STREAM = Path(os.environ.get("STREAM_PROGRAM", BUILD / "src/stream/rowan-stream")).absolute()
ROWAN = BUILD / "src" / "cli" / "rowan"
# Nothing of the machine's own settings may reach a test.
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith(("KAFKA_", "MODEL_"))
               and name not in ("REPLICA_ID", "METRICS_DIR", "LOG_LEVEL")}

sys.path.append(str(ROOT / "tests" / "http"))  # its reader of metrics, and its model directories

from scrape import Metrics  # noqa: E402


def run(*arguments, **environment):
    """rowan-stream to its end, for what does not run long: the finished process."""
    return subprocess.run([ROWAN_STREAM, *map(str, arguments)], text=True, capture_output=True,
                          env={**ENVIRONMENT, **environment}, timeout=PATIENCE)


def replace_link(link, target):
    """The swap of a model: one rename(2)."""
    fresh = link.with_name(link.name + ".new")
    fresh.symlink_to(target)
    fresh.rename(link)


class Stream:
    """One rowan-stream. As a context manager it ends by SIGTERM, with status 0."""

    def __init__(self, folder, properties=None, files=None, environment=None, **options):
        """`options` are those of the command line, _ for -; True: an option without a value.
        `properties`: -X; `files`: -F; `environment`: variables, REPLICA_ID among them."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.metrics_dir = self.folder / "metrics"
        self.metrics_dir.mkdir(exist_ok=True)
        self.log_path = self.folder / "log"
        self.process = None
        options = {"model": FRAUD, "metrics_dir": self.metrics_dir, **options}
        self.arguments = []
        for name, value in options.items():
            if value is not None:
                self.arguments.append("--" + name.replace("_", "-"))
                self.arguments += [] if value is True else [str(value)]
        for flag, pairs in (("-X", properties), ("-F", files)):
            for name, value in (pairs or {}).items():
                self.arguments += [flag, f"{name}={value}"]
        self.environment = {**ENVIRONMENT, "REPLICA_ID": "replica-0", **(environment or {})}

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()

    def start(self, wait=True):
        """May be called again after stop() or kill(); the log goes on."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([ROWAN_STREAM, *self.arguments], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL,
                                            env=self.environment)
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self):
        def is_ready():
            assert self.process.poll() is None, self.log[-3000:]
            return self.is_ready()
        assert eventually(is_ready), f"{self.probe('ready').stderr}\n{self.log[-3000:]}"

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def hold(self):
        """Holds it still, as a virtual machine that is moved does."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def wait(self):
        """Its exit status, once it has ended."""
        process = self.process
        status = process.wait(PATIENCE)
        self.process = None
        assert not self.reports(), self.log[-3000:]
        return status

    def stop(self):
        if self.process is None:
            return
        self.terminate()
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert status == 0, self.log[-3000:]

    def kill(self):
        """As the kernel does it when memory is short."""
        process, self.process = self.process, None
        if process:
            process.kill()
            process.wait()

    def probe(self, action):
        """`live` or `ready`, as Kubernetes would ask: the finished process."""
        return subprocess.run([ROWAN_STREAM, action, *self.arguments], text=True,
                              capture_output=True, env=self.environment, timeout=PATIENCE)

    def is_ready(self):
        return self.probe("ready").returncode == 0

    def is_live(self):
        return self.probe("live").returncode == 0

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def says(self, words):
        """Waits until the log has a line with these words; the line."""
        def line():
            return next((line for line in self.log.splitlines() if words in line), None)
        assert eventually(line), f"no line with {words!r}:\n{self.log[-3000:]}"
        return line()

    def reports(self):
        """What a sanitizer wrote."""
        return re.findall(r".*==ERROR: .*|.*: runtime error: .*", self.log)

    def metrics(self):
        text = subprocess.run([ROWAN, "metrics", self.metrics_dir], check=True, text=True,
                              capture_output=True).stdout
        return Metrics(text_string_to_metric_families(text))

    def settled(self, count, expected):
        """count(metrics), as soon as it is `expected`, or its last value: lag and queue are
        asked of the broker once a second."""
        seen = None

        def agrees():
            nonlocal seen
            seen = count(self.metrics())
            return seen == expected

        deadline = time.monotonic() + PATIENCE
        while not agrees() and time.monotonic() < deadline:
            time.sleep(0.1)
        return seen
