"""`rowan serve`: what it starts, what it refuses to start, and what it leaves alone."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from model_directories import FRAUD, copy_of, make_broken
from server import (BUILD, NGINX, PATIENCE, ROOT, ROWAN, configure, environment_of, eventually,
                    free_port)

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be other users")


def rowan_serve(folder, *arguments, **settings):
    """The finished process: `rowan serve` with arguments after which it ends."""
    return subprocess.run([ROWAN, "serve", *arguments], text=True, capture_output=True,
                          env=environment_of(folder, settings), timeout=PATIENCE)


class Serving:
    """`rowan serve` in the foreground, as a container runs it."""

    def __init__(self, folder, program=ROWAN, user=None, **settings):
        self.port = free_port()
        self.log_path = folder / "log"
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(
                [program, "serve"], stderr=log, stdout=log, user=user, group=user,
                extra_groups=None if user is None else [],
                env=environment_of(folder / "run", {"API_PORT": self.port, **settings}))

    def __enter__(self):
        assert eventually(self._answers), self.log_path.read_text()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def _answers(self):
        assert self.process.poll() is None, self.log_path.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def get(self, path):
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return b"".join(iter(lambda: client.recv(65536), b"")).decode()


# ---- the process -------------------------------------------------------------------------------


def test_the_process_becomes_nginx_and_drains_at_sigquit(folder, golden):
    body = json.dumps(golden[0]["request"]).encode()
    with Serving(folder) as serving:
        title = Path(f"/proc/{serving.process.pid}/cmdline").read_bytes()
        assert title.startswith(b"nginx: master process")
        with socket.create_connection(("127.0.0.1", serving.port), PATIENCE) as client:
            client.sendall(b"POST /predict HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body[:50])
            # The worker has the connection: another one has been answered after it.
            assert " 200 OK" in serving.get("/livez")
            serving.process.send_signal(signal.SIGQUIT)
            assert eventually(lambda: "gracefully shutting down" in serving.log_path.read_text())
            client.sendall(body[50:])
            reply = b"".join(iter(lambda: client.recv(4096), b""))
        assert b" 200 OK\r\n" in reply and b"fraud_probability" in reply
        assert serving.process.wait(PATIENCE) == 0


def test_pages_come_from_the_share_folder(folder):
    with Serving(folder) as serving:
        assert "swagger-ui" in serving.get("/docs")
        assert " 200 OK" in serving.get("/docs/swagger-ui-bundle.js")
        assert "<html" in serving.get("/live/index.html")


def test_the_command_line_tool_needs_no_kafka():
    linked = subprocess.run(["ldd", ROWAN], check=True, text=True, stdout=subprocess.PIPE).stdout
    assert "libc.so" in linked and "rdkafka" not in linked


# ---- users ---------------------------------------------------------------------------------------


@AS_ROOT
def test_without_roots_rights_there_is_no_user_directive(folder):
    """Everything where any user can read it, for the checkout may be in nobody's reach."""
    nobody = 65534
    program = shutil.copy(ROWAN, folder / "rowan")
    module = shutil.copy(BUILD / "ngx_http_rowan_module.so", folder / "module.so")
    shutil.copytree(BUILD / "share/rowan", folder / "share")
    (folder / "run").mkdir()
    os.chown(folder / "run", nobody, nobody)
    with Serving(folder, program, nobody, NGINX=shutil.copy(NGINX, folder / "nginx"),
                 ROWAN_MODULE=module, ROWAN_SHARE_DIR=folder / "share",
                 MODEL_DIR=copy_of(FRAUD, folder / "model")) as serving:
        assert " 200 OK" in serving.get("/readyz")
        assert eventually(lambda: 'endpoint="/metrics"' in serving.get("/metrics"))
        assert not re.search(r"^\s*user ", (folder / "run/nginx.conf").read_text(), re.MULTILINE)


@AS_ROOT
def test_workers_stay_root_where_nobody_else_can_read_the_model(folder):
    (folder / "run").mkdir(mode=0o755)
    directory = copy_of(FRAUD, folder / "model")
    directory.chmod(0o700)
    done = rowan_serve(folder / "run", "--render", MODEL_DIR=directory)
    assert done.returncode == 0
    assert f"MODEL_DIR: {directory}: the user www-data cannot read it" in done.stderr
    assert "\nuser root root;\n" in (folder / "run/nginx.conf").read_text()


@AS_ROOT
def test_workers_stay_root_where_they_cannot_enter_the_runtime_folder(folder):
    (folder / "run").mkdir(mode=0o700)
    done = rowan_serve(folder / "run", "--render", MODEL_DIR=copy_of(FRAUD, folder / "model"))
    assert done.returncode == 0
    assert f"RUNTIME_DIR: {folder / 'run'}: the user www-data cannot read it" in done.stderr
    assert "\nuser root root;\n" in (folder / "run/nginx.conf").read_text()
    assert (folder / "run").stat().st_mode & 0o777 == 0o700


@AS_ROOT
def test_workers_give_roots_rights_up(folder):
    shutil.copytree(BUILD / "share/rowan", folder / "share")
    done = rowan_serve(folder / "run", "--render", MODEL_DIR=copy_of(FRAUD, folder / "model"),
                       ROWAN_SHARE_DIR=folder / "share")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nuser www-data www-data;\n" in (folder / "run/nginx.conf").read_text()


# ---- metrics -------------------------------------------------------------------------------------


def count_elsewhere(metrics_dir, topic, messages):
    """Another process of the pod counts there, and ends."""
    line = f"add kafka_messages_consumed_total {messages} {topic.encode().hex()}\n"
    subprocess.run([BUILD / "tests/metrics_probe", metrics_dir], input=line, text=True, check=True,
                   stdout=subprocess.PIPE)


