"""A real nginx with the configuration that `make run` gives it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
PATIENCE = 30  # seconds until something that must come counts as absent; no measure of speed


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition):
    """The first true value of `condition`, or its last one."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def configure(folder, settings):
    """Writes nginx.conf into `folder` as `make run` does, and returns its path."""
    folder.mkdir(mode=0o755)
    environment = {**os.environ, "ROWAN_BUILD_DIR": str(BUILD), "API_HOST": "127.0.0.1"}
    environment.update({name: str(value) for name, value in settings.items()})
    subprocess.run([ROOT / "bin/rowan-conf", folder], env=environment, check=True,
                   capture_output=True)
    return folder / "nginx.conf"


def nginx(folder, *arguments):
    return [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr", *arguments]


def configuration_test(folder):
    """`nginx -t`: the finished process, with what it said in .stderr."""
    return subprocess.run(nginx(folder, "-t"), capture_output=True, text=True)


def replace_link(link, target):
    """The swap of a model: one rename(2)."""
    fresh = link.with_name(link.name + ".new")
    fresh.symlink_to(target)
    fresh.rename(link)


class Server:
    def __init__(self, folder, edit=None, **settings):
        """`edit` changes the text of nginx.conf; settings are those of rowan-run."""
        self.folder = Path(folder)
        self.port = free_port()
        self.tls = "TLS_CERTIFICATE" in settings
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        settings.setdefault("WORKERS", 2)
        configuration = configure(self.folder, {"API_PORT": self.port, **settings})
        if edit:
            configuration.write_text(edit(configuration.read_text()))

    def __enter__(self):
        self.log_path = self.folder / "stderr.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(nginx(self.folder), stderr=log)
        assert eventually(self._answers), self.log
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def _answers(self):
        assert self.process.poll() is None, self.log
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    @property
    def log(self):
        return self.log_path.read_text()

    def crashes(self):
        return re.findall(r".*exited on signal (?!9).*", self.log)

    def client(self, **options):
        return httpx.Client(base_url=self.url, timeout=PATIENCE, verify=False, **options)

    def get(self, path, **options):
        with self.client() as client:
            return client.get(path, **options)

    def post(self, path, **options):
        with self.client() as client:
            return client.post(path, **options)

    def predict(self, body):
        return self.post("/predict", json=body)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    # ---- processes -------------------------------------------------------------------

    def workers(self):
        """Process ids of the workers that take connections."""
        return [pid for pid, title in children(self.process.pid)
                if title.startswith("nginx: worker process")
                and "shutting down" not in title]

    def reload(self):
        """A new configuration, and every worker new."""
        before = set(self.workers())
        self.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: self.workers() and not before & set(self.workers())), self.log

    def images(self):
        return sorted(path.name for path in (self.folder / "images").glob("*.img"))


def children(parent):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                title = (entry / "cmdline").read_bytes().rstrip(b"\0").decode()
            except OSError:
                continue
            if int(fields[1]) == parent and fields[0] != "Z":
                found.append((int(entry.name), title))
    return found
