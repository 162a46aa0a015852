"""What the page says when something is not as it should be, and that it recovers."""

import os
import signal
from contextlib import contextmanager
from itertools import count

import pytest

from model_directories import FRAUD, make_broken
from reader import hide, tile, wait, wait_for_form, wait_for_rows
from server import children, eventually, replace_link


def feed_says(page, words):
    wait(page, "(words) => document.querySelector('#feed').textContent.includes(words)", words)
    return page.locator("#feed").inner_text()


def score(page):
    wait_for_form(page)
    page.get_by_role("button", name="Score it").click()
    page.locator("#answer").wait_for(state="visible")


# ---- no metrics --------------------------------------------------------------------------


@pytest.mark.parametrize("status, instead, words", [
    (401, "return 401;", "401, it wants an API key"),
    (403, "deny all;", "403, it is not for everybody"),
    (404, "return 404;", "404, this service has no metrics"),
    (429, "return 429;", "429, asked too often"),
    (503, "return 503;", "503, the service is overloaded"),
    (None, "default_type text/html; return 200 '<p>Who are you?</p>';", "are none"),
    (None, "default_type text/plain; return 200 'http_requests_total{';", "line 1 of the metrics")])
def test_refused_metrics_are_said_and_the_form_works_on(visit, serve, status, instead, words):
    page = visit(serve(edit=lambda text: text.replace("rowan_metrics; }", instead + " }")).url)
    if status:
        page.watched.forgiven.append(str(status))
    said = feed_says(page, words)
    assert said.endswith("There are no numbers yet.")
    score(page)
    assert page.evaluate("document.body.dataset.old") == "true"


def test_a_script_that_does_not_come_leaves_the_form(visit, serve):
    page = visit(serve(edit=lambda text: text.replace(
        "location /live/ {", "location = /live/uPlot.iife.min.js { return 404; }\nlocation /live/ {"
    )).url)
    page.watched.forgiven += ["404", "Refused to execute script"]
    page.get_by_text("The charts could not be loaded.").wait_for()
    score(page)
    wait(page, "() => document.querySelector('#tile-requests').textContent.endsWith('/s')")


# ---- models ------------------------------------------------------------------------------


@pytest.fixture
def linked_model(folder):
    link = folder / "model"
    link.symlink_to(FRAUD)
    return link


def tile_becomes(page, name, text):
    wait(page, "([name, text]) => document.querySelector(`#tile-${name}`).textContent === text",
         [name, text])


def test_a_model_that_is_swapped_in(visit, serve, linked_model, second_version):
    page = visit(serve(MODEL_DIR=linked_model).url)
    tile_becomes(page, "model", "fraud 1.0.0 (XGBoost)")
    score(page)
    replace_link(linked_model, second_version)
    tile_becomes(page, "model", "fraud 2.0.0-half (XGBoost)")
    page.get_by_text("healthy: fraud 2.0.0-half (XGBoost)").wait_for()
    page.get_by_role("button", name="Score it").click()
    page.locator("#facts").get_by_text("2.0.0-half").wait_for()


def test_a_model_that_is_refused(visit, serve, folder, linked_model):
    broken, words = make_broken("golden row that differs", folder / "broken")
    page = visit(serve(MODEL_DIR=linked_model).url)
    page.get_by_text("healthy: fraud 1.0.0").wait_for()
    replace_link(linked_model, broken)
    page.get_by_text("refused: ").wait_for()
    said = page.locator("#health").inner_text()
    assert said.startswith("healthy: fraud 1.0.0") and all(word in said for word in words)
    assert tile(page, "model") == "fraud 1.0.0 (XGBoost)"


def test_no_model_and_then_one(visit, serve, folder):
    link = folder / "model"
    page = visit(serve(MODEL_DIR=link, MODEL_OPTIONAL=1).url)
    page.watched.forgiven.append("503")
    page.get_by_text("unhealthy").wait_for()
    assert str(link) in page.locator("#health").inner_text()
    tile_becomes(page, "model", "none")
    link.symlink_to(FRAUD)
    page.get_by_text("healthy: fraud 1.0.0").wait_for()
    score(page)


# ---- the server goes and comes -----------------------------------------------------------


