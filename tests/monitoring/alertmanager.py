"""A real Alertmanager with the configuration of monitoring/alertmanager, installed as its README
says: values of the table replaced, secrets in files. Debian's 0.25, and a current one."""

import os
import shutil
import subprocess
from pathlib import Path

import httpx
import yaml

from daemon import Daemon
from receivers import replaced
from server import PATIENCE, free_port
from tools import go_tool

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "monitoring/alertmanager"
DEBIAN, CURRENT = "0.25", "v0.28.1"
VERSIONS = (DEBIAN, CURRENT)
# As alertmanager.yml has them. A message that is not waited for takes as long as it takes there.
HURRY = {"group_wait: 10s": "group_wait: 1s", "group_wait: 30s": "group_wait: 8s",
         "group_interval: 5m": "group_interval: 3s"}


def program(name, version):
    """Path of alertmanager or amtool."""
    if version != DEBIAN:
        return go_tool(f"github.com/prometheus/alertmanager/cmd/{name}", version)
    return shutil.which({"alertmanager": "prometheus-alertmanager"}.get(name, name))


def amtool(version, *arguments):
    return subprocess.run([program("amtool", version), *map(str, arguments)], capture_output=True,
                          text=True)


def install(folder, version, table):
    """Configuration and templates in `folder`; the path of the former."""
    shutil.copytree(FOLDER / "templates", folder / "templates")
    file = folder / "alertmanager.yml"
    file.write_text(replaced((FOLDER / "alertmanager.yml").read_text(), table))
    if version == DEBIAN:
        file.write_text(subprocess.run([FOLDER / "for-0.25.sh", file], check=True,
                                       capture_output=True, text=True).stdout)
    return file


class Alertmanager(Daemon):
    def __init__(self, folder, version, receivers, hurry=HURRY):
        self.folder = folder / f"alertmanager-{version}"
        self.folder.mkdir()
        self.version = version
        self.log_path = self.folder / "log"
        authority, _ = receivers.certificate
        # Go takes the authorities that it trusts from there.
        self.environment = {**os.environ, "SSL_CERT_FILE": str(authority)}
        file = install(self.folder, version, {**receivers.table(), **hurry})
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = [program("alertmanager", version), f"--config.file={file}",
                        f"--storage.path={self.folder}/data", "--cluster.listen-address=",
                        f"--web.listen-address=127.0.0.1:{self.port}",
                        f"--web.external-url={self.url}"]

    def post(self, *alerts):
        httpx.post(self.url + "/api/v2/alerts", json=alerts).raise_for_status()

    def alerts(self):
        return httpx.get(self.url + "/api/v2/alerts", timeout=PATIENCE).json()

    def failures(self, integration):
        """How often a message could not be sent."""
        text = httpx.get(self.url + "/metrics").text
        return sum(float(line.split()[-1]) for line in text.splitlines()
                   if line.startswith("alertmanager_notifications_failed_total{")
                   and f'integration="{integration}"' in line)


def configuration():
    return yaml.safe_load((FOLDER / "alertmanager.yml").read_text())
