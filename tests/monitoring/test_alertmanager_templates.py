"""Messages of alerts with odd words in them, as a real Alertmanager of each version sends them."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import count
from urllib.parse import urlsplit

import pytest

from alertmanager import VERSIONS, Alertmanager
from mail_server import body
from receivers import Receivers
from server import eventually
from webhook import LONGEST

RUNBOOK = "https://git.example.com/mlops/rowan/blob/main/docs/runbooks/ServiceDown.md"
DASHBOARD = "https://grafana.example.com/d/tasks10-ml-dashboard?var-namespace=n&from=now-1h"
# An alert of Rowan that the administrator hears of.
OURS = {"service": "tasks10-ml-service", "notify": "admin"}
NUMBERS = count()


class Page(HTMLParser):
    """Visible lines and links of a mail."""

    def __init__(self, text):
        super().__init__()
        self.lines, self.links, self.tags = [""], [], set()
        self.feed(text[text.index("<body"):])

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [value for name, value in attributes if name == "href"]
        if tag == "br":
            self.lines.append("")

    def handle_endtag(self, tag):
        if tag == "p":
            self.lines.append("")

    def handle_data(self, data):
        self.lines[-1] += data.strip("\n")


@pytest.fixture(scope="module", params=VERSIONS)
def place(request, tmp_path_factory):
    """(receivers, alertmanager) of one version."""
    folder = tmp_path_factory.mktemp("templates")
    with Receivers(folder) as receivers, \
            Alertmanager(folder, request.param, receivers) as alertmanager:
        yield receivers, alertmanager


class Messages:
    """What the administrator is sent about `alerts`, which are of one group."""

    def __init__(self, place, *alerts, name=None):
        receivers, alertmanager = place
        name = name or f"Odd{next(NUMBERS):04}"
        alertmanager.post(*({**alert, "labels": {
            "alertname": name, **OURS, **alert.get("labels", {})}} for alert in alerts))
        mails = eventually(lambda: [mail for mail in receivers.mail.to("admin@example.com")
                                    if name in mail["Subject"]])
        chats = eventually(lambda: [chat for chat in list(receivers.telegram.received)
                                    if name in chat.visible])
        assert mails and chats, (receivers.telegram.refused, alertmanager.log)
        assert receivers.telegram.refused == []
        self.name, self.mail, self.chat = name, mails[0], chats[0]
        self.text = body(self.mail).splitlines()
        self.page = Page(body(self.mail, "html"))
        self.chat_text = self.chat.visible.splitlines()


def alert(summary=None, labels=None, **annotations):
    if summary is not None:
        annotations["summary"] = summary
    return {"labels": labels or {}, "annotations": annotations,
            "startsAt": "2026-11-29T12:00:00.4Z"}


# ---- words -------------------------------------------------------------------------------


@pytest.mark.parametrize("summary", [
    "p95 > 2 s & errors < 5 %", "<script>alert(1)</script>", "<b>bold", "</b></a></p>", "&lt; &amp",
    "_under_ *stars* `ticks` [a](b)", '"quotes" and \'these\'', "{{ .Labels }} %s $1 ${x}",
    "Überlast: 97 % → 6 Pods 🔥"])
def test_words_arrive_as_they_are(place, summary):
    messages = Messages(place, alert(summary, {"severity": "critical", "namespace": "n"}))
    lines = [f"CRITICAL {messages.name}, n", summary, "Since 2026-11-29 12:00:00 UTC"]
    assert messages.text[:3] == messages.chat_text == messages.page.lines[:3] == lines
    assert messages.page.tags <= {"body", "p", "b", "br", "a"}


def test_newlines_become_spaces(place):
    messages = Messages(place, alert("one\ntwo\r\n\tthree", {"namespace": "n\nBcc: x@example.com"}))
    assert messages.text[:2] == messages.chat_text[:2] == [
        f"FIRING {messages.name}, n Bcc: x@example.com", "one two three"]
    assert messages.mail["Subject"] == f"[FIRING] {messages.name}, n Bcc: x@example.com"
    assert messages.mail["Bcc"] is None


def test_names_may_be_odd(place):
    messages = Messages(place, alert("x", {"namespace": "<n>&\"'", "pod": "p_1<i>"}),
                        name="Ödd<b>&_*")
    assert messages.text[0] == messages.chat_text[0] == messages.page.lines[0] \
        == "FIRING Ödd<b>&_*, <n>&\"', p_1<i>"
    assert messages.mail["Subject"] == "[FIRING] Ödd<b>&_*, <n>&\"'"


# ---- links -------------------------------------------------------------------------------


def test_both_links_are_there(place):
    messages = Messages(place, alert("x", runbook_url=RUNBOOK, dashboard_url=DASHBOARD))
    assert messages.text[3:5] == [f"Runbook: {RUNBOOK}", f"Dashboard: {DASHBOARD}"]
    assert messages.chat.links == [RUNBOOK, DASHBOARD]
    assert messages.page.links[:2] == [RUNBOOK, DASHBOARD]


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "ftp://x", "https://a b",
                                 "x\nhttps://y"])
def test_what_is_no_link_is_left_out(place, url):
    messages = Messages(place, alert("x", runbook_url=url, dashboard_url=url))
    _, alertmanager = place
    assert messages.text[3:] == ["", f"Alertmanager: {alertmanager.url}"]
    assert messages.chat.links == [] and messages.chat_text[3:] == []
    assert messages.page.links == [alertmanager.url]


def test_a_quote_in_a_link_does_not_end_it(place):
    url = "https://example.com/\"onclick='x'><b>"
    messages = Messages(place, alert("x", runbook_url=url))
    # A mail's engine writes such characters as %22; Telegram's keeps them as entities.
    assert [urlsplit(link).netloc for link in messages.page.links[:1]] == ["example.com"]
    assert messages.chat.links == [url]


# ---- what is missing, or too much ----------------------------------------------------------


def test_without_annotations_and_labels(place):
    messages = Messages(place, alert())
    assert messages.text[:3] == messages.chat_text == [
        f"FIRING {messages.name}", "This alert has no summary.", "Since 2026-11-29 12:00:00 UTC"]
    assert messages.mail["Subject"] == f"[FIRING] {messages.name}"


def test_a_description_stands_in_for_a_summary(place):
    messages = Messages(place, alert(description="What it means."))
    assert messages.text[1] == messages.chat_text[1] == "What it means."


@pytest.mark.parametrize("character", ["x", "&", "'", "🔥", "<"])
def test_long_values_are_cut_and_arrive(place, character):
    long = character * 5000
    labels = {"namespace": long, "pod": long, "severity": "warning"}
    messages = Messages(place, alert(long, labels, runbook_url=RUNBOOK, dashboard_url=DASHBOARD))
    assert messages.text[1] == character * 1000 + "…"
    assert messages.chat_text[1] == character * 400 + "…"
    heading = f"WARNING {messages.name}, "
    assert messages.chat_text[0] == heading + character * (200 - len(heading)) + "…"
    assert messages.chat.links == [RUNBOOK, DASHBOARD]
    subject = f"[WARNING] {messages.name}, "
    length, end = (120, "...") if character.isascii() else (60, "…")
    assert messages.mail["Subject"] == subject + character * (length - len(subject)) + end


def test_a_link_that_does_not_fit_is_left_out_of_telegram(place):
    url = "https://example.com/" + "x" * 5000
    messages = Messages(place, alert("x", runbook_url=url))
    assert messages.chat.links == [] and messages.text[3] == f"Runbook: {url}"


def test_hundred_alerts_are_one_message(place):
    """Those of Telegram that do not fit are counted; a mail has them all."""
    alerts = [alert("x" * 300, {"pod": f"pod-{n:03}", "severity": "warning"}) for n in range(100)]
    for each in alerts:
        del each["startsAt"]  # from now on: an old alert does not wait for others of its group
    messages = Messages(place, *alerts)
    shown = [line for line in messages.chat_text if line.startswith("WARNING")]
    assert 5 < len(shown) < 100 and len(messages.chat.visible) <= LONGEST
    assert messages.chat_text[-1] == f"and {100 - len(shown)} more"
    headings = [f"WARNING {messages.name}, pod-{n:03}" for n in range(100)]
    assert shown == headings[:len(shown)]
    assert [line for line in messages.text if line.startswith("WARNING")] == headings
    assert messages.mail["Subject"] == f"[WARNING] {messages.name} (100)"


# ---- the end -----------------------------------------------------------------------------


@pytest.mark.parametrize("seconds, words", [
    (0.4, "0s"), (7, "7s"), (60, "1m"), (61, "1m 1s"), (3600, "1h"), (3661, "1h 1m 1s"),
    (7260, "2h 1m"), (36000, "10h"), (90000, "25h"), (600, "10m"), (59.7, "1m")])
def test_how_long_it_lasted(place, seconds, words):
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    end = start + timedelta(seconds=seconds)
    receivers, alertmanager = place
    firing = {**alert("x", {"severity": "critical"}), "startsAt": start.isoformat()}
    messages = Messages(place, firing)
    labels = {"alertname": messages.name, **OURS, "severity": "critical"}
    alertmanager.post({**firing, "labels": labels, "endsAt": end.isoformat()})
    beginning = f"RESOLVED {messages.name}"
    chats = eventually(lambda: receivers.telegram.saying(beginning))
    mails = eventually(lambda: receivers.mail.to("admin@example.com",
                                                 f"[RESOLVED] {messages.name}"))
    lines = [beginning, "x", f"Lasted {words}, until {end:%Y-%m-%d %H:%M:%S} UTC"]
    assert chats[0].visible.splitlines() == body(mails[0]).splitlines()[:3] == lines


def test_those_that_fire_stand_before_those_that_ended(place):
    start = datetime.now(UTC) - timedelta(minutes=5)
    end = datetime.now(UTC) - timedelta(minutes=1)
    pods = [{**alert("x", {"pod": pod, "severity": "critical"}), "startsAt": start.isoformat()}
            for pod in ("a", "b")]
    receivers, alertmanager = place
    messages = Messages(place, *pods)
    labels = {"alertname": messages.name, **OURS, "severity": "critical", "pod": "a"}
    alertmanager.post({**pods[0], "labels": labels, "endsAt": end.isoformat()})
    subject = f"[CRITICAL] {messages.name}"
    # The first one may have gone before the second pod was told of.
    mails = eventually(lambda: [mail for mail in receivers.mail.to("admin@example.com", subject)
                                if "RESOLVED" in body(mail)])
    chats = eventually(lambda: [chat for chat in receivers.telegram.saying(
        f"CRITICAL {messages.name}, b") if "RESOLVED" in chat.visible])
    headings = [f"CRITICAL {messages.name}, b", f"RESOLVED {messages.name}, a"]
    for text in (body(mails[0]), chats[0].visible):
        assert [line for line in text.splitlines() if messages.name in line] == headings
