"""A challenger beside the model: it answers its share or repeats all, and harms nobody."""

import asyncio
import json
import math
import random
import time
from collections import Counter

import httpx
import numpy
import pytest

from access_log import parse
from challengers import SLOW_VERSION, STRICT_VERSION, make_slow, make_strict
from model_directories import SECOND_VERSION, copy_of, make_broken
from scrape import assert_counts, scrape, settled
from server import NO_LIMITS, Server, configuration_test, eventually, replace_link
from test_shedding import Flood
from wire import AsyncConnection, Connection, ask_once, head, post

CHAMPION, CHALLENGER = "1.0.0", SECOND_VERSION
PREDICT = "/predict"
SHADOWS = "ml_model_shadow_requests_total"


@pytest.fixture(scope="module")
def requests(golden):
    return [post(row["request"]) for row in golden]


@pytest.fixture(scope="module")
def slow(public_folder):
    return make_slow(public_folder / "slow")


@pytest.fixture
def link(folder, second_version):
    """A link to the challenger."""
    path = folder / "challenger"
    path.symlink_to(second_version)
    return path


def wait_for_shadows(time):
    return lambda text: text.replace("rowan_environment", f"rowan_shadow_wait {time};\n"
                                     "    rowan_environment", 1)


@pytest.fixture
def pair(serve, link):
    """Starts a server with both: pair(SETTING=value, ...). On a busy machine a shadow may wait for
    long: only who asks for it has the shipped patience."""
    return lambda edit=wait_for_shadows("60s"), **settings: serve(
        edit=edit, **{"CHALLENGER_DIR": link, **NO_LIMITS, **settings})


def ask(server, requests, times):
    """Replies of one connection, of the golden requests in turn."""
    with Connection(server.port) as connection:
        return [connection.ask(requests[number % len(requests)]) for number in range(times)]


def versions(replies):
    return Counter(reply.json["model_version"] for reply in replies)


def scored(metrics):
    """{version: predictions counted}"""
    return Counter({version: count for (version,), count in metrics.by(
        "ml_model_predictions_total", "model_version").items()})


def shadows(metrics):
    return {outcome: count for (outcome,), count in metrics.by(SHADOWS, "outcome").items()}


def served_as(server):
    return {labels for labels in scrape(server).by("ml_model_served_info", "served_as",
                                                   "model_version")}


def assert_right(replies, both_versions):
    """Each answer is, in every bit, that of the version which it names."""
    for number, reply in enumerate(replies):
        assert reply.status == 200
        version = both_versions[reply.json["model_version"]]
        assert version.is_right(reply.json, number % len(version.requests))


# ---- a share -----------------------------------------------------------------------------------


@pytest.mark.parametrize("share", ["30", "0.5"])
def test_a_share_is_answered_by_the_challenger(pair, requests, both_versions, share):
    server = pair(CHALLENGER_SHARE=share)
    times, expected = 4000, float(share) / 100
    replies = ask(server, requests, times)
    assert_right(replies, both_versions)
    seen = versions(replies)
    # Six standard deviations: two of a thousand million runs are beyond them.
    bound = 6 * math.sqrt(times * expected * (1 - expected))
    assert abs(seen[CHALLENGER] - times * expected) < bound and seen[CHALLENGER] > 0
    assert_counts(server, {("POST", PREDICT, "200"): times})
    assert scored(scrape(server)) == seen
    assert served_as(server) == {("fraud", CHAMPION), ("challenger", CHALLENGER)}


def test_a_hundred_percent_is_all(pair, requests, both_versions):
    replies = ask(pair(CHALLENGER_SHARE=100), requests, 50)
    assert_right(replies, both_versions)
    assert versions(replies) == {CHALLENGER: 50}


def test_the_share_and_the_sample_of_the_log_are_two_choices(pair, folder, requests):
    """By the same number, a sample as large as the share would be the share."""
    log = folder / "log"
    server = pair(CHALLENGER_SHARE=50, ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=log,
                  ROWAN_ACCESS_LOG_SAMPLE="0.5", WORKERS=1)
    ask(server, requests, 400)
    assert eventually(lambda: log.read_bytes().count(b"\n") > 100)
    kept = Counter(parse(line)["model_version"] for line in log.read_bytes().splitlines())
    assert set(kept) == {CHAMPION, CHALLENGER}