def test_a_server_that_stops_and_comes_back(visit, serve):
    running = serve(REPLICA_ID="phoenix")
    page = visit(running.url)
    page.watched.forgiven += ["ERR_CONNECTION", "ERR_EMPTY_RESPONSE"]
    wait_for_rows(page, "requests", 1)
    running.stop()
    said = feed_says(page, "The server cannot be reached.")
    assert "The numbers are those of" in said
    assert page.evaluate("document.body.dataset.old") == "true"
    page.get_by_text("the server cannot be reached", exact=True).wait_for()
    page.get_by_role("button", name="Score it").click()
    page.locator("#problems li").filter(has_text="The server cannot be reached").wait_for()
    running.start()
    wait(page, "() => document.body.dataset.old === 'false'")
    assert page.locator("#feed").inner_text() == ""
    rows = page.locator("#chart-requests tbody tr").count()
    wait_for_rows(page, "requests", rows + 1)
    score(page)


# ---- the server hangs --------------------------------------------------------------------

# The bound of the page's requests, an eighth as long; what it was is kept.
SHORT_BOUND = """(() => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  window.bounds = new Set();
  AbortSignal.timeout = (milliseconds) => {
    window.bounds.add(milliseconds);
    return timeout(milliseconds / 8);
  };
})()"""


@contextmanager
def stopped(server):
    """Connections are still accepted, by the kernel; nobody answers."""
    pids = [server.process.pid, *(pid for pid, _ in children(server.process.pid))]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def health_is(page, look, words):
    wait(page, """([look, words]) => {
      const health = document.querySelector("#health");
      return health.classList.contains(look) && health.textContent.startsWith(words);
    }""", [look, words])


def test_a_server_that_hangs(visit, serve):
    server = serve()
    page = visit(server.url, before=lambda page: page.add_init_script(SHORT_BOUND))
    wait_for_form(page)
    health_is(page, "good", "healthy: fraud 1.0.0")
    wait_for_rows(page, "requests", 1)
    with stopped(server):
        health_is(page, "bad", "no answer")
        assert "The numbers are those of" in feed_says(page, "The server does not answer.")
        page.get_by_role("button", name="Score it").click()
        page.locator("#problems li").filter(has_text="The server does not answer.").wait_for()
        assert page.evaluate("[...window.bounds]") == [10_000]
    health_is(page, "good", "healthy: fraud 1.0.0")
    wait(page, "() => document.body.dataset.old === 'false'")
    score(page)


UNDER_WAY = """() => [
    document.querySelector("#answer").getAttribute("aria-busy"),
    document.querySelector("#submit").getAttribute("aria-disabled"),
    document.querySelector("#said").textContent, document.activeElement.id]"""


def test_a_score_that_is_under_way(visit, serve):
    server = serve()
    page = visit(server.url)
    sent = []
    page.on("request", lambda request: sent.append(request.url)
            if "/predict" in request.url else None)
    wait_for_form(page)
    button = page.get_by_role("button", name="Score it")
    with stopped(server):
        button.click()
        assert page.evaluate(UNDER_WAY) == ["true", "true", "Asking for the score …", "submit"]
        assert page.locator("#waiting").inner_text() == "Asking for the score …"
        page.keyboard.press("Enter")
        page.locator("#field-tx_amount").press("Enter")
        button.focus()
    page.locator("#answer").wait_for(state="visible")
    busy, disabled, said, focus = page.evaluate(UNDER_WAY)
    assert (busy, disabled, focus) == ("false", "false", "submit")
    assert said.startswith("Fraud probability")
    assert len(sent) == 1, "one score at a time"
    button.click()
    assert eventually(lambda: page.evaluate("1") and len(sent) == 2)


# ---- a page that nobody looks at ---------------------------------------------------------


def test_a_hidden_page_asks_nothing_until_it_is_seen_again(visit, server):
    """On a clock of the test's own: an hour passes at once."""
    asked = count()
    page = visit(server.url, before=lambda page: page.clock.install(),
                 in_a_hurry=False)
    page.on("request", lambda request: request.url.endswith("/metrics") and next(asked))

    def passes(seconds):
        page.clock.run_for(1000 * seconds)
        page.evaluate("() => fetch('/livez')")  # what was asked before has been asked by now

    assert eventually(lambda: passes(2) or next(asked) > 2)
    hide(page)
    passes(30)  # a request that is under way may end
    before = next(asked)
    passes(3600)
    assert next(asked) == before + 1, "nothing was asked in an hour"
    hide(page, False)
    before = next(asked)
    assert eventually(lambda: passes(0) or next(asked) > before + 1)
