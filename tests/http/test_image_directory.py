"""Whose image is it? Servers that share a rowan_image_dir, become daemons, or are killed."""

import os
import re
import signal
import subprocess

import httpx
import pytest

from server import ENVIRONMENT, Server, eventually, is_alive, nginx, replace_link


@pytest.fixture
def shared(folder):
    return folder / "shared"


@pytest.fixture
def share(serve, shared):
    """Starts a server whose images are in `shared`."""
    def edit(text):
        return re.sub(r"rowan_image_dir .*;", f'rowan_image_dir "{shared}";', text)

    return lambda **settings: serve(edit=edit, **settings)


def ids(folder):
    """Of the configurations that have an image there."""
    return {path.name.split(".")[-3] for path in folder.glob("*.img")}


def locks(folder):
    return {path.stem for path in folder.glob("*.lock")}


def assert_serves_with_new_workers(server, body):
    """A new worker maps the image by its name."""
    before = set(server.workers())
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: len(set(server.workers()) - before) == len(before))
    assert all(server.predict(body).status_code == 200 for _ in range(10))


def test_starting_stopping_and_reloading_one_leaves_the_images_of_the_other_alone(
        share, shared, request_body):
    first = share()
    first.forgives = lambda line: "exited on signal 9" in line
    mine = ids(shared)
    second = share()
    for _ in range(2):
        second.reload()
        assert mine < ids(shared) == locks(shared) and len(ids(shared)) == 2
    assert_serves_with_new_workers(first, request_body)
    second.stop()
    assert ids(shared) == locks(shared) == mine
    assert_serves_with_new_workers(first, request_body)
    first.reload()
    assert len(ids(shared)) == 1 and ids(shared) == locks(shared) != mine
    first.stop()
    assert os.listdir(shared) == []


def test_what_a_killed_server_left_is_removed_by_the_next(share, shared):
    alive, killed = share(), share()
    left = ids(shared)
    killed.kill()
    assert ids(shared) == locks(shared) == left
    third = share()
    assert len(ids(shared) & left) == 1 and len(ids(shared)) == 2
    assert locks(shared) == ids(shared)
    third.stop()
    alive.stop()
    assert os.listdir(shared) == []


def test_an_image_stays_as_long_as_a_worker_without_its_master_lives(share, shared, request_body):
    orphaned = share(WORKERS=1)
    left, = ids(shared)
    worker, = orphaned.workers()
    orphaned.process.kill()
    orphaned.process.wait()
    orphaned.process = None
    other = share()
    assert left in ids(shared) and orphaned.predict(request_body).status_code == 200
    os.kill(worker, signal.SIGKILL)
    assert eventually(lambda: not is_alive(worker))
    other.reload()
    assert left not in ids(shared) | locks(shared) and len(ids(shared)) == 1


def test_files_of_others_stay(share, shared):
    shared.mkdir(mode=0o755)
    names = {"notes.txt", "fraud.img", "fraud.1.img", "a.lock", "0123456789abcdef.lock.old",
             "fraud.0123456789ABCDEF.1.img", "fraud.0123456789abcdef.img"}
    for name in names:
        (shared / name).touch()
    server = share()
    server.reload()
    server.stop()
    assert set(os.listdir(shared)) == names


# ---- daemons ---------------------------------------------------------------------------------


@pytest.fixture
def daemon(folder, linked_model):
    """(server, process id of its master): the process that read the configuration has ended."""
    server = Server(folder / "daemon", MODEL_DIR=linked_model, edit=lambda text: re.sub(
        r"daemon +off;", "daemon on;", text))
    with open(server.log_path, "ab") as log:
        subprocess.run(nginx(server.folder), env=ENVIRONMENT, stderr=log, check=True)
    pid_file = server.folder / "nginx.pid"
    assert eventually(lambda: pid_file.exists() and pid_file.read_text().strip())
    pid = int(pid_file.read_text())
    yield server, pid
    if is_alive(pid):
        os.kill(pid, signal.SIGQUIT)
        assert eventually(lambda: not is_alive(pid))


def test_a_daemon_removes_its_images(daemon, linked_model, second_version, request_body):
    server, pid = daemon
    first, = server.images()
    assert server.predict(request_body).status_code == 200
    os.kill(pid, signal.SIGHUP)
    assert eventually(lambda: server.images() and server.images() != [first]
                      and len(server.images()) == 1)
    replace_link(linked_model, second_version)
    assert eventually(lambda: server.predict(request_body).json().get("model_version")
                      == "2.0.0-half")
    os.kill(pid, signal.SIGQUIT)
    assert eventually(lambda: not is_alive(pid))
    assert os.listdir(server.folder / "images") == [] and server.grief() == []


def test_another_server_leaves_the_images_of_a_daemon_alone(daemon, serve, request_body):
    server, _ = daemon
    mine = server.images()
    other = serve(edit=lambda text: re.sub(
        r"rowan_image_dir .*;", f'rowan_image_dir "{server.folder}/images";', text))
    assert set(mine) < set(server.images())
    other.stop()
    assert server.images() == mine
    assert httpx.post(server.url + "/predict", json=request_body).status_code == 200