def test_status_speaks_of_the_champion(pair):
    server = pair(CHALLENGER_SHARE=50, CHALLENGER_SHADOW=1)
    assert server.get("/readyz").status_code == 200
    health = server.get("/health").json()
    assert health["version"] == CHAMPION and "models" not in health
    assert server.get("/health/challenger").json()["version"] == CHALLENGER
    assert server.get("/").json()["endpoints"]["predict"] == PREDICT
    assert server.get("/.shadow").status_code == 404
    assert_counts(server, {("GET", path, "200"): 1 for path in (
        "/readyz", "/health", "/health/challenger", "/")} | {("GET", "other", "404"): 1})
    assert not scrape(server).total("ml_model_failed_predictions_total")


def test_the_time_of_loading_is_the_champions(pair, link, folder):
    server = pair(CHALLENGER_SHARE=50)
    before = scrape(server).total("ml_model_loaded_timestamp_seconds")
    assert before > 0
    time.sleep(1.1)  # of what the gauge tells, the seconds
    replace_link(link, make_strict(folder / "strict"))
    assert eventually(lambda: ("challenger", STRICT_VERSION) in served_as(server))
    assert scrape(server).total("ml_model_loaded_timestamp_seconds") == before


# ---- a challenger that cannot answer -----------------------------------------------------------


def test_the_champion_answers_until_there_is_a_challenger(pair, link, requests, both_versions):
    target = link.resolve()
    link.unlink()
    server = pair(CHALLENGER_SHARE=100)
    replies = ask(server, requests, 20)
    assert_right(replies, both_versions)
    assert versions(replies) == {CHAMPION: 20}
    assert server.get("/readyz").status_code == 200
    absent = server.get("/health/challenger")
    assert absent.status_code == 503 and absent.json()["model_loaded"] is False
    metrics = scrape(server)
    assert not metrics.total("ml_model_errors_total") and not metrics.total(
        "ml_model_loads_total", outcome="refused")
    replace_link(link, target)
    assert eventually(lambda: versions(ask(server, requests, 10)) == {CHALLENGER: 10})


@pytest.mark.parametrize("kind", ["truncated model", "golden row that differs", "no contract"])
def test_a_refused_challenger_changes_nothing_but_a_line(pair, link, folder, requests, kind,
                                                         second_version):
    broken, words = make_broken(kind, folder / "broken", second_version)
    replace_link(link, broken)
    server = pair(CHALLENGER_SHARE=100)
    assert versions(ask(server, requests, 20)) == {CHAMPION: 20}
    assert "last_refused" not in server.get("/health").json()
    reason = server.get("/health/challenger").json()["reason"]
    assert all(word in reason for word in words)
    assert 'model "challenger" is not served until its directory is good' in server.log
    assert scrape(server).by("ml_model_loads_total", "outcome") == {("loaded",): 1,
                                                                    ("refused",): 1}


def test_what_the_challengers_contract_refuses_the_champion_answers(pair, folder, golden):
    strict = make_strict(folder / "strict")
    server = pair(CHALLENGER_DIR=strict, CHALLENGER_SHARE=100)
    usual, large = golden[0]["request"], {**golden[0]["request"], "tx_amount": 1e6}
    assert server.predict(usual).json()["model_version"] == STRICT_VERSION
    assert server.predict(large).json()["model_version"] == CHAMPION
    assert {row["model_version"] for row in server.predict([usual, large]).json()} == {CHAMPION}
    assert scored(scrape(server)) == {STRICT_VERSION: 1, CHAMPION: 3}


def test_a_request_that_is_wrong_hears_it_from_the_champion(pair, request_body):
    server = pair(CHALLENGER_SHARE=100)
    alone = pair(CHALLENGER_SHARE="0.01")
    for body in (b"{", b"[]x", json.dumps({**request_body, "tx_amount": "x"}).encode()):
        replies = [ask_once(one.port, post(body)) for one in (server, alone)]
        assert [reply.status for reply in replies] == [422, 422]
        assert replies[0].body == replies[1].body
    assert_counts(server, {("POST", PREDICT, "422"): 3})
    assert not scored(scrape(server))


# ---- a shadow ------------------------------------------------------------------------------------


