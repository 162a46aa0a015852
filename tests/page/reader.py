"""What a reader of the page sees: tiles, legends, tables."""

from dataclasses import dataclass

from server import eventually

FORM_IS_THERE = "() => document.querySelector('#field-tx_amount') !== null"


@dataclass(frozen=True)
class Row:
    time: float  # milliseconds
    values: tuple  # of the series; None where there is nothing to tell
    texts: tuple


def tile(page, name):
    return page.locator(f"#tile-{name}").inner_text()


def wait(page, condition, argument=None):
    """Asked from outside: Playwright's own wait_for_function evaluates a text inside of the page,
    which the page's Content-Security-Policy may forbid."""
    assert eventually(lambda: page.evaluate(condition, argument)), condition


def wait_for_form(page):
    wait(page, FORM_IS_THERE)


def open_table(page, chart):
    """The table of a chart, as with a click."""
    details = page.locator(f"#chart-{chart} details")
    if details.get_attribute("open") is None:
        details.locator("summary").click()


def wait_for_rows(page, chart, count):
    open_table(page, chart)
    wait(page, """([id, count]) =>
        document.querySelectorAll(`#chart-${id} tbody tr`).length >= count""", [chart, count])


def rows(page, chart):
    """The table of a chart over time, oldest row first."""
    found = page.evaluate("""id => [...document.querySelectorAll(`#chart-${id} tbody tr`)].map(
        (tr) => [Number(tr.dataset.time), [...tr.cells].slice(1).map((td) => td.dataset.value),
                 [...tr.cells].slice(1).map((td) => td.textContent)])""", chart)
    return [Row(time, tuple(None if value == "null" else float(value) for value in values),
                tuple(texts)) for time, values, texts in reversed(found)]


def bars(page, chart):
    """(bin, count) of a histogram's table."""
    return [(first, int(count.replace(",", ""))) for first, count in page.evaluate(
        """id => [...document.querySelectorAll(`#chart-${id} tbody tr`)].map(
            (tr) => [...tr.cells].map((cell) => cell.textContent))""", chart)]


class Scrapes:
    """The very scrapes that a page gets, as they came."""

    def __init__(self, page):
        self.replies = []
        page.on("response", lambda reply: self.replies.append(reply)
                if reply.url.endswith("/metrics") else None)

    def texts(self):
        return [reply.text() for reply in self.replies]
