"""The real nginx with Rowan, from the configuration that `make run` uses."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
FRAUD = ROOT / "models" / "fraud"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
PATIENCE = 60  # seconds until a wait is given up: no test is about speed


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what: str):
    """The first true value of condition()."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited in vain: {what}")


def public_folder() -> Path:
    """A folder that nginx's workers can read too: they are not root."""
    folder = Path(tempfile.mkdtemp(prefix="rowan-http-"))
    folder.chmod(0o755)
    return folder


class Server:
    """One nginx of its own; the environment is that of bin/rowan-conf."""

    def __init__(self, **environment):
        self.folder = public_folder()
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir(mode=0o700)
        self.log_path = self.folder / "error.log"
        self.port = int(environment.setdefault("API_PORT", str(free_port())))
        self.environment = environment
        self.process = None
        self.scheme = "https" if "TLS_CERTIFICATE" in environment else "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def configure(self) -> None:
        subprocess.run([ROOT / "bin/rowan-conf", self.runtime], check=True,
                       env={**os.environ, "ROWAN_BUILD_DIR": str(BUILD), **self.environment})

    def command(self, *arguments) -> list:
        return [NGINX, "-p", str(self.runtime), "-c", str(self.runtime / "nginx.conf"),
                "-e", "stderr", *arguments]

    def check(self) -> subprocess.CompletedProcess:
        """nginx -t."""
        self.configure()
        return subprocess.run(self.command("-t"), stderr=subprocess.PIPE, text=True)

    def start(self) -> "Server":
        self.configure()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stderr=log)
        wait_until(self.accepts, "nginx listens")
        return self

    def accepts(self) -> bool:
        assert self.process.poll() is None, self.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Ends the server gracefully, removes its folder; its log must hold no grief."""
        if self.process is None:
            shutil.rmtree(self.folder)
            return
        self.process.send_signal(signal.SIGQUIT)
        try:
            returncode = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        log = self.log()
        images = list((self.runtime / "images").iterdir())
        shutil.rmtree(self.folder)
        assert returncode == 0, log
        assert images == [], "nginx leaves no image behind"
        grief = re.findall(r".*\[(?:emerg|alert|crit)\].*", log)
        grief = [line for line in grief if not self.forgives(line)]
        assert grief == [], "\n".join(grief)

    def forgives(self, line: str) -> bool:
        """Overridden by tests that kill workers."""
        return False