def test_a_shadow_repeats_every_prediction(pair, folder, requests, both_versions):
    log = folder / "log"
    server = pair(CHALLENGER_SHADOW=1, ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=log,
                  WORKERS=1)
    replies = ask(server, requests, 200)
    assert_right(replies, both_versions)
    assert versions(replies) == {CHAMPION: 200}
    assert_counts(server, {("POST", PREDICT, "200"): 200})
    assert settled(server, shadows, {"scored": 200}) == {"scored": 200}
    metrics = scrape(server)
    assert scored(metrics) == {CHAMPION: 200, CHALLENGER: 200}
    # What it would have said: as many frauds as the version's own numbers hold.
    probabilities = both_versions[CHALLENGER].probabilities[:200]
    assert metrics.total("ml_model_predictions_total", model_version=CHALLENGER,
                         prediction_result="fraud") == numpy.count_nonzero(probabilities >= 0.5)
    assert metrics.total("ml_model_prediction_duration_seconds_count",
                         model_version=CHALLENGER) == 200
    assert metrics.total("http_request_duration_seconds_count", endpoint=PREDICT) == 200
    assert metrics.total("ml_model_active_requests") == 0
    paths = Counter(parse(line)["path"] for line in log.read_bytes().splitlines())
    assert paths[PREDICT] == 200 and set(paths) == {PREDICT, "/metrics"}


def test_a_shadow_takes_nothing_of_a_rate_limit(pair, requests):
    server = pair(CHALLENGER_SHADOW=1, RATE_LIMIT=1, RATE_BURST=40)
    replies = ask(server, requests, 41)
    assert {reply.status for reply in replies} == {200}
    assert settled(server, shadows, {"scored": 41}) == {"scored": 41}


def test_what_got_no_prediction_is_not_repeated(pair, request_body):
    server = pair(CHALLENGER_SHADOW=1)
    wrong = {**request_body, "tx_amount": "x"}
    assert ask_once(server.port, post(wrong)).status == 422
    assert ask_once(server.port, post(b"{")).status == 422
    assert ask_once(server.port, head("GET", PREDICT)).status == 405
    assert ask_once(server.port, head(Content_Type="text/plain", Content_Length="2")
                    + b"{}").status == 415
    assert ask_once(server.port, post(request_body)).status == 200
    assert settled(server, shadows, {"scored": 1}) == {"scored": 1}
    assert_counts(server, {("POST", PREDICT, "422"): 2, ("GET", PREDICT, "405"): 1,
                           ("POST", PREDICT, "415"): 1, ("POST", PREDICT, "200"): 1})


def test_the_version_that_answered_is_not_repeated(pair, link, requests, first_version):
    """As after a promotion, or for the share of the challenger itself."""
    replace_link(link, first_version)
    server = pair(CHALLENGER_SHADOW=1)
    ask(server, requests, 30)
    assert settled(server, shadows, {"same": 30}) == {"same": 30}
    assert scored(scrape(server)) == {CHAMPION: 30}


def test_a_share_and_a_shadow_of_the_rest(pair, requests):
    server = pair(CHALLENGER_SHARE=50, CHALLENGER_SHADOW=1)
    seen = versions(ask(server, requests, 200))
    expected = {"scored": seen[CHAMPION], "same": seen[CHALLENGER]}
    assert settled(server, shadows, expected) == expected
    assert scored(scrape(server)) == {CHAMPION: seen[CHAMPION], CHALLENGER: 200}


def test_a_shadow_without_a_challenger(pair, link, requests):
    link.unlink()
    server = pair(CHALLENGER_SHADOW=1)
    assert versions(ask(server, requests, 20)) == {CHAMPION: 20}
    assert settled(server, shadows, {"no_model": 20}) == {"no_model": 20}
    assert not scrape(server).total("ml_model_errors_total")


def test_a_shadow_that_the_contract_refuses(pair, folder, golden):
    server = pair(CHALLENGER_DIR=make_strict(folder / "strict"), CHALLENGER_SHADOW=1)
    server.predict({**golden[0]["request"], "tx_amount": 1e6})
    assert settled(server, shadows, {"failed": 1}) == {"failed": 1}
    assert not scrape(server).total("ml_model_failed_predictions_total")


def chunked(body):
    pieces = [body[at:at + 1000] for at in range(0, len(body), 1000)]
    coded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return head(Content_Type="application/json", Transfer_Encoding="chunked") + coded


