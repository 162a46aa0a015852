"""What was started ends with who started it, also when that is left by an exception or Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

import seed_attack  # first: stage says where the parts of the other tests are

import adopted
import airflow_home
import broker
import kafka
import processes
from load import ANSWER_PATIENCE, Load
from place import eventually
from plan import QUICK

SOON = ANSWER_PATIENCE - 2  # seconds: who waits for the answer ends after that; no measure of speed
PATIENCE = 900              # seconds until a test counts as one that never ends

TWICE = """
import pathlib, signal, time
came = []
signal.signal(signal.SIGINT, lambda *_: came.append("INT"))
pathlib.Path(FOLDER, "runs").touch()
while len(came) < 2:
    time.sleep(0.1)
pathlib.Path(FOLDER, "signals").write_text(" ".join(came))
"""


@pytest.fixture(autouse=True)
def bound():
    """What waits for ever fails."""
    def over(*_):
        raise TimeoutError
    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def silent():
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/predict"


@pytest.fixture
def body(tmp_path):
    path = tmp_path / "request.json"
    path.write_text("{}")
    return path


@pytest.fixture
def load_program(tmp_path, monkeypatch):
    """Stands for kafka-load-test: the first SIGINT ends nothing, the second all. It is no shell,
    which could not trap a signal that is ignored where it starts, as in the background."""
    program = tmp_path / "load-test"
    program.write_text(f"#!{sys.executable}\nFOLDER = {str(tmp_path)!r}\n{TWICE}")
    program.chmod(0o755)
    monkeypatch.setattr(broker, "LOAD_TEST", program)
    return tmp_path


def test_clients_that_nobody_asks_any_more_end_at_once(silent, body):
    load = Load(silent, body, fresh=1, rate=50)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), load:
        time.sleep(1)  # its one request waits for its answer
        raise KeyboardInterrupt
    assert load.process.poll() is not None and time.monotonic() - began < SOON


def test_a_load_test_that_is_left_by_an_exception_ends(load_program):
    test = broker.LoadTest(brokers="none", file=load_program / "report.json")
    try:
        with pytest.raises(ZeroDivisionError), test:
            while not (load_program / "runs").exists():
                time.sleep(0.05)
            raise ZeroDivisionError
    finally:
        test.process.kill()
    assert test.process.poll() == 0
    assert (load_program / "signals").read_text().split() == ["INT", "INT"]


@pytest.fixture
def airflow(tmp_path, monkeypatch):
    """Stands for Airflow whose task has a session of its own, and can end nothing itself."""
    program = tmp_path / "airflow"
    program.write_text(
        "#!/bin/sh\n[ \"$1\" = db ] && exit 0\n"
        f"setsid sh -c 'trap \"\" TERM; echo $$ > {tmp_path}/task; sleep 600; sleep 600' &\n"
        "trap '' TERM\nwhile :; do sleep 1; done\n")
    program.chmod(0o755)
    monkeypatch.setattr(airflow_home, "programs", lambda major: tmp_path)
    monkeypatch.setattr(airflow_home, "END_PATIENCE", 1)
    made = airflow_home.Airflow(3, tmp_path / "home", "fraud")
    yield made
    made.end()


def test_an_attack_that_is_interrupted_ends_with_all_that_airflow_started(airflow, tmp_path):
    task = tmp_path / "task"

    def look():
        if task.exists() and task.read_text().strip():
            raise KeyboardInterrupt
    meter = SimpleNamespace(look=look)
    with pytest.raises(KeyboardInterrupt):
        seed_attack.play(airflow, QUICK, SimpleNamespace(meter=meter))

    def is_gone():
        try:
            os.kill(int(task.read_text()), 0)
        except ProcessLookupError:
            return True
        return False
    assert eventually(is_gone, SOON) and airflow.called.poll() is not None


def test_a_group_that_was_adopted_ends_with_its_leader(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "RUN", tmp_path)
    leader = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!; wait"], text=True,
                              stdout=subprocess.PIPE, start_new_session=True)
    child = int(leader.stdout.readline())
    processes.adopt("one", leader, group=True)
    assert processes.names() == ["one"] and processes.pid_of("one") == leader.pid
    processes.stop("one")
    assert eventually(lambda: processes.start_time(child) is None, SOON)
    assert processes.names() == []


def test_a_broker_that_is_killed_on_purpose_has_not_fallen(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "RUN", tmp_path)
    monkeypatch.setattr(kafka.Broker, "start", lambda node: setattr(
        node, "process", subprocess.Popen(["sleep", "600"])))
    monkeypatch.setattr(kafka.Cluster, "wait_until_ready", lambda cluster: None)
    brokers = adopted.Brokers(tmp_path / "kafka", 2)
    for node in brokers.nodes:
        node.start()
    brokers.wait_until_ready()
    assert len(processes.names()) == 2 and not processes.fallen()
    brokers.kill(1)
    assert processes.names() == [brokers.name(2)] and not processes.fallen()
    brokers.restart(1)
    assert processes.pid_of(brokers.name(1)) == brokers.nodes[0].process.pid
    brokers.stop()
    assert processes.names() == []
