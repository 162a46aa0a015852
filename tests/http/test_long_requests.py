"""Long requests take turns with short ones, and none of them is lost."""

import selectors
import signal
from contextlib import ExitStack

from scrape import scrape
from server import NO_LIMITS, eventually
from wire import Connection, post

LONG, ROWS, REASONS = 30, 200, "/predict?explain=15"


def long_request(request_text):
    rows = b"[" + b",".join([request_text.encode()] * ROWS) + b"]"
    return post(rows, REASONS)


def connect(stack, server, count):
    return [stack.enter_context(Connection(server.port)) for _ in range(count)]


def answered(connections):
    """How many have something to read, without waiting."""
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ)
        return len(selector.select(0))


def in_progress(server):
    return scrape(server).total("ml_model_active_requests")


def test_a_short_request_overtakes_long_ones_that_came_before(serve, request_text):
    """Without turns it would come last: all the others are ready before it."""
    server = serve(WORKERS=1, **NO_LIMITS)
    with ExitStack() as stack:
        clients = connect(stack, server, LONG)
        short, = connect(stack, server, 1)
        for client in clients:
            client.send(long_request(request_text))
        assert short.ask(post(request_text.encode())).status == 200
        overtaken = LONG - answered(clients)
        replies = [client.read() for client in clients]
    assert overtaken > LONG / 2
    assert {reply.status for reply in replies} == {200}
    assert {len(reply.json) for reply in replies} == {ROWS}


def test_clients_that_leave_while_they_wait_leave_nothing_behind(serve, request_text):
    server = serve(WORKERS=1, **NO_LIMITS)
    with ExitStack() as stack:
        for client in connect(stack, server, LONG):
            client.send(long_request(request_text))
    assert eventually(lambda: in_progress(server) == 0)
    assert server.post("/predict", content=request_text,
                       headers={"Content-Type": "application/json"}).status_code == 200
    assert not server.crashes()


def test_a_worker_that_ends_answers_those_that_wait(serve, request_text):
    server = serve(WORKERS=1, **NO_LIMITS)
    with ExitStack() as stack:
        clients = connect(stack, server, LONG)
        for client in clients:
            client.send(long_request(request_text))
        eventually(lambda: in_progress(server) >= LONG - answered(clients))
        server.process.send_signal(signal.SIGQUIT)
        replies = [client.read() for client in clients]
    assert {reply.status for reply in replies} == {200}
    assert {len(reply.json) for reply in replies} == {ROWS}
