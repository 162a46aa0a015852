"""A reload (SIGHUP) under load: clients that never retry lose nothing."""

import asyncio
import json
import os
import signal

import httpx
import numpy
import pytest

from wire import AsyncConnection, post
from nginx_process import wait_until

CONNECTIONS = 32
RELOADS = 5


async def keep_asking(port, requests, golden, stop: asyncio.Event, pause: float) -> int:
    """Connects anew only when a reply said that its connection closes; `pause` in seconds."""
    connection, row, closed = AsyncConnection(port), 0, 0
    while not stop.is_set():
        reply = await connection.ask(requests[row])
        assert reply.status == 200
        expected = numpy.float32(golden[row]["fraud_probability"])
        assert numpy.float32(reply.json["fraud_probability"]).tobytes() == expected.tobytes()
        closed += reply.closes
        row = (row + 1) % len(requests)
        await asyncio.sleep(pause)
    await connection.close()
    return closed


def reload_and_wait(server) -> None:
    old = set(server.workers())
    server.reload()
    wait_until(lambda: server.workers() and not old & set(server.workers()),
               "the old workers have gone")


async def reload_under_load(server, golden, pause: float) -> list[int]:
    requests = [post(json.dumps(row["request"]).encode()) for row in golden]
    stop = asyncio.Event()
    clients = [asyncio.create_task(keep_asking(server.port, requests, golden, stop, pause))
               for _ in range(CONNECTIONS)]
    for _ in range(RELOADS):
        await asyncio.to_thread(reload_and_wait, server)
    stop.set()
    return await asyncio.gather(*clients)


@pytest.mark.parametrize("pause", [0, 0.2], ids=["busy", "mostly idle"])
def test_no_request_is_lost_at_a_reload(launch, golden, pause):
    """nginx alone closes idle connections, on which a request may be under way."""
    server = launch(WORKERS="2").start()
    closed = asyncio.run(reload_under_load(server, golden, pause))
    assert min(closed) >= 1, "old workers tell their clients to leave"


def test_a_reload_with_a_bad_configuration_changes_nothing(launch, golden):
    server = launch(WORKERS="2").start()
    old = set(server.workers())
    configuration = server.runtime / "nginx.conf"
    text = configuration.read_text()
    configuration.write_text(text.replace("rowan_model       fraud", "rowan_model       f/raud"))
    assert configuration.read_text() != text
    server.forgives = lambda line: "invalid model name" in line
    server.reload()
    wait_until(lambda: "invalid model name" in server.log(), "the refusal")
    assert set(server.workers()) == old
    assert httpx.post(server.url + "/predict", json=golden[0]["request"]).status_code == 200


def test_reloads_leave_one_image(launch):
    server = launch(WORKERS="2").start()
    for _ in range(RELOADS):
        reload_and_wait(server)
    assert len(list((server.runtime / "images").iterdir())) == 1
    assert httpx.get(server.url + "/health").status_code == 200


def test_a_killed_master_leaves_images_that_the_next_one_removes(launch):
    server = launch(WORKERS="1").start()
    workers = server.workers()
    server.process.kill()
    server.process.wait()
    server.forgives = lambda line: True
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), "workers end")
    assert len(list((server.runtime / "images").glob("*.img"))) == 1
    server.start()
    assert len(list((server.runtime / "images").glob("*.img"))) == 1
