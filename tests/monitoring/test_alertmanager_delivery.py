"""When a receiver or a secret is not there: what Alertmanager says, and that the message comes."""

import pytest

from alertmanager import DEBIAN, HURRY, VERSIONS, Alertmanager
from mail_server import PASSWORD
from receivers import Receivers
from server import eventually
from webhook import Telegram

ALERT = {"labels": {"alertname": "ServiceDown", "namespace": "n", "severity": "critical",
                    "notify": "admin", "service": "tasks10-ml-service"},
         "annotations": {"summary": "No replica of the service answers"}}
SUBJECT = "[CRITICAL] ServiceDown, n"


@pytest.fixture
def receivers(tmp_path):
    with Receivers(tmp_path) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def alertmanager(request, tmp_path, receivers):
    """It reads the files of secrets when it sends, apart from Telegram's token in 0.25."""
    with Alertmanager(tmp_path, request.param, receivers) as running:
        yield running


def sent(receivers):
    """By which of the three ways the administrator has heard."""
    return {"email": bool(receivers.mail.to("admin@example.com", SUBJECT)),
            "webhook": bool(receivers.webhook.of("administrator", "ServiceDown", "firing", "n")),
            "telegram": bool(receivers.telegram.received)}


ALL = {"email": True, "webhook": True, "telegram": True}


@pytest.mark.parametrize("way", ["email", "webhook", "telegram"])
def test_a_receiver_that_is_down_hears_of_it_once_it_is_back(way, receivers, alertmanager):
    server = {"email": receivers.mail, "webhook": receivers.webhook,
              "telegram": receivers.telegram}[way]
    server.__exit__()
    alertmanager.post(ALERT)
    # The others do not wait for it.
    assert eventually(lambda: sent(receivers) == {**ALL, way: False}), sent(receivers)
    assert eventually(lambda: alertmanager.failures(way) or "will retry later" in alertmanager.log)
    assert not sent(receivers)[way]
    server.__enter__()
    assert eventually(lambda: sent(receivers) == ALL), (sent(receivers), alertmanager.log)
    # README.md warns of this: Alertmanager logs the address that it could not reach.
    assert (Telegram.TOKEN in alertmanager.log) == (way == "telegram")


def test_a_wrong_password_is_in_the_log_until_it_is_right(receivers, alertmanager):
    file = receivers.secrets / "smtp-password"
    file.write_text("battery")
    alertmanager.post(ALERT)
    assert eventually(lambda: "*smtp.plainAuth auth: 535 " in alertmanager.log), alertmanager.log
    assert set(receivers.mail.refused_logins) == {"battery"} and not receivers.mail.received
    assert "battery" not in alertmanager.log
    file.write_text(PASSWORD)
    assert eventually(lambda: sent(receivers) == ALL), alertmanager.log


def test_a_missing_password_is_in_the_log_until_it_is_there(receivers, alertmanager):
    file = receivers.secrets / "smtp-password"
    file.unlink()
    alertmanager.post(ALERT)
    message = f"find auth mechanism: could not read {file}: open {file}: no such file or directory"
    assert eventually(lambda: message in alertmanager.log), alertmanager.log
    assert not receivers.mail.received
    file.write_text(PASSWORD)
    assert eventually(lambda: sent(receivers) == ALL), alertmanager.log


def test_a_newline_after_the_password_is_sent_by_debians(receivers, alertmanager):
    """printf '%s' writes such a file, and echo does not."""
    (receivers.secrets / "smtp-password").write_text(PASSWORD + "\n")
    alertmanager.post(ALERT)
    if alertmanager.version == DEBIAN:
        assert eventually(lambda: receivers.mail.refused_logins), alertmanager.log
        assert receivers.mail.refused_logins[0] == PASSWORD + "\n"
    else:
        assert eventually(lambda: sent(receivers) == ALL), alertmanager.log


def test_a_wrong_token_of_the_webhook_is_in_the_log(receivers, alertmanager):
    """A reply of 4xx is final for this attempt; the next one comes after group_interval."""
    file = receivers.secrets / "webhook-token"
    right = file.read_text()
    file.write_text("battery")
    alertmanager.post(ALERT)
    assert eventually(lambda: "unexpected status code 401" in alertmanager.log), alertmanager.log
    assert receivers.webhook.refused and not receivers.webhook.received
    file.write_text(right)
    assert eventually(lambda: sent(receivers) == ALL), alertmanager.log


def test_a_server_without_starttls_gets_no_mail(receivers, alertmanager):
    """The password never goes over a line that anybody can read."""
    receivers.mail.__exit__()
    receivers.mail.enter_in_clear()
    alertmanager.post(ALERT)
    assert eventually(lambda: "does not advertise the STARTTLS extension" in alertmanager.log)
    assert not receivers.mail.received and not receivers.mail.refused_logins


@pytest.mark.parametrize("version", VERSIONS)
def test_a_chat_that_is_not_there_is_in_the_log(version, tmp_path, receivers):
    with Alertmanager(tmp_path, version, receivers, {**HURRY, str(Telegram.CHAT): "-5"}) as running:
        running.post(ALERT)
        assert eventually(lambda: "telegram: Bad Request: ['chat_id -5'] (400)" in running.log), \
            running.log
    assert receivers.telegram.received == []