def test_metrics_of_other_processes_in_the_same_folder(folder):
    """Before, during and after nginx's own start; nothing that lies there is lost."""
    shared = folder / "shared"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    count_elsewhere(shared, "before", 3)
    (shared / "notes").write_text("not a page")
    with Serving(folder, METRICS_DIR=shared) as serving:
        assert 'kafka_messages_consumed_total{topic="before"} 3' in serving.get("/metrics")
        count_elsewhere(shared, "during", 5)
        for line in ('topic="before"} 3', 'topic="during"} 5', 'endpoint="/metrics"'):
            assert eventually(lambda line=line: line in serving.get("/metrics")), line
        assert not (folder / "run/metrics").exists()
    assert (shared / "notes").read_text() == "not a page"
    with Serving(folder, METRICS_DIR=shared) as serving:
        text = serving.get("/metrics")
        assert 'topic="before"} 3' in text and 'endpoint="/metrics"' in text


def test_a_missing_metrics_folder_is_made(folder):
    with Serving(folder, METRICS_DIR=folder / "made") as serving:
        assert eventually(lambda: 'endpoint="/metrics"' in serving.get("/metrics"))
    assert (folder / "made").is_dir()


# ---- what is only looked at ----------------------------------------------------------------------


def test_check_starts_nothing_and_leaves_no_configuration(folder):
    done = rowan_serve(folder / "run", "--check", API_PORT=free_port())
    assert (done.returncode, done.stdout) == (0, "")
    assert not list((folder / "run").glob("nginx.conf*"))
    assert not list((folder / "run").rglob("*.img"))


def test_check_tells_what_nginx_refuses(folder):
    directory, words = make_broken("truncated model", folder / "bad")
    done = rowan_serve(folder / "run", "--check", API_PORT=free_port(), MODEL_DIR=directory)
    assert done.returncode == 1
    for word in [*words, str(directory), "rowan: nginx refuses to start"]:
        assert word in done.stderr


def test_check_of_a_wrong_setting_is_no_refusal_of_nginx(folder):
    done = rowan_serve(folder / "run", "--check", NGINX="no-such-nginx")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2, "rowan: NGINX: no-such-nginx: no such program (install nginx, or name the program)")


def test_a_folder_is_no_nginx(folder):
    (folder / "nginx").mkdir(parents=True)
    done = rowan_serve(folder / "run", "--check", API_PORT=free_port(),
                       PATH=f"{folder}:{os.environ['PATH']}")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_needs_no_file_of_a_running_server(folder):
    configuration = configure(folder / "run", {"API_PORT": 1})
    before = configuration.read_text()
    assert rowan_serve(folder / "run", "--check", API_PORT=free_port()).returncode == 0
    assert configuration.read_text() == before


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("name, value, words", [
    ("API_PROT", "80", "did you mean API_PORT?"),
    ("RATE_LIMTI", "80", "did you mean RATE_LIMIT?"),
    ("ROWAN_ACCES_LOG", "json", "did you mean ROWAN_ACCESS_LOG?"),
    ("ROWAN_COLOUR", "red", "there is no such setting"),
    ("API_PORT", "tcp://10.0.0.1:80", "enableServiceLinks: false"),
    ("NGINX", "/no/such/nginx", "no such program"),
    ("NGINX", "no-such-nginx", "no such program"),
    ("RUNTIME_DIR", "/no/such/folder", "cannot be made"),
    ("ROWAN_SHARE_DIR", "/usr", "no conf/rowan.conf.in there"),
])
def test_a_wrong_setting_ends_the_start_with_one_line(folder, name, value, words):
    done = rowan_serve(folder / "run", API_PORT=free_port(), **{name: value}) \
        if name != "API_PORT" else rowan_serve(folder / "run", API_PORT=value)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len([line for line in lines if "keep the rights of root" not in line]) == 1, lines
    assert lines[-1].startswith(f"rowan: {name}: ") and words in lines[-1]


def test_variables_of_other_programs_are_left_alone(folder):
    done = rowan_serve(folder / "run", "--render", KAFKA_NO_SUCH="1", MLFLOW_MODEL_NAME="fraud", SYNC_KEEP="3",
                       TASKS10_ML_SERVICE_PORT="tcp://10.0.0.1:80", ROWAN_PORT="tcp://10.0.0.1:80")
    assert done.returncode == 0


# ---- .env.example --------------------------------------------------------------------------------


EXAMPLE = ROOT / ".env.example"


def test_the_example_is_up_to_date():
    """`make docs-settings` makes it anew."""
    made = subprocess.run([ROOT / "scripts/env-example.sh", BUILD], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    assert EXAMPLE.read_text() == made


def test_the_example_says_the_defaults_of_all_programs(folder):
    lines = re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)
    names = [name for name, _ in lines]
    assert len(set(names)) == len(names)
    for program in ([ROWAN, "serve"], [BUILD / "src/stream/rowan-stream"],
                    [BUILD / "src/sync/rowan-sync"]):
        table = subprocess.run([*program, "--list-settings"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
        assert set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)) <= set(names)
    ours = {name: value for name, value in lines
            if name not in ("MODEL_DIR", "RUNTIME_DIR", "ROWAN_SHARE_DIR", "ROWAN_MODULE")}
    configuration = configure(folder / "run", {}).read_text()
    done = rowan_serve(folder / "run", "--render", **ours)
    assert done.returncode == 0, done.stderr
    assert (folder / "run/nginx.conf").read_text() == configuration
