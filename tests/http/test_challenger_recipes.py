"""Each recipe of docs/canary.md, by the nginx that it is for."""

import re
from collections import Counter

import pytest

from model_directories import FRAUD, SECOND_VERSION
from scrape import scrape, settled
from server import ROOT, Server, eventually
from wire import Connection, post

CHAMPION, CHALLENGER = "1.0.0", SECOND_VERSION
TEXT = (ROOT / "docs/canary.md").read_text()
RECIPES = dict(re.findall(r"^### (.+?)\n(?:(?!^###).)*?```nginx\n(.*?)```", TEXT,
                          re.MULTILINE | re.DOTALL))
TIMES = 300


@pytest.fixture
def cook(folder, second_version):
    """Starts a server with a recipe: cook(its heading, text=other text, ...)."""
    running = []

    def start(heading, **replaced):
        recipe = RECIPES[heading]
        for old, new in {"/models/champion": FRAUD, "/models/challenger": second_version,
                         **replaced}.items():
            recipe = recipe.replace(old, str(new))
        server = Server(folder / f"recipe-{len(running)}", edit=lambda text: (
            text[:text.index("    rowan_model  ")] + "    rowan_shadow_wait 60s;\n"
            + recipe.replace("listen 8000", f"listen 127.0.0.1:{port_of(text)}") + "}\n"))
        running.append(server)
        return server.start()

    yield start
    for server in running:
        server.stop()
        assert server.grief() == []


def port_of(text):
    return re.search(r"listen \S+:(\d+)", text)[1]


def versions(server, golden, times=TIMES, **headers):
    """How often each version answered on one connection."""
    seen = Counter()
    with Connection(server.port) as connection:
        for number in range(times):
            reply = connection.ask(post(golden[number % len(golden)]["request"], **headers))
            assert reply.status == 200, reply
            seen[reply.json["model_version"]] += 1
    return seen


def scored(metrics):
    return {version: count for (version,), count in metrics.by(
        "ml_model_predictions_total", "model_version").items()}


def shadows(metrics):
    return {outcome: count for (outcome,), count in metrics.by(
        "ml_model_shadow_requests_total", "outcome").items()}


def test_every_recipe_has_a_test():
    tested = {name: function for name, function in globals().items() if name.startswith("test_")}
    for heading in RECIPES:
        name = "test_" + heading.lower().replace(" ", "_")
        assert name in tested, name
    assert len(RECIPES) == TEXT.count("```nginx") >= 6


def test_a_share_of_the_requests(cook, golden):
    server = cook("A share of the requests", **{"5% ": "30%"})
    seen = versions(server, golden)
    assert abs(seen[CHALLENGER] - 90) < 6 * (TIMES * 0.3 * 0.7) ** 0.5 and seen[CHALLENGER]
    assert scored(scrape(server)) == seen
    assert server.get("/readyz").status_code == 200


def test_a_share_of_the_requests_without_a_challenger(cook, folder, golden):
    server = cook("A share of the requests", **{"5% ": "50%", "/models/challenger": folder / "no"})
    assert versions(server, golden) == {CHAMPION: TIMES}
    assert server.get("/readyz").status_code == 200


def test_a_share_of_the_clients(cook, golden):
    """All that one client asks is answered by the same model."""
    server = cook("A share of the clients", **{"5% ": "50%", "server {": (
        "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; server {")})
    seen = [versions(server, golden, 10, X_Forwarded_For=f"192.0.2.{number}")
            for number in range(40)]
    assert all(len(one) == 1 for one in seen)
    assert {version for one in seen for version in one} == {CHAMPION, CHALLENGER}


def test_whoever_asks_for_it(cook, golden):
    server = cook("Whoever asks for it")
    assert versions(server, golden, 10) == {CHAMPION: 10}
    assert versions(server, golden, 10, X_Model="challenger") == {CHALLENGER: 10}
    assert versions(server, golden, 10, X_Model="/etc/passwd") == {CHAMPION: 10}


def test_a_shadow(cook, golden):
    server = cook("A shadow")
    assert versions(server, golden) == {CHAMPION: TIMES}
    assert settled(server, shadows, {"scored": TIMES}) == {"scored": TIMES}
    metrics = scrape(server)
    assert scored(metrics) == {CHAMPION: TIMES, CHALLENGER: TIMES}
    assert metrics.requests() == {("POST", "/predict", "200"): TIMES}


def test_a_shadow_of_some_requests(cook, golden):
    server = cook("A shadow of some requests")
    assert versions(server, golden) == {CHAMPION: TIMES}
    eventually(lambda: scrape(server).total("http_requests_in_progress") == 1)
    metrics = scrape(server)
    repeated = scored(metrics)[CHALLENGER]
    assert abs(repeated - 60) < 6 * (TIMES * 0.2 * 0.8) ** 0.5 and repeated
    assert shadows(metrics) == {"scored": repeated}
    assert metrics.requests() == {("POST", "/predict", "200"): TIMES}


def test_a_shadow_on_another_server(cook, golden, serve, second_version):
    other = serve(MODEL_DIR=second_version)
    server = cook("A shadow on another server", **{
        "127.0.0.1:8001": f"127.0.0.1:{other.port}", "100ms": "10s", "200ms": "10s"})
    assert versions(server, golden, 50) == {CHAMPION: 50}
    assert settled(other, scored, {CHALLENGER: 50}) == {CHALLENGER: 50}
    other.stop()
    assert versions(server, golden, 50) == {CHAMPION: 50}
    assert scored(scrape(server)) == {CHAMPION: 100}
    assert scrape(server).requests() == {("POST", "/predict", "200"): 100}
