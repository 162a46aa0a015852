"""What a reader of the page sees: tiles, legends, tables."""

from dataclasses import dataclass

from server import eventually

HIDE = """(isHidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
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


def hide(page, is_hidden=True):
    """As when its reader looks at another tab."""
    page.evaluate(HIDE, is_hidden)


def wait_for_form(page):
    wait(page, FORM_IS_THERE)


def open_table(page, chart):
    """The table of a chart, as with a click. While the first numbers come the page moves on a small
    screen, and a click may miss: then again, as its reader does."""
    details = page.locator(f"#chart-{chart} details")

    def is_open():
        return details.get_attribute("open") is not None

    def is_open_after_a_click():
        if not is_open():
            details.locator("summary").click()
        return is_open()
    assert eventually(is_open_after_a_click), f"the table of {chart} does not open"


def wait_for_rows(page, chart, count):
    """Rows come while others are read: ask for all that is compared in one call of tables()."""
    open_table(page, chart)
    wait(page, """([id, count]) =>
        document.querySelectorAll(`#chart-${id} tbody tr`).length >= count""", [chart, count])


def row_of(time, values, texts):
    return Row(time, tuple(None if value == "null" else float(value) for value in values),
               tuple(texts))


def tables(page, charts):
    """{chart: its table over time, oldest row first}, all of one moment."""
    found = page.evaluate("""ids => ids.map((id) => [
        ...document.querySelectorAll(`#chart-${id} tbody tr`)].map((tr) => [
            Number(tr.dataset.time), [...tr.cells].slice(1).map((td) => td.dataset.value),
            [...tr.cells].slice(1).map((td) => td.textContent)]))""", charts)
    return {chart: [row_of(*row) for row in reversed(table)]
            for chart, table in zip(charts, found, strict=True)}


def rows(page, chart):
    return tables(page, [chart])[chart]


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
