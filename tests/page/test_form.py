"""The form: it sends what was typed, and shows what the API answers."""

import json
import subprocess

import pytest

from reader import wait, wait_for_form
from server import ROWAN

SUBMIT = "Score it"


@pytest.fixture
def page(visit, server):
    page = visit(server.url)
    wait_for_form(page)
    return page


def submit(page):
    page.get_by_role("button", name=SUBMIT).click()


def fill(page, **fields):
    for name, text in fields.items():
        page.locator(f"#field-{name}").fill(text)


def exchange(page):
    """(path, request, status, reply) as the page shows them."""
    page.locator("#exchange").wait_for(state="visible")
    first, body = page.locator("#sent").text_content().split("\n", 1)
    said, reply = page.locator("#received").text_content().split("\n", 1)
    return first.removeprefix("POST "), json.loads(body), int(said.split(",")[0]), json.loads(reply)


def reasons(page):
    """(feature, value, contribution) of each row, and the bar's (x, width) of 100."""
    return page.evaluate("""() => [...document.querySelectorAll("#reasons tbody tr")].map((tr) => {
        const rect = tr.querySelector("rect:not(.middle)");
        return [tr.cells[0].textContent, tr.cells[1].textContent,
                Number(tr.querySelector("data").value),
                Number(rect.getAttribute("x")), Number(rect.getAttribute("width"))];
    })""")


def test_the_answer_is_the_apis(page, server):
    fill(page, tx_amount="257.16")
    submit(page)
    page.locator("#answer").wait_for(state="visible")
    path, request, status, reply = exchange(page)
    assert status == 200 and request["tx_amount"] == 257.16
    expected = server.post(path, json=request).json()
    assert reply["fraud_probability"] == expected["fraud_probability"]
    assert page.locator("#probability").get_attribute("title") == str(expected["fraud_probability"])
    assert page.locator("#risk").inner_text() == f"{expected['risk_level']} risk"
    shown = dict(zip(page.locator("#facts dt").all_inner_texts(),
                     page.locator("#facts dd").all_inner_texts()))
    assert shown["transaction id"] == request["transaction_id"]
    assert shown["model version"] == "1.0.0"


@pytest.mark.parametrize("fields", [
    {"tx_amount": "257.16"}, {"tx_amount": "12"},
    {"tx_amount": "190.5", "terminal_id_risk_7day_window": "0.4"}])
def test_reasons_are_the_apis_as_bars_to_both_sides(page, server, fields):
    page.locator("#more summary").click()
    fill(page, **fields)
    submit(page)
    page.locator("#reasons tbody tr").first.wait_for()
    path, request, *_ = exchange(page)
    assert path == "/predict?explain=6"
    expected = server.post(path, json=request).json()["reasons"]
    found = reasons(page)
    assert [row[0] for row in found] == [reason["feature"] for reason in expected]
    assert [row[1] for row in found] == [
        "missing" if reason["value"] is None else f"{reason['value']:g}" for reason in expected]
    assert [row[2] for row in found] == [reason["contribution"] for reason in expected]
    largest = max(abs(reason["contribution"]) for reason in expected)
    for (*_, contribution, x, width) in found:
        assert width == pytest.approx(100 * abs(contribution) / largest)
        assert x == pytest.approx(min(0, 100 * contribution / largest))
    assert {row[2] > 0 for row in found} == {True, False}, "both sides are tried"


def test_what_breaks_the_contract_is_said_at_its_field(page, server):
    fill(page, tx_amount="-5", customer_id="x")
    submit(page)
    page.locator("#problems").wait_for(state="visible")
    path, request, status, reply = exchange(page)
    assert status == 422 and server.post(path, json=request).json() == reply
    said = page.locator("#problems li").all_inner_texts()
    assert said == [f"{' '.join(one['loc'][1:])}: {one['msg']}" for one in reply["detail"]]
    wrong = page.evaluate("""() => [...document.querySelectorAll("[aria-invalid=true]")].map(
        (input) => input.name)""")
    assert set(wrong) == {one["loc"][-1] for one in reply["detail"]} == {"tx_amount", "customer_id"}
    assert page.evaluate("document.activeElement.name") in wrong
    assert page.locator("#said").inner_text().startswith(said[0])
    page.watched.forgiven.append("422")


