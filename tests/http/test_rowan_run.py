"""bin/rowan-run, as `make run` starts it: what a newcomer sees."""

import json
import os
import re
import signal
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from model_directories import SECOND_VERSION, make_broken
from server import BUILD, NGINX, PATIENCE, ROOT, eventually, free_port

RUN = ROOT / "bin" / "rowan-run"


def heed_ctrl_c():
    """As in a terminal: who runs the tests in the background has SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def running(folder, **environment):
    """(process, file with what it printed)."""
    printed = folder / "printed"
    with open(printed, "w") as output:
        process = subprocess.Popen(
            [RUN], stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=heed_ctrl_c,
            env={**os.environ, "ROWAN_BUILD_DIR": str(BUILD), "XDG_RUNTIME_DIR": str(folder),
                 **environment})
    try:
        yield process, printed
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE)


def wait_for_greeting(process, printed) -> str:
    def greeting():
        assert process.poll() is None, printed.read_text()
        return "Ctrl-C stops it." in printed.read_text()

    assert eventually(greeting), "the greeting"
    return printed.read_text()


def runtime_folders(folder) -> list[Path]:
    return list(folder.glob("rowan.*"))


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_printed_command_works_and_a_signal_stops_it(folder, stop):
    port = free_port()
    with running(folder, API_PORT=str(port)) as (process, printed):
        text = wait_for_greeting(process, printed)
        assert f"http://127.0.0.1:{port}/docs" in text
        command = re.search(r"^curl .*$", text, re.MULTILINE).group()
        reply = subprocess.run(["bash", "-c", command], check=True, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL).stdout
        assert 0 < json.loads(reply)["fraud_probability"] < 1
        assert "customer_id_nb_tx_1day_window" in command
        assert len(runtime_folders(folder)) == 1
        process.send_signal(stop)
        assert process.wait(PATIENCE) == 0
    assert runtime_folders(folder) == []
    assert not listens(port)


def test_ctrl_c_of_a_terminal_lets_requests_finish(folder, golden):
    """A terminal sends SIGINT to the whole group: nginx must not take it for itself."""
    port = free_port()
    body = json.dumps(golden[0]["request"]).encode()
    with running(folder, API_PORT=str(port)) as (process, printed):
        wait_for_greeting(process, printed)
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall(b"POST /predict HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body[:50])
            os.killpg(process.pid, signal.SIGINT)
            assert eventually(lambda: "shutting down" in printed.read_text()), "the shutdown begins"
            client.sendall(body[50:])
            reply = b"".join(iter(lambda: client.recv(4096), b""))
        assert b" 200 OK\r\n" in reply and b"fraud_probability" in reply
        assert process.wait(PATIENCE) == 0
    assert runtime_folders(folder) == []


def test_a_model_of_ones_own_by_a_relative_path(folder, second_version):
    port = free_port()
    relative = os.path.relpath(second_version)
    with running(folder, API_PORT=str(port), MODEL_DIR=relative) as (process, printed):
        command = re.search(r"^curl .*$", wait_for_greeting(process, printed), re.M).group()
        reply = subprocess.run(["bash", "-c", command], check=True, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL).stdout
        assert json.loads(reply)["model_version"] == SECOND_VERSION


def test_the_variable_that_names_nginx_is_not_for_nginx(folder):
    """nginx would take it for a list of sockets that it inherits."""
    with running(folder, API_PORT=str(free_port()), NGINX=NGINX) as (process, printed):
        text = wait_for_greeting(process, printed)
        assert "inherited" not in text and "[emerg]" not in text


def refused(folder, status=2, **environment) -> str:
    done = subprocess.run([RUN], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=PATIENCE,
                          env={**os.environ, "ROWAN_BUILD_DIR": str(BUILD),
                               "API_PORT": str(free_port()), "XDG_RUNTIME_DIR": str(folder),
                               **environment})
    assert done.returncode == status, done.stdout
    assert runtime_folders(folder) == []
    return done.stdout


@pytest.mark.parametrize("name, value", [("API_PORT", "80a"), ("API_PORT", "70000"),
                                         ("API_HOST", "no host"), ("LOG_LEVEL", "shout"),
                                         ("MODEL_DIR", "/no/such/folder"),
                                         ("NGINX", "/no/such/nginx"), ("WORKERS", "x")])
def test_a_wrong_variable_is_named(folder, name, value):
    text = refused(folder, **{name: value})
    assert name in text and value in text


def test_a_folder_without_a_build_is_named(folder):
    text = refused(folder, 1, ROWAN_BUILD_DIR="/no/such/build")
    assert "ROWAN_BUILD_DIR: /no/such/build" in text and "make module" in text


def test_the_former_name_of_the_access_log_leads_to_the_new_one(folder):
    text = refused(folder, ACCESS_LOG="/var/log/rowan.json")
    assert "ROWAN_ACCESS_LOG=json and ROWAN_ACCESS_LOG_FILE=/var/log/rowan.json" in text


def test_a_bad_model_is_a_clear_error(folder):
    directory, words = make_broken("truncated model", folder / "bad")
    text = refused(folder, 1, MODEL_DIR=str(directory))
    assert all(word in text for word in [*words, "nginx refuses to start"])


def test_a_port_that_is_taken_is_said(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"API_PORT: {port}: the port is taken" in refused(folder, 1, API_PORT=port)


def test_help():
    done = subprocess.run([RUN, "--help"], text=True, stdout=subprocess.PIPE, check=True)
    for name in ("API_HOST", "API_PORT", "MODEL_DIR", "ENVIRONMENT", "LOG_LEVEL", "127.0.0.1"):
        assert name in done.stdout
    assert subprocess.run([RUN, "--frobnicate"], stderr=subprocess.DEVNULL).returncode == 1
