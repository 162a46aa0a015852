"""Who cannot see the page as we do, or has little room: axe-core, phones, dark and light."""

import subprocess
import tarfile

import pytest

from flow import Flow, transactions
from reader import hide, open_table, rows, wait, wait_for_form, wait_for_rows
from server import ROOT, eventually

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
CHARTS = ("requests", "latency", "predictions", "share", "refused", "scores")


@pytest.fixture(scope="session")
def axe():
    """The script of axe-core, as npm's package has it."""
    archive = subprocess.run([ROOT / "scripts/fetch.sh", "axe-core"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
    with tarfile.open(archive) as package:
        return package.extractfile("package/axe.min.js").read().decode()


@pytest.fixture(scope="module")
def traffic():
    return transactions(300)


def fill_with_life(page, url, traffic):
    """Points in each chart, an answer with reasons, tables open; nothing changes any more."""
    wait_for_form(page)
    with Flow(url, traffic, 100):
        wait_for_rows(page, "requests", 3)
    for chart in CHARTS:
        open_table(page, chart)
    page.locator("#more summary").click()
    page.get_by_role("button", name="Score it").click()
    page.locator("#answer").wait_for(state="visible")
    page.locator("#exchange summary").click()
    hide(page)


def violations(page, axe):
    page.evaluate(axe)
    found = page.evaluate("""() => axe.run(document, { resultTypes: ["violations"], runOnly: [
        "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })""")
    assert len(found["passes"]) > 15, "axe looked at the page"
    return [(broken["id"], broken["help"], [node["html"] for node in broken["nodes"]])
            for broken in found["violations"]]


@pytest.mark.parametrize("options", [
    {"viewport": DESKTOP, "color_scheme": "light"}, {"viewport": DESKTOP, "color_scheme": "dark"},
    {"viewport": PHONE, "color_scheme": "light", "is_mobile": True, "has_touch": True},
    {"viewport": PHONE, "color_scheme": "dark", "is_mobile": True, "has_touch": True},
    {"viewport": DESKTOP, "contrast": "more"}, {"viewport": DESKTOP, "forced_colors": "active"}])
def test_axe_finds_nothing(visit, server, axe, traffic, options):
    page = visit(server.url, **options)
    fill_with_life(page, server.url, traffic)
    assert violations(page, axe) == []
    assert_nothing_is_wider_than_the_screen(page)


def assert_nothing_is_wider_than_the_screen(page):
    wide = page.evaluate("""() => [...document.querySelectorAll("body *")].filter((element) =>
        !element.closest(".plot, .numbers, .sr, pre")
        && element.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML)""")
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_axe_finds_what_is_wrong(visit, server, axe):
    """The page's own script says what it must not; else the test above proves nothing."""
    page = visit(server.url)
    wait_for_form(page)
    page.evaluate("""() => {
      document.querySelector("label").remove();
      document.querySelector("#transaction-title").style.color = "#f0f0f0";
    }""")
    assert {"label", "color-contrast"} <= {broken[0] for broken in violations(page, axe)}


def test_problems_are_as_readable_as_answers(visit, server, axe):
    page = visit(server.url, color_scheme="dark")
    page.watched.forgiven.append("422")
    wait_for_form(page)
    page.locator("#field-tx_amount").fill("-1")
    page.get_by_role("button", name="Score it").click()
    page.locator("#problems").wait_for(state="visible")
    assert violations(page, axe) == []


# ---- charts without eyes -----------------------------------------------------------------


def test_each_chart_has_its_numbers_in_words_and_in_a_table(visit, server, traffic):
    page = visit(server.url)
    fill_with_life(page, server.url, traffic)
    figures = page.get_by_role("figure").all()
    visible = [figure for figure in figures if figure.is_visible()]
    assert len(visible) == len(CHARTS)
    for figure in visible:
        title = figure.get_by_role("heading").inner_text()
        assert page.get_by_role("figure", name=title, exact=True).count() == 1
        table = figure.get_by_role("table", name=title)
        assert table.get_by_role("columnheader").count() >= 2
        assert table.get_by_role("rowheader").count() >= 3
        assert figure.locator(".plot").get_attribute("aria-hidden") == "true"
    newest = rows(page, "requests")[-1]
    assert newest.texts[0].endswith("/s")


@pytest.mark.parametrize("motion, expected", [("reduce", "0s"), ("no-preference", "0.25s")])
def test_nothing_moves_for_whom_it_should_not(visit, server, motion, expected):
    page = visit(server.url, reduced_motion=motion)
    assert page.evaluate("getComputedStyle(document.querySelector('#bar')).transitionDuration"
                         ".split(',')[0]") == expected


def ink(page):
    """Colours of the first chart's canvas that are not transparent."""
    return page.evaluate("""() => {
      const canvas = document.querySelector("#chart-requests canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const found = new Set();
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] === 255) found.add(`rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`);
      }
      return [...found];
    }""")


def line_colour(page):
    return page.evaluate("getComputedStyle(document.querySelector('.swatch.s0')).color")


def test_charts_are_drawn_anew_when_the_scheme_changes(visit, server):
    page = visit(server.url, color_scheme="light")
    page.watched.forgiven.append("willReadFrequently")  # this test reads the canvas, not the page
    wait_for_rows(page, "requests", 2)
    light = line_colour(page)
    wait(page, "() => document.querySelector('#chart-requests canvas') !== null")
    page.emulate_media(color_scheme="dark")
    dark = line_colour(page)
    assert light != dark
    assert eventually(lambda: dark in ink(page) and light not in ink(page))