@pytest.mark.parametrize("settings", [{}, {"BODY_BUFFER": "1k"}], ids=["memory", "file"])
def test_bodies_however_they_come(pair, golden, settings):
    server = pair(CHALLENGER_SHADOW=1, **settings)
    array = json.dumps([row["request"] for row in golden[:300]]).encode()
    with Connection(server.port) as connection:
        for data in (post(array), chunked(array), post(golden[0]["request"]),
                     chunked(json.dumps(golden[0]["request"]).encode())):
            assert connection.ask(data).status == 200
        connection.send(post(array)[:-1])
        time.sleep(0.05)  # in two pieces
        assert connection.ask(post(array)[-1:]).status == 200
    assert settled(server, shadows, {"scored": 5}) == {"scored": 5}
    assert scored(scrape(server)) == {CHAMPION: 902, CHALLENGER: 902}


def test_reasons_are_for_the_client_alone(pair, golden):
    server = pair(CHALLENGER_SHADOW=1)
    reply = server.post("/predict?explain=3", json=golden[0]["request"]).json()
    assert len(reply["reasons"]) == 3
    assert server.post("/predict?explain=x", json=golden[0]["request"]).status_code == 422
    assert settled(server, shadows, {"scored": 1}) == {"scored": 1}


def test_http_2(pair, certificate, golden):
    server = pair(CHALLENGER_SHADOW=1, TLS_CERTIFICATE=certificate[0], TLS_KEY=certificate[1])

    async def many():
        async with httpx.AsyncClient(http2=True, verify=False, timeout=60) as client:
            return await asyncio.gather(*(client.post(f"{server.url}/predict", json=row["request"])
                                          for row in golden[:100]))

    replies = asyncio.run(many())
    assert {(reply.status_code, reply.http_version) for reply in replies} == {(200, "HTTP/2")}
    assert settled(server, shadows, {"scored": 100}) == {"scored": 100}


def test_a_slow_body_is_cut_off_though_mirror_reads_it(pair, requests):
    server = pair(CHALLENGER_SHADOW=1, CLIENT_TIMEOUT=1)
    with Connection(server.port) as connection:
        assert connection.ask(requests[0]).status == 200
        connection.send(requests[1][:-300])
        deadline = time.monotonic() + 30
        connection.socket.settimeout(0.2)
        reply = b""
        while not reply and time.monotonic() < deadline:
            connection.socket.sendall(b" ")  # each byte starts nginx's own timeout anew
            try:
                reply = connection.socket.recv(4096)
            except TimeoutError:
                continue
    assert reply.startswith(b"HTTP/1.1 408 "), reply
    assert scrape(server).total("http_requests_refused_total", reason="slow") == 1


def test_clients_that_leave_before_their_shadow_is_done(pair, slow, golden):
    """Nothing of theirs is used afterwards, and the rest goes on."""
    server = pair(CHALLENGER_DIR=slow, CHALLENGER_SHADOW=1, WORKERS=1)
    array = post([row["request"] for row in golden])
    for reset in (False, True) * 5:
        connection = Connection(server.port)
        connection.send(array)
        connection.leave(reset)
    for reset in (False, True) * 5:
        connection = Connection(server.port)
        assert connection.ask(array).status == 200
        connection.leave(reset)
    assert ask_once(server.port, array).status == 200
    assert eventually(lambda: scrape(server).total("http_requests_in_progress") == 1)
    assert not server.crashes()


# ---- its time ----------------------------------------------------------------------------------


def mean(metrics, name, **labels):
    return metrics.total(f"{name}_sum", **labels) / metrics.total(f"{name}_count", **labels)


def test_the_answer_does_not_wait_for_a_slow_challenger(pair, slow, golden, capsys):
    server = pair(CHALLENGER_DIR=slow, CHALLENGER_SHADOW=1, WORKERS=1)
    array = post([golden[number % len(golden)]["request"] for number in range(3000)])
    took = []
    for _ in range(8):
        with Connection(server.port) as connection:
            started = time.perf_counter()
            assert connection.ask(array).status == 200
            took.append(time.perf_counter() - started)
            assert eventually(lambda: shadows(scrape(server)).get("scored") == len(took))
    metrics = scrape(server)
    champion, challenger = (mean(metrics, "ml_model_prediction_duration_seconds",
                                 model_version=version) for version in (CHAMPION, SLOW_VERSION))
    told = mean(metrics, "http_request_duration_seconds", endpoint=PREDICT)
    with capsys.disabled():
        print(f"\n3,000 transactions: the champion takes {champion * 1e3:.1f} ms, the challenger "
              f"{challenger * 1e3:.1f} ms; answered after {sorted(took)[4] * 1e3:.1f} ms (median), "
              f"http_request_duration_seconds {told * 1e3:.1f} ms")
    assert challenger > 2 * champion, "it is slow"
    assert min(took) < champion + challenger and told < champion + challenger


