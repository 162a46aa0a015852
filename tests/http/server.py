"""A real nginx with the configuration that `make run` gives it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
ROWAN = BUILD / "src/cli/rowan"
NGINX = shutil.which(os.environ.get("NGINX", "nginx"), path=os.environ["PATH"] + ":/usr/sbin")
# Empty for an nginx that has it inside, such as the image's.
MODULE = os.environ.get("ROWAN_MODULE", str(BUILD / "ngx_http_rowan_module.so"))
# To nginx itself the variable NGINX means sockets that it inherits.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "NGINX"}
PATIENCE = 60  # seconds until something that must come counts as absent; no measure of speed
NO_LIMITS = {"RATE_LIMIT": "off", "CLIENT_CONNECTIONS": "off", "SHED_TARGET": "off"}


def wait_long_for_refused_bodies(conf):
    """An `edit`: a test's client that is busy for a second does not lose its connection."""
    return re.sub(r"(lingering_time|lingering_timeout) +\d+s", r"\1 60s", conf)


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


def environment_of(folder, settings):
    """The variables that make `rowan serve` serve this build from `folder`."""
    return {**os.environ, "RUNTIME_DIR": str(folder), "MODEL_DIR": str(ROOT / "models/fraud"),
            "ROWAN_SHARE_DIR": str(BUILD / "share/rowan"),
            "ROWAN_MODULE": MODULE, "API_HOST": "127.0.0.1",
            **{name: str(value) for name, value in settings.items()}}


def configure(folder, settings):
    """Writes nginx.conf into `folder` as `make run` does, and returns its path."""
    folder.mkdir(mode=0o755)
    subprocess.run([ROWAN, "serve", "--render"], env=environment_of(folder, settings), check=True,
                   capture_output=True)
    return folder / "nginx.conf"


def nginx(folder, *arguments):
    return [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr", *arguments]


def configuration_test(folder):
    """`nginx -t`: the finished process, with what it said in .stderr."""
    return subprocess.run(nginx(folder, "-t"), env=ENVIRONMENT, capture_output=True, text=True)


def replace_link(link, target):
    """The swap of a model: one rename(2)."""
    fresh = link.with_name(link.name + ".new")
    fresh.symlink_to(target)
    fresh.rename(link)


class Server:
    """One nginx of its own. As a context manager it ends gracefully, and without grief."""

    def __init__(self, folder, edit=None, **settings):
        """`edit` changes the text of nginx.conf; settings are those of `rowan serve`. Shedding is
        off unless a test asks for it: a busy machine would decide what it answers."""
        self.folder = Path(folder)
        self.port = free_port()
        self.tls = "TLS_CERTIFICATE" in settings
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self.log_path = self.folder / "stderr.log"
        self.process = None
        # A test that provokes an alert forgives it: server.forgives = lambda line: ...
        self.forgives = lambda line: False
        settings.setdefault("WORKERS", 2)
        settings.setdefault("SHED_TARGET", "off")
        self.n_workers = 1 if settings["WORKERS"] == "auto" else int(settings["WORKERS"])
        self.configuration = configure(self.folder, {"API_PORT": self.port, **settings})
        if edit:
            self.edit(edit)

    def edit(self, change):
        """A new text of nginx.conf; the next start or reload reads it."""
        text = self.configuration.read_text()
        changed = change(text)
        assert changed != text, "the edit finds nothing in nginx.conf"
        self.configuration.write_text(changed)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None:
            assert self.grief() == []

    def start(self, stdout=None):
        """May be called again after stop() or kill(); the log goes on."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(nginx(self.folder), env=ENVIRONMENT, stdout=stdout,
                                            stderr=log)
        assert eventually(self._answers), self.log
        # The port is open before there is a worker.
        assert eventually(lambda: len(self.workers()) >= self.n_workers), self.log
        return self

    def stop(self):
        """Lets requests finish; nginx then tells of connections that leaked."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGQUIT)
        try:
            returncode = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert returncode == 0, self.log
        assert list((self.folder / "images").glob("*")) == [], "nginx leaves nothing behind"

    def kill(self):
        """Every process at once, as the kernel does it when memory is short."""
        process, self.process = self.process, None
        pids = [pid for pid, _ in children(process.pid)]
        process.kill()
        process.wait()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: not any(map(is_alive, pids)))

    def _answers(self):
        assert self.process.poll() is None, self.log
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def grief(self):
        """What the log should never hold; a sanitizer's report is never forgiven."""
        lines = re.findall(r".*\[(?:emerg|alert|crit)\].*", self.log)
        reports = re.findall(r"(?:.*==ERROR: |.*: runtime error: )(?:.*\n){,30}", self.log)
        return reports + [line for line in lines if not self.forgives(line)]

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

    def kill_worker(self, number=0):
        """SIGKILL to one worker, and as many workers as there were again. Its process id."""
        before = self.workers()
        victim = before[number]
        os.kill(victim, signal.SIGKILL)
        # At first the victim still counts among the workers.
        assert eventually(lambda: victim not in self.workers()
                          and len(self.workers()) == len(before)), self.log
        return victim

    def reload(self):
        """A new configuration, and every worker new."""
        before = set(self.workers())
        self.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: self.workers() and not before & set(self.workers())), self.log

    def images(self):
        return sorted(path.name for path in (self.folder / "images").glob("*.img"))


def status_of(pid):
    """State and parent of a process."""
    state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    return state, int(parent)


def is_alive(pid):
    try:
        return status_of(pid)[0] != "Z"
    except OSError:
        return False


def children(parent):
    """(process id, title) of each child that lives."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, its_parent = status_of(entry.name)
                title = (entry / "cmdline").read_bytes().rstrip(b"\0").decode()
            except OSError:
                continue
            if its_parent == parent and state != "Z":
                found.append((int(entry.name), title))
    return found
