"""A server of others' that a test runs for itself."""

import subprocess

import httpx

from server import PATIENCE, eventually


class Daemon:
    """As a context manager it runs, and ends; may be entered again, and its log goes on. A subclass
    has `command`, a list, `url`, and `log_path`; GET /-/ready says when it is there."""

    environment = None

    def __enter__(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log,
                                            env=self.environment)
        try:
            assert eventually(self.ready), self.log
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def ready(self):
        assert self.process.poll() is None, self.log
        try:
            return httpx.get(self.url + "/-/ready").status_code == 200
        except httpx.TransportError:
            return False
