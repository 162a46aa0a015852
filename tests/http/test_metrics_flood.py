"""A real Prometheus scrapes a server that is flooded, reloaded and swapped: it adds up."""

import signal
import threading
from collections import Counter

from model_directories import SECOND_VERSION
from prometheus import Prometheus, every_half_second
from scrape import scrape
from server import eventually, replace_link, wait_long_for_refused_bodies
from wire import Connection, post

FLOODERS, TIMES, ROWS = 24, 6, 1000
FLOODS_MAX = 20  # until a scrape falls into a moment of shedding


class Flooder(threading.Thread):
    """Sends the same request again and again, and counts the statuses of its answers."""

    def __init__(self, server, request, times):
        super().__init__()
        self.server, self.request, self.times = server, request, times
        self.statuses, self.rows, self.lost = Counter(), 0, None

    def run(self):
        try:
            while self.times:
                with Connection(self.server.port) as connection:
                    self.ask_until_it_closes(connection)
        except (OSError, AssertionError) as error:
            self.lost = error

    def ask_until_it_closes(self, connection):
        while self.times:
            self.times -= 1
            reply = connection.ask(self.request)
            self.statuses[str(reply.status)] += 1
            if reply.status == 200:
                self.rows += reply.body.count(b'"fraud_probability":')  # sooner than parsed
            if reply.closes:
                return


def flood(server, request_text):
    """Arrays with reasons overload the worker; single ones go beyond their client's rate."""
    rows = b"[" + b",".join([request_text.encode()] * ROWS) + b"]"
    arrays = post(rows, "/predict?explain=15", X_Forwarded_For="192.0.2.1")
    single = post(request_text.encode(), X_Forwarded_For="192.0.2.2")
    flooders = [Flooder(server, request, TIMES) for request in (arrays, single)
                for _ in range(FLOODERS)]
    for flooder in flooders:
        flooder.start()
    return flooders


def finish(flooders):
    for flooder in flooders:
        flooder.join()
    assert [flooder.lost for flooder in flooders if flooder.lost] == []
    return (sum((flooder.statuses for flooder in flooders), Counter()),
            sum(flooder.rows for flooder in flooders))


def test_a_flooded_reloaded_and_swapped_server_adds_up(serve, folder, linked_model, request_text,
                                                       second_version):
    server = serve(WORKERS=1, MODEL_DIR=linked_model, TRUSTED_PROXIES="127.0.0.1",
                   RATE_LIMIT=50, RATE_BURST=10, SHED_TARGET=5,
                   edit=wait_long_for_refused_bodies)
    statuses, rows = Counter(), 0
    with Prometheus(folder, every_half_second([server])) as prometheus:
        assert eventually(lambda: prometheus.query("sum(up)") == {(): 1})

        def during_a_flood(event):
            nonlocal rows
            flooders = flood(server, request_text)
            assert eventually(lambda: sum(sum(flooder.statuses.values())
                                          for flooder in flooders) > FLOODERS)
            event()
            seen, scored = finish(flooders)
            statuses.update(seen)
            rows += scored

        def sheds():
            return scrape(server).total("http_shedding") == 1

        seen_shedding = []
        while not any(seen_shedding) and len(seen_shedding) < FLOODS_MAX:
            during_a_flood(lambda: seen_shedding.append(any(sheds() for _ in range(20))))
        assert any(seen_shedding)
        assert eventually(lambda: not sheds())  # nobody asks for a prediction meanwhile
        during_a_flood(lambda: server.process.send_signal(signal.SIGHUP))
        during_a_flood(lambda: replace_link(linked_model, second_version))
        assert eventually(lambda: scrape(server).by("ml_model_info", "model_version")
                          == {(SECOND_VERSION,): 1})

        assert set(statuses) == {"200", "429", "503"}
        for expression, wanted in (
                ('sum by (status_code) (http_requests_total{endpoint="/predict"})',
                 {(status,): count for status, count in statuses.items()}),
                ("sum(ml_model_predictions_total)", {(): rows}),
                ("sum by (reason) (http_requests_refused_total)",
                 {("rate_limit",): statuses["429"], ("shed",): statuses["503"]}),
                ("sum by (failure_reason) (ml_model_failed_predictions_total)",
                 {("rate_limited",): statuses["429"], ("shed",): statuses["503"]}),
                ("sum(ml_model_active_requests)", {})):
            assert prometheus.eventually(expression, wanted) == wanted, expression
        for name in prometheus.counters():
            assert prometheus.query(f"max(resets({name}[1h]))") == {}, name
        assert prometheus.query("max(http_queue_delay_seconds_count)")[()] > 0