def test_a_shadow_that_is_late_is_dropped_and_every_client_served(pair, slow, golden):
    server = pair(edit=wait_for_shadows("1ms"), CHALLENGER_DIR=slow, CHALLENGER_SHADOW=1, WORKERS=1)
    array = post([golden[number % len(golden)]["request"] for number in range(500)])
    times, n_clients = 10, 6

    async def client():
        connection, statuses = AsyncConnection(server.port), Counter()
        for _ in range(times):
            statuses[(await connection.ask(array)).status] += 1
        await connection.close()
        return statuses

    async def all_clients():
        return sum(await asyncio.gather(*(client() for _ in range(n_clients))), Counter())

    total = times * n_clients
    assert asyncio.run(all_clients()) == {200: total}
    assert eventually(lambda: sum(shadows(scrape(server)).values()) == total)
    seen = shadows(scrape(server))
    assert seen["shed"] > 0 and set(seen) <= {"shed", "scored"}


def test_a_worker_that_sheds_load_drops_every_shadow(pair, request_text):
    server = pair(CHALLENGER_SHADOW=1, WORKERS=1, SHED_TARGET=5)
    with Flood(server, request_text) as flood:
        assert eventually(lambda: len(flood.refused()) > 20)
        assert eventually(lambda: shadows(scrape(server)).get("shed", 0) > 0)
    statuses = Counter(reply.status for reply in flood.replies)
    assert set(statuses) == {200, 503}
    # Of a request that is refused there is nothing to repeat.
    assert eventually(lambda: sum(shadows(scrape(server)).values()) == statuses[200])


# ---- under load ------------------------------------------------------------------------------


class Load:
    """Keep-alive connections that ask without a pause; a failure ends the test."""

    def __init__(self, server, requests, both):
        self.server, self.requests, self.both = server, requests, both
        self.seen, self.stopping = Counter(), False

    async def one(self, seed):
        chance, connection = random.Random(seed), AsyncConnection(self.server.port)
        while not self.stopping:
            row = chance.randrange(len(self.requests))
            reply = await connection.ask(self.requests[row])
            assert reply.status == 200, reply
            version = reply.json["model_version"]
            assert self.both[version].is_right(reply.json, row), reply
            self.seen[version] += 1
        await connection.close()

    async def run(self, scenario):
        clients = [asyncio.create_task(self.one(seed)) for seed in range(24)]
        changes = asyncio.create_task(asyncio.to_thread(scenario))
        try:
            await asyncio.wait([changes, *clients], return_when=asyncio.FIRST_COMPLETED)
            failed = [task.exception() for task in clients if task.done()]
            assert not failed, failed
            changes.result()
        finally:
            self.stopping = True
            await asyncio.gather(changes, return_exceptions=True)
            ended = await asyncio.gather(*clients, return_exceptions=True)
        assert [error for error in ended if error is not None] == []


def test_whatever_happens_to_the_challenger_no_request_fails(pair, folder, link, requests,
                                                             both_versions):
    champion = folder / "champion"
    champion.symlink_to(both_versions[CHAMPION].folder)
    first, second = (both_versions[name].folder for name in (CHAMPION, CHALLENGER))
    server = pair(MODEL_DIR=champion, CHALLENGER_SHARE=50, CHALLENGER_SHADOW=1)

    def challenger_is(version):
        return eventually(lambda: ("challenger", version) in served_as(server)
                          and len([1 for name, _ in served_as(server)
                                   if name == "challenger"]) == 1)

    def refused():
        return scrape(server).total("ml_model_loads_total", outcome="refused")

    def scenario():
        for number in range(6):
            replace_link(link, (first, second)[number % 2])
            assert challenger_is((CHAMPION, CHALLENGER)[number % 2])
        before = refused()
        replace_link(link, make_broken("golden row that differs", folder / "bad", second)[0])
        assert eventually(lambda: refused() > before)
        link.unlink()
        assert eventually(lambda: "cannot" in server.log or "no such" in server.log.lower())
        replace_link(champion, second)
        assert eventually(lambda: ("fraud", CHALLENGER) in served_as(server))
        replace_link(link, first)
        assert challenger_is(CHAMPION)
        for _ in range(2):
            server.reload()
        replace_link(champion, first)
        replace_link(link, copy_of(second, folder / "copy"))
        assert challenger_is(CHALLENGER)

    load = Load(server, requests, both_versions)
    asyncio.run(load.run(scenario))
    assert set(load.seen) == {CHAMPION, CHALLENGER}
    assert not scrape(server).requests().get(("POST", PREDICT, "503"))


