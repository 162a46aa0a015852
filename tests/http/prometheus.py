"""A real Prometheus of a test's own."""

from collections import Counter

import httpx
import yaml

from daemon import Daemon
from server import PATIENCE, eventually, free_port


def static_job(name, *targets, **labels):
    """A job of scrape_configs over "host:port" texts."""
    return {"job_name": name, "static_configs": [{"targets": list(targets), "labels": labels}]}


def every_half_second(servers):
    """A configuration that scrapes servers of tests/http as one job."""
    return {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [static_job("rowan", *(f"127.0.0.1:{one.port}" for one in servers))]}


class Prometheus(Daemon):
    """`configuration` is prometheus.yml as a dictionary; `arguments` are further flags."""

    def __init__(self, folder, configuration, *arguments):
        self.folder = folder / "prometheus"
        self.folder.mkdir()
        self.log_path = self.folder / "log"
        self.file = self.folder / "prometheus.yml"
        self.file.write_text(yaml.safe_dump(configuration))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = ["prometheus", f"--config.file={self.file}",
                        f"--storage.tsdb.path={self.folder}/data",
                        f"--web.listen-address=127.0.0.1:{self.port}", *arguments]

    def get(self, path, **parameters):
        reply = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=PATIENCE).json()
        assert reply["status"] == "success", reply
        return reply["data"]

    def query(self, expression):
        """{labels in their order: value}, without zeros"""
        result = self.get("query", query=expression)["result"]
        return Counter({tuple(value for _, value in sorted(series["metric"].items())):
                        float(series["value"][1]) for series in result
                        if float(series["value"][1])})

    def eventually(self, expression, wanted):
        """Its value as soon as it is the wanted one, or the last value."""
        eventually(lambda: self.query(expression) == wanted)
        return self.query(expression)

    def counters(self):
        return [name for name in self.get("label/__name__/values")
                if name.endswith(("_total", "_count", "_sum", "_bucket"))]
