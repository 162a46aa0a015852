"""What a browser gets: the policy holds, nothing comes from elsewhere, the page is light."""

import re

import pytest

from reader import wait_for_form, wait_for_rows
from server import ROOT


def test_the_policy_forbids_what_it_should(visit, server):
    """A script in the page, a style in an element and another host are each refused."""
    page = visit(server.url)
    wait_for_form(page)
    page.watched.forgiven += ["Content Security Policy"]
    broken = page.evaluate("""async () => {
      const found = [];
      document.addEventListener("securitypolicyviolation", (event) =>
        found.push(event.effectiveDirective));
      const script = document.createElement("script");
      script.textContent = "window.hasRun = true";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", "<p style='color: red'>x</p>");
      await fetch("http://127.0.0.1:1/").catch(() => {});
      for (let i = 0; i < 1000 && found.length < 3; i++) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      return [found.sort(), window.hasRun === undefined];
    }""")
    assert broken == [["connect-src", "script-src-elem", "style-src-attr"], True]
    page.watched.requested[:] = [url for url in page.watched.requested if ":1/" not in url]


@pytest.fixture
def weight(visit, server):
    """{path: bytes over the wire} of all that the page needs, headers included."""
    sizes = {}

    def measure(page):
        session = page.context.new_cdp_session(page)
        paths = {}
        session.send("Network.enable")
        session.on("Network.responseReceived", lambda event: paths.update(
            {event["requestId"]: event["response"]["url"]}))
        session.on("Network.loadingFinished", lambda event: sizes.update(
            {paths[event["requestId"]].split("/", 3)[3]: event["encodedDataLength"]}))

    page = visit(server.url, before=measure)
    wait_for_rows(page, "requests", 1)
    return sizes


def test_the_page_is_as_light_as_the_documentation_says(weight):
    files = sum(size for path, size in weight.items() if path == "" or path.startswith("live/"))
    said = re.search(r"(\d+) KB on first sight, .*, of it at most (\d+) KB for uPlot",
                     (ROOT / "docs/http.md").read_text())
    uplot = sum(size for path, size in weight.items() if "uPlot" in path)
    for size, most in zip((files, uplot), map(int, said.groups()), strict=True):
        assert most - 3 <= size / 1000 <= most, weight


def test_unchanged_files_are_not_sent_again(server):
    first = server.get("/live/app.js")
    again = server.get("/live/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and first.headers["cache-control"] == "no-cache"


def test_the_page_needs_no_other_origin(visit, server):
    """`visit` asserts it of every page; here the page is the one that asks."""
    page = visit(server.url)
    wait_for_rows(page, "requests", 1)
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len(loaded) > 10 and all(url.startswith(server.url) for url in loaded)