# ---- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("settings, words", [
    ({"CHALLENGER_SHARE": "5"}, "CHALLENGER_SHARE: needs CHALLENGER_DIR"),
    ({"CHALLENGER_SHADOW": "1"}, "CHALLENGER_SHADOW: 1: needs CHALLENGER_DIR"),
    ({"CHALLENGER_DIR": "/c"}, "CHALLENGER_DIR: /c: needs CHALLENGER_SHARE above 0, or "
                               "CHALLENGER_SHADOW=1"),
    ({"CHALLENGER_DIR": "/c", "CHALLENGER_SHARE": "100", "CHALLENGER_SHADOW": "1"},
     "CHALLENGER_SHADOW: 1: with CHALLENGER_SHARE=100"),
    ({"CHALLENGER_DIR": "/c/", "MODEL_DIR": "/c", "CHALLENGER_SHADOW": "1"},
     "CHALLENGER_DIR: /c: is MODEL_DIR"),
    *[({"CHALLENGER_DIR": "/c", "CHALLENGER_SHARE": wrong}, f"CHALLENGER_SHARE: '{wrong}' must be "
       "a percentage from 0 to 100, with at most 2 decimals")
      for wrong in ("-1", "100.01", "101", "5%", "0.001", ".5", "5.", "1e1", "0x5", " 5", "1000")],
])
def test_what_makes_no_sense_is_one_line(folder, settings, words):
    from test_serve import rowan_serve
    done = rowan_serve(folder / "run", "--render", **settings)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"rowan: {words}"), last


@pytest.mark.parametrize("share, says", [("0.01", "0.01% challenger"), ("5", "5.00% challenger"),
                                         ("99.99", "99.99% challenger"), ("12.5", "12.50% ")])
def test_the_share_is_what_was_asked_for(pair, share, says):
    assert says in pair(CHALLENGER_SHARE=share).configuration.read_text()


def test_without_a_challenger_nothing_of_it_is_there(server):
    text = server.configuration.read_text()
    assert "challenger" not in text and "mirror" not in text
    assert server.get("/health/challenger").status_code == 404


@pytest.mark.parametrize("directive, words", [
    ("rowan_predict fraud nobody;", 'no model "nobody" in '),
    ("rowan_predict nobody fraud;", 'no model "nobody" in '),
    ("rowan_predict fraud fraud fraud;", 'invalid number of arguments in "rowan_predict"'),
    ("rowan_predict fraud $nowhere;", 'unknown "nowhere" variable'),
])
def test_a_name_of_no_model_is_an_error_of_the_configuration(folder, directive, words):
    def edit(text):
        return text.replace("rowan_predict fraud;", directive)

    tested = configuration_test(Server(folder / "wrong", edit=edit).folder)
    assert tested.returncode != 0 and words in tested.stderr


def test_both_names_may_have_variables(serve, second_version, request_body):
    def edit(text):
        return text.replace("rowan_predict fraud;", "rowan_predict $arg_one $arg_other;").replace(
            "server {", f'rowan_model next "{second_version}";\n    server {{', 1)

    server = serve(edit=edit)
    for query, version in (("one=next&other=fraud", CHALLENGER), ("one=x&other=fraud", CHAMPION),
                           ("other=next", CHALLENGER), ("one=fraud&other=x", CHAMPION)):
        reply = server.post(f"{PREDICT}?{query}", json=request_body)
        assert reply.json()["model_version"] == version, query
    assert server.post(f"{PREDICT}?one=x&other=y", json=request_body).status_code == 404
