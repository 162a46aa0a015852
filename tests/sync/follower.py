"""A rowan-sync of a test's own."""

import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from server import BUILD, PATIENCE, ROWAN, eventually

SYNC = Path(os.environ.get("SYNC_PROGRAM", BUILD / "src/sync/rowan-sync")).absolute()


class Follower:
    """As a context manager it follows; once() looks once. Settings are those of rowan-sync."""

    def __init__(self, folder, environment, **settings):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.metrics_dir = self.folder / "metrics"
        self.metrics_dir.mkdir(exist_ok=True)
        self.link = self.folder / "model"
        self.versions_folder = self.folder / "model.versions"
        self.log_path = self.folder / "sync.log"
        self.environment = {"MODEL_DIR": self.link, "METRICS_DIR": self.metrics_dir,
                            "MLFLOW_MODEL_NAME": "fraud", "SYNC_INTERVAL": 1, "SYNC_TIMEOUT": 2,
                            "LOG_LEVEL": "debug", "PATH": os.environ["PATH"],
                            **environment, **settings}
        self.process = None

    def start(self, *arguments, wrapper=(), **settings):
        """`wrapper`: words of a command in front, that becomes rowan-sync."""
        environment = {name: str(value)
                       for name, value in {**self.environment, **settings}.items()}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*wrapper, SYNC, *arguments], env=environment,
                                            stdout=log, stderr=log)
        return self

    def once(self, wrapper=(), **settings):
        """The exit status of one look."""
        self.start("--once", wrapper=wrapper, **settings)
        return self.process.wait(PATIENCE)

    def end(self, number=signal.SIGTERM):
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(number)
        return process.wait(PATIENCE)

    @contextmanager
    def following(self, **settings):
        self.start(**settings)
        try:
            yield self
        finally:
            self.end(signal.SIGKILL)

    @property
    def log(self):
        return self.log_path.read_text() if self.log_path.exists() else ""

    @property
    def served(self):
        """The name of the directory that the link leads to; None without a link."""
        return os.readlink(self.link).rsplit("/", 1)[-1] if self.link.is_symlink() else None

    def versions(self):
        return sorted(path.name for path in self.versions_folder.iterdir()
                      if path.name != ".lock")

    def says(self, text):
        assert eventually(lambda: text in self.log), f"{text!r} is not in:\n{self.log}"

    def metrics(self):
        """{(name, labels but model and reference): value} as `rowan metrics` adds them up."""
        text = subprocess.run([ROWAN, "metrics", self.metrics_dir], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = {name: value for name, value in sample.labels.items()
                          if name not in ("model", "reference")}
                found[(sample.name, *labels.values())] = sample.value
        return found

    def refused(self, reason):
        return self.metrics().get(("ml_model_sync_refused_total", reason), 0)

    def checks(self, outcome):
        return self.metrics().get(("ml_model_sync_checks_total", outcome), 0)
