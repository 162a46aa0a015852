"""After random traffic every counter is what the script saw, exactly."""

import os
import signal

import pytest

from model_directories import SECOND_VERSION
from scrape import scrape, settled
from server import NO_LIMITS, eventually, replace_link
from traffic import Traffic, counted, expected, probability_bounds

FIRST_VERSION = "1.0.0"
STEPS = 1500


def killed(line):
    return "exited on signal 9" in line


def assert_agrees(server, *traffics):
    wanted = expected(traffics, probability_bounds(scrape(server)))
    seen = settled(server, counted, wanted)
    for what, value in wanted.items():
        assert seen[what] == value, what


@pytest.fixture
def requests(golden):
    return [row["request"] for row in golden]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_counters_are_what_the_script_saw(serve, requests, seed):
    server = serve(**NO_LIMITS)
    traffic = Traffic(server, requests, seed).run(STEPS)
    assert_agrees(server, traffic)
    assert len(traffic.requests) > 30 and len(traffic.failures) >= 5
    traffic.close()
    assert_agrees(server, traffic)


def test_a_reload_under_traffic_loses_no_count(serve, requests):
    server = serve(**NO_LIMITS)
    traffic = Traffic(server, requests, 4)
    for _ in range(3):
        server.process.send_signal(signal.SIGHUP)
        traffic.run(STEPS // 3)
    traffic.close()
    assert_agrees(server, traffic)
    assert scrape(server).total("ml_model_loads_total", outcome="loaded") == 4


def test_what_a_killed_worker_has_answered_stays_counted(serve, requests):
    server = serve(**NO_LIMITS)
    server.forgives = killed
    traffic = Traffic(server, requests, 5)
    for number in range(4):
        traffic.run(STEPS // 5)
        traffic.close()  # a client of a dead worker could not tell what it did
        assert_agrees(server, traffic)
        server.kill_worker(number % 2)
        assert_agrees(server, traffic)
    assert_agrees(server, traffic.run(STEPS // 5))


def test_swaps_under_traffic_count_rows_by_version(serve, requests, linked_model, first_version,
                                                   second_version):
    server = serve(MODEL_DIR=linked_model, **NO_LIMITS)
    traffic = Traffic(server, requests, 6)
    for number in range(6):
        replace_link(linked_model, (second_version, first_version)[number % 2])
        traffic.run(STEPS // 6)
        assert eventually(lambda: scrape(server).total("ml_model_loads_total") == number + 2)
    traffic.run(STEPS // 6)
    assert_agrees(server, traffic)
    assert len(traffic.predictions) == 2
    traffic.close()


def test_everything_at_once(serve, requests, linked_model, first_version, second_version):
    server = serve(MODEL_DIR=linked_model, WORKERS=3, **NO_LIMITS)
    server.forgives = killed
    traffic = Traffic(server, requests, 7)
    for number in range(4):
        version = (SECOND_VERSION, FIRST_VERSION)[number % 2]
        replace_link(linked_model, (second_version, first_version)[number % 2])
        traffic.run(100)
        assert eventually(lambda: scrape(server).by("ml_model_info", "model_version") ==
                          {(version,): 1})
        server.process.send_signal(signal.SIGHUP)
        traffic.run(100)
        traffic.close()
        assert_agrees(server, traffic)
        workers = server.workers()
        os.kill(workers[0], signal.SIGKILL)
        assert eventually(lambda: workers[0] not in server.workers())
    assert_agrees(server, traffic)


def test_a_later_scrape_never_shows_less(serve, requests):
    """Counters of every scrape while workers come and go."""
    server = serve(**NO_LIMITS)
    traffic = Traffic(server, requests, 8)
    before = {}
    for number in range(12):
        traffic.run(50)
        if number % 3 == 0:
            server.process.send_signal(signal.SIGHUP)
        metrics = scrape(server)
        now = {key: value for key, value in metrics.values.items()
               if key[0].endswith(("_total", "_count", "_sum", "_bucket"))}
        assert before.keys() <= now.keys()
        assert [key for key in before if now[key] < before[key]] == []
        before = now
    traffic.close()
    assert_agrees(server, traffic)
