"""Fixtures: a real Chromium, real servers, and a page that forgives nothing."""

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(TESTS / "http"), str(TESTS / "metrics")]
pytest.register_assert_rewrite("reader", "scrape")

from chromium import PATIENCE_MS, chromium
from fixtures import folder, public_folder, serve  # noqa: F401
from model_directories import make_second_version
from reader import hide
from server import Server


@pytest.fixture(scope="session")
def server(public_folder):
    """One server with the default settings, for tests that leave it as it is."""
    with Server(public_folder / "default", REPLICA_ID="the-only-one") as running:
        yield running


@pytest.fixture(scope="session")
def second_version(public_folder):
    return make_second_version(public_folder / "second")


@pytest.fixture(scope="session")
def browser():
    with chromium() as running:
        yield running


class Watched:
    """What a page did that it must not."""

    def __init__(self, page):
        self.errors, self.requested, self.forgiven = [], [], []
        page.on("console", self.heard)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requested.append(request.url))

    def heard(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def unforgiven(self):
        return [error for error in self.errors
                if not any(words in error for words in self.forgiven)]


# The page's pauses, an eighth as long: it asks each quarter of a second, of real servers.
HURRY = """(() => {
  const later = window.setTimeout;
  window.setTimeout = (call, milliseconds, ...rest) => later(call, milliseconds / 8, ...rest);
})()"""


@contextmanager
def visits(browser):
    with ExitStack() as contexts:
        pages = []

        def open_page(url, path="/", before=None, in_a_hurry=True, **options):
            context = contexts.enter_context(
                browser.new_context(locale="en-GB", timezone_id="UTC", **options))
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            page.watched, page.origin = Watched(page), url
            if in_a_hurry:
                page.add_init_script(HURRY)
            if before:
                before(page)
            page.goto(url + path)
            pages.append(page)
            return page

        yield open_page
        for page in pages:
            assert page.watched.unforgiven() == []
            assert {urlsplit(url).netloc for url in page.watched.requested} == {
                urlsplit(page.origin).netloc}


@pytest.fixture
def visit(browser):
    """visit(url, ...) is a page at `url`, with `page.watched`; options are those of a context.
    In the end its console holds nothing but what the test forgives by name, and it has asked
    no other host."""
    with visits(browser) as open_page:
        yield open_page


@pytest.fixture(scope="session")
def modules(browser, server):
    """One page for tests that call the functions of its modules alone; it asks nothing."""
    with visits(browser) as open_page:
        page = open_page(server.url)
        hide(page)
        yield page