def test_a_number_beyond_2_to_the_53_arrives_as_it_was_typed(page, server):
    bodies = []
    page.on("request", lambda request: bodies.append(request.post_data)
            if "/predict" in request.url else None)
    fill(page, customer_id="9007199254740993")
    submit(page)
    page.locator("#answer").wait_for(state="visible")
    assert json.loads(bodies[0])["customer_id"] == 9007199254740993


def test_back_to_the_example(page):
    before = page.locator("#field-tx_amount").input_value()
    fill(page, tx_amount="1")
    page.get_by_role("button", name="Back to the example").click()
    assert page.locator("#field-tx_amount").input_value() == before


def test_by_keyboard_alone(page):
    """Tab leads to the fields, Enter sends, and what came is said."""
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "field-tx_amount":
            break
    assert page.evaluate("document.activeElement.id") == "field-tx_amount"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Control+A")
    page.keyboard.type("257.16")
    page.keyboard.press("Enter")
    page.locator("#answer").wait_for(state="visible")
    assert exchange(page)[1]["tx_amount"] == 257.16
    status = page.locator("#said")
    assert status.get_attribute("role") == "status"
    assert status.inner_text() == (f"Fraud probability {page.locator('#probability').inner_text()}"
                                   ", high risk.")


def test_the_focus_goes_through_the_page_from_top_to_bottom(page):
    """Each stop lies below or beside the one before, and each has a name."""
    stops, seen = [], set()
    while True:
        page.keyboard.press("Tab")
        stop = page.evaluate("""() => {
          const element = document.activeElement;
          const box = element.getBoundingClientRect();
          return [element.tagName, element.textContent || element.labels?.[0]?.textContent || "",
                  element.closest("form, section, footer")?.tagName ?? "",
                  box.top + scrollY, element.id];
        }""")
        key = tuple(stop[:3]) + (stop[4],)
        if stop[0] == "BODY" or key in seen:
            break
        seen.add(key)
        stops.append(stop)
    assert [stop for stop in stops if not stop[1].strip()] == []
    places = [stop[2] for stop in stops]
    assert places == sorted(places, key=["FORM", "SECTION", "FOOTER"].index)
    assert {"FORM", "SECTION", "FOOTER"} <= set(places)


# ---- a service that wants a key ----------------------------------------------------------


def test_a_key_is_asked_for_where_one_is_needed(visit, serve, folder):
    made = subprocess.run([ROWAN, "key", "page"], capture_output=True, text=True, check=True)
    keys = folder / "keys"
    keys.write_text(made.stdout)
    keys.chmod(0o644)
    key = made.stderr.split()[-1]
    page = visit(serve(API_KEYS=keys, API_KEYS_REQUIRED=1).url)
    page.watched.forgiven.append("401")
    wait_for_form(page)
    assert not page.locator("#key").is_visible()
    submit(page)
    page.locator("#key").wait_for(state="visible")
    assert "Unauthorized" in page.locator("#problems").inner_text()
    page.locator("#key").fill(key)
    submit(page)
    page.locator("#answer").wait_for(state="visible")
    assert key not in page.locator("#exchange").text_content()


# ---- a model that gives no reasons -------------------------------------------------------


def test_without_reasons_the_score_still_comes(visit, serve):
    """As of a model that cannot be explained: the service itself refuses ?explain=."""
    refusal = json.dumps({"detail": [{"type": "explanation_unavailable", "loc": [
        "query", "explain"], "msg": "This model has no explanation"}]}, separators=(",", ":"))
    page = visit(serve(edit=lambda text: text.replace(
        "location = /predict {", "location = /predict {\n if ($arg_explain) { return 422 '"
        + refusal + "'; } default_type application/json;")).url)
    page.watched.forgiven.append("422")
    wait_for_form(page)
    submit(page)
    page.locator("#answer").wait_for(state="visible")
    assert page.locator("#no-reasons").inner_text() == (
        "There are no reasons: This model has no explanation")
    assert not page.locator("#why").is_visible()
    wait(page, "() => document.querySelector('#probability').textContent.endsWith('%')")
