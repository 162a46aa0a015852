"""A reload (SIGHUP) under load: clients that never retry lose nothing."""

import asyncio
import json
import select
import signal
import time
from contextlib import contextmanager

import numpy
import pytest

from scrape import scrape
from server import (NO_LIMITS, children, eventually, replace_link,
                    wait_long_for_refused_bodies)
from wire import AsyncConnection, Connection, ask_once, head, post

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
    assert eventually(lambda: not old & {pid for pid, _ in children(server.process.pid)}), (
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
def test_no_request_is_lost_at_a_reload(serve, golden, pause):
    """nginx alone closes idle connections, on which a request may be under way."""
    server = serve(**NO_LIMITS)
    closed = asyncio.run(reload_under_load(server, golden, pause))
    assert min(closed) >= 1, "old workers tell their clients to leave"


def test_a_request_that_began_before_a_reload_is_the_last_of_its_connection(serve, request_body):
    """Else its client would send the next one to a worker that is about to end."""
    server = serve(**NO_LIMITS)
    whole = post(request_body)
    with Connection(server.port) as connection:
        connection.send(whole[:-10])
        before = set(server.workers())
        server.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: set(server.workers()) - before)
        reply = connection.ask(whole[-10:])
        assert reply.status == 200 and reply.closes


def reload_and_wait_for_the_order(server) -> None:
    """Until nginx has told the old workers to end, 100 ms after the new ones started."""
    before = set(server.workers())
    server.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: set(server.workers()) - before)
    time.sleep(0.5)


ONE_AT_A_TIME = {"WORKERS": 1, **NO_LIMITS, "CLIENT_CONNECTIONS": 1}


@contextmanager
def refused(server, request_body):
    """A connection that stays after a refusal, and the rest of the refused request."""
    whole = post([request_body] * 100)
    with Connection(server.port) as busy, Connection(server.port) as connection:
        busy.send(post(request_body)[:-1])
        assert eventually(lambda: scrape(server).total("ml_model_active_requests") == 1)
        reply = connection.ask(whole[:-10])
        assert reply.status == 429 and not reply.closes
        yield connection, whole[-10:]


def test_a_refused_request_whose_body_comes_after_a_reload_is_not_the_last(serve, request_body):
    server = serve(edit=wait_long_for_refused_bodies, **ONE_AT_A_TIME)
    with refused(server, request_body) as (connection, rest):
        reload_and_wait_for_the_order(server)
        reply = connection.ask(rest + post(request_body))
        assert reply.status in (200, 429) and reply.closes


def ask_for_more_than_sockets_hold(connection, request_body) -> None:
    connection.send(post([request_body] * 5000, "/predict?explain=15"))
    select.select([connection.socket], [], [])  # the reply's begin is there


def test_a_reply_that_is_read_after_a_reload_is_not_the_last(serve, request_body):
    server = serve(WORKERS=1, **NO_LIMITS)
    with Connection(server.port) as connection:
        ask_for_more_than_sockets_hold(connection, request_body)
        reload_and_wait_for_the_order(server)
        long = connection.read()
        assert len(long.json) == 5000 and not long.closes
        assert connection.ask(post(request_body)).closes


def test_who_connects_while_an_old_worker_waits_is_served_by_a_new_one(serve, request_body):
    server = serve(edit=wait_long_for_refused_bodies, **ONE_AT_A_TIME)
    old, = server.workers()
    with refused(server, request_body):
        reload_and_wait_for_the_order(server)
        assert old in {pid for pid, _ in children(server.process.pid)}
        for _ in range(20):
            assert not ask_once(server.port, head("GET", "/health")).closes
    assert eventually(lambda: old not in {pid for pid, _ in children(server.process.pid)})


def test_a_client_that_sends_slowly_keeps_no_old_worker_waiting(serve, request_body):
    """It has been promised nothing yet: its reply says that the connection ends."""
    server = serve(WORKERS=1, **NO_LIMITS)
    whole = post(request_body)
    with Connection(server.port) as slow:
        slow.send(whole[:-10])
        assert eventually(lambda: scrape(server).total("ml_model_active_requests") == 1)
        server.reload()
        assert "still under way" not in server.log
        assert slow.ask(whole[-10:]).closes


def test_no_request_is_lost_where_events_are_posted(serve, golden):
    """A worker then hears later in its turn that it must end."""
    server = serve(WORKERS=2, edit=lambda conf: conf.replace(
        "events {", "events { accept_mutex on;"), **NO_LIMITS)
    closed = asyncio.run(reload_under_load(server, golden, 0.2))
    assert min(closed) >= 1, "old workers tell their clients to leave"


def test_a_client_that_asks_seldom_is_answered_once_more(serve, request_body):
    """Less often than keepalive_min_timeout (5 s), where nginx has that; the old worker ends
    after worker_shutdown_timeout (10 s)."""
    server = serve(WORKERS=1, **NO_LIMITS)
    with Connection(server.port) as connection:
        assert not connection.ask(post(request_body)).closes
        reload_and_wait_for_the_order(server)
        time.sleep(6)
        assert connection.ask(post(request_body)).closes


def test_nobody_keeps_an_old_worker_from_its_end(serve, request_body):
    server = serve(WORKERS=1, **NO_LIMITS)
    old, = server.workers()
    with Connection(server.port) as never_reads:
        ask_for_more_than_sockets_hold(never_reads, request_body)
        server.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: "before the reload still under way: 1;" in server.log)
        assert eventually(lambda: old not in {pid for pid, _ in children(server.process.pid)})
    assert server.log.count("still under way") == 1, "it is told once"


def test_a_reload_with_a_bad_configuration_changes_nothing(serve, golden):
    server = serve(**NO_LIMITS)
    old = set(server.workers())
    server.edit(lambda text: text.replace("rowan_model       fraud", "rowan_model       f/raud"))
    server.forgives = lambda line: "invalid model name" in line
    server.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: "invalid model name" in server.log), "the refusal"
    assert set(server.workers()) == old
    assert server.predict(golden[0]["request"]).status_code == 200


def test_reloads_leave_one_image(serve):
    server = serve(**NO_LIMITS)
    for _ in range(RELOADS):
        reload_and_wait(server)
    assert len(server.images()) == 1
    assert server.get("/health").status_code == 200


def test_old_workers_load_no_model_that_nobody_would_remove(serve, linked_model, first_version,
                                                            second_version):
    """The end of the server asserts that no image is left."""
    server = serve(MODEL_DIR=linked_model)
    for number in range(2 * RELOADS):
        replaced = (second_version, first_version)[number % 2]
        before = set(server.workers())
        server.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: set(server.workers()) - before)
        replace_link(linked_model, replaced)
        reload_and_wait(server)
    assert eventually(lambda: len(server.images()) == 1)


def test_a_killed_master_leaves_images_that_the_next_one_removes(serve):
    server = serve(WORKERS=1, **NO_LIMITS)
    server.kill()
    left, = server.images()
    server.start()
    fresh, = server.images()
    assert fresh != left
