"""A registry that plays whatever a test asks for: a small HTTP server with MLflow's paths."""

import json
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
CHUNK = b"\0" * 65536


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        registry = self.server.registry
        registry.requests.append((self.path, dict(self.headers)))
        with suppress(ConnectionError, TimeoutError):
            registry.answer(self)

    def log_message(self, *_):
        pass

    # ---- answers -----------------------------------------------------------------------------

    def send(self, body, status=200, kind="application/json", length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, value, status=200):
        self.send(json.dumps(value).encode(), status)

    def send_chunked(self, chunks):
        """As a server that does not know how long its answer will be."""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def cut(self):
        """The connection ends here, in the middle of the answer."""
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class HostileRegistry:
    """Serves the files of a directory as version 1 of model "fraud", honestly, unless `play` says
    otherwise: a function (handler, what, name) that answers and gives True back, or does nothing
    and gives None. `what` is "version", "uri", "listing" or "file"."""

    def __init__(self, directory):
        self.files = {path.name: path.read_bytes() for path in directory.iterdir()
                      if path.is_file()}
        self.version = "1"
        self.tags = {}
        self.play = None
        self.requests = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.registry = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def paths(self, part):
        return [path for path, _ in self.requests if part in path]

    def downloads(self):
        return [path for path in self.paths(ARTIFACTS + "/")]

    # ---- the honest registry -------------------------------------------------------------------

    def registered(self):
        return {"name": "fraud", "version": self.version, "status": "READY",
                "creation_timestamp": 1, "source": f"models:/m-{self.version}", "run_id": "r",
                "tags": [{"key": key, "value": value} for key, value in self.tags.items()]}

    def listing(self):
        return {"files": [{"path": name, "is_dir": False, "file_size": len(content)}
                          for name, content in self.files.items()]}

    def answer(self, handler):
        url = urlsplit(handler.path)
        what, name = self.name_of(url)
        if self.play and self.play(handler, what, name):
            return
        if what == "version":
            handler.send_json({"model_version": self.registered()})
        elif what == "uri":
            handler.send_json({"artifact_uri": f"mlflow-artifacts:/1/m-{self.version}"})
        elif what == "listing":
            handler.send_json(self.listing())
        elif what == "file" and name in self.files:
            handler.send(self.files[name], kind="application/octet-stream")
        else:
            handler.send_json({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}, 404)

    @staticmethod
    def name_of(url):
        if url.path == f"{API}/registered-models/alias":
            return "version", parse_qs(url.query)["alias"][0]
        if url.path == f"{API}/model-versions/get-download-uri":
            return "uri", None
        if url.path == ARTIFACTS:
            return "listing", None
        if url.path.startswith(ARTIFACTS + "/"):
            return "file", url.path.rsplit("/", 1)[1]
        return "other", url.path


def drip(handler, body, seconds=0.05):
    """A byte at a time, for ever if it has to be."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for i in range(len(body)):
        handler.wfile.write(body[i:i + 1])
        time.sleep(seconds)
