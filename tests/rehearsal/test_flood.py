"""What act two and act three make of what was seen: each check can fail. A flood itself needs a
node of Kubernetes: `make rehearsal`."""

import time
from types import SimpleNamespace

import pytest

import stage as _  # noqa: F401  (first: it says where the parts of the other tests are)

import flood_findings
from faults import killed_prometheus, scene
from flood_findings import ADMINISTRATOR, MESSAGES, QUEUE, QUEUE_OVER
from flood_seen import Seen, known
from load import Load, Times
from looks import SAMPLE_SECONDS, Looks
from messages import MAIL, WEBHOOK, Inbox
from place import Failed
from record import Record

BEGAN = 1_800_000_000.0
SENT, SECONDS = 100_000, 20  # messages, in so many seconds
FIVE_MINUTES = 300


# ---- messages ----------------------------------------------------------------------------------


class Came:
    """Receivers of messages, of which a test says what has come."""

    def __init__(self):
        self.messages = []
        self.mail = SimpleNamespace(to=lambda address, subject: self.find(
            lambda one: (one.address, one.subject) == (address, subject)))
        self.webhook = SimpleNamespace(of=lambda receiver, alert, status, _: self.find(
            lambda one: (one.receiver, one.alert, one.status) == (receiver, alert, status)))

    def find(self, condition):
        return [one for one in self.messages if condition(one)]


@pytest.fixture
def came():
    return Came()


@pytest.fixture
def inbox(came):
    return Inbox(came, MESSAGES)


def test_that_an_alert_is_over_counts_once_it_has_fired(came, inbox):
    came.messages.append(QUEUE_OVER)  # of an earlier act
    inbox.look()
    assert not inbox.has(QUEUE_OVER)
    came.messages.append(QUEUE)
    inbox.look()
    inbox.look()
    assert inbox.has(QUEUE) and not inbox.has(QUEUE_OVER)
    came.messages.append(QUEUE_OVER)
    inbox.look()
    assert inbox.has(QUEUE, QUEUE_OVER) and not inbox.has(ADMINISTRATOR)
    assert set(inbox.arrived) == {(message, way) for message in (QUEUE, QUEUE_OVER)
                                  for way in (MAIL, WEBHOOK)}


def test_what_is_over_and_comes_with_what_fires_is_older(came, inbox):
    came.messages += [QUEUE_OVER, QUEUE]
    inbox.look()
    inbox.look()
    assert inbox.has(QUEUE) and not inbox.has(QUEUE_OVER)


def test_only_alerts_that_fire_are_told_of_after_prometheus_was_killed():
    def message(name, status):  # a message of a group has alerts of both kinds
        return {"status": "firing", "alerts": [{"status": status, "labels": {"alertname": name}}]}
    received = [message("Before", "firing"), message("Over", "resolved"), message("New", "firing")]
    stage = SimpleNamespace(receivers=SimpleNamespace(
        webhook=SimpleNamespace(received=received)))
    assert killed_prometheus.told_since(stage, 1) == {"New"}


# ---- the queue ---------------------------------------------------------------------------------


def seen_with(**what):
    looks = Looks()
    looks.replica_changes = [[BEGAN - 9, 4], [BEGAN + 30, 5], [BEGAN + 60, 6]]
    stage = SimpleNamespace(record=Record(), witness=looks, plan=SimpleNamespace(quick=False))
    made = Seen(stage, None, set(), {}, began=BEGAN)
    vars(made).update(what)
    return made


def report(*drain):
    """Of a load test whose queue was so long each second after the last message."""
    seconds = [{"lag": 500 * second} for second in range(SECONDS)]
    return {"sent": SENT, "sending_seconds": SECONDS - 0.5, "acknowledged_seconds": SECONDS - 0.2,
            "seconds": seconds + [{"lag": lag} for lag in drain],
            "verification": {"ended_seconds": SECONDS + len(drain)}}


def queue_is_well(drained, queue_empty=BEGAN + 99):
    made = seen_with(test=SimpleNamespace(report=drained), queue_empty=queue_empty)
    flood_findings.check_queue(made, made.stage.record)
    return made.stage.record.passed


FALLING = [9000 - 150 * second for second in range(61)]


def test_a_queue_that_falls_to_nothing_is_well():
    assert queue_is_well(report(*FALLING))
    assert queue_is_well(report(9000, 4000, 0))
    assert queue_is_well(report(9000, None, 4000, None, 0))
    assert queue_is_well(report(*FALLING[:30], *FALLING[20:]))  # a rebalance, or a late look


@pytest.mark.parametrize("drain", [
    [9000] * 5 + list(range(9000, 9040)),    # goes on growing
    FALLING[:40] + FALLING[39::-1],          # falls, and comes back
    [4000, 9000],                            # a short one
    [9000], [None, None], []])               # nobody saw it fall
def test_a_queue_that_grows_or_that_nobody_saw_is_not(drain):
    assert not queue_is_well(report(*drain))


def test_a_queue_that_does_not_end_or_was_short_is_not_well():
    assert not queue_is_well(report(*FALLING), queue_empty=None)
    short = report(0, 0)
    for second in short["seconds"]:
        second["lag"] = 0
    assert not queue_is_well(short)


# ---- the administrator -------------------------------------------------------------------------


@pytest.mark.parametrize("seconds, well", [
    (FIVE_MINUTES + 10, True), (FIVE_MINUTES - SAMPLE_SECONDS, True), (FIVE_MINUTES - 20, False),
    (5, False)])
def test_the_administrator_is_not_told_before_the_rules_time(seconds, well, monkeypatch):
    rules = [{"name": ADMINISTRATOR.alert, "duration": FIVE_MINUTES}, {"name": "x", "duration": 1}]
    monkeypatch.setattr(flood_findings.prometheus, "rule_groups", lambda: [{"rules": rules}])
    made = seen_with()
    made.stage.witness.samples = [{"t": BEGAN + 60 + seconds, "alerts": [ADMINISTRATOR.alert]}]
    flood_findings.check_not_sooner(made, made.stage.record)
    assert made.stage.record.passed == well


def test_an_administrator_that_is_never_told_is_a_failed_check(monkeypatch):
    monkeypatch.setattr(flood_findings.prometheus, "rule_groups", lambda: [
        {"rules": [{"name": ADMINISTRATOR.alert, "duration": FIVE_MINUTES}]}])
    made = seen_with()
    flood_findings.check_not_sooner(made, made.stage.record)
    assert not made.stage.record.passed


# ---- real clients ------------------------------------------------------------------------------


def test_a_load_knows_how_many_were_answered_between_two_times(tmp_path):
    body = tmp_path / "request.json"
    body.write_text("{}")
    with Load("http://127.0.0.1:9/predict", body, keepalive=1, rate=50) as load:  # nobody's port
        time.sleep(1)
    answered, asked = load.answered()
    assert answered == 0 and asked == load.total("requests") > 0
    assert load.answered(0, load.times.failed[0]) == (0, 0)


class Clients:
    """So many requests a second were answered before, during and after the flood; `failed` during
    it were not."""

    def __init__(self, failed):
        self.times = load_times(failed)
        self.failed = failed

    def total(self, what):
        answered = len(self.times.due)
        return answered if what == "200" else answered + self.failed

    latencies, answered = Load.latencies, Load.answered

    def describe(self):
        return f"{self.failed} failed"


def load_times(failed):
    due = [BEGAN + second / 10 for second in range(-100_000, 10_000)]
    return Times(due, [0.01] * len(due), [BEGAN + 1] * failed)


def test_failures_while_the_flood_lasts_are_not_hidden_by_the_calm_before():
    made = seen_with(http_ended=BEGAN + 100)
    flood_findings.check_clients(made, made.stage.record, Clients(failed=20))
    assert [one["passed"] for one in made.stage.record.checks] == [True, False, True]
    made = seen_with(http_ended=BEGAN + 100)
    flood_findings.check_clients(made, made.stage.record, Clients(failed=1))
    assert made.stage.record.passed


def test_that_real_clients_got_none_of_it_is_said_only_when_it_is_true():
    assert "got none" in flood_findings.explained("HighErrorRate", Clients(failed=0))
    assert "got none" not in flood_findings.explained("HighErrorRate", Clients(failed=1))
    assert flood_findings.explained("Unheard", Clients(failed=0)) == "not explained"


# ---- the rest ----------------------------------------------------------------------------------


def test_a_node_that_does_not_answer_is_not_yet_there():
    def silent():
        raise Failed("kubectl: Unable to connect to the server")
    assert known(silent) is False
    assert known(lambda: 6) == 6


def test_faults_by_name(monkeypatch):
    monkeypatch.delenv(scene.ONLY, raising=False)
    assert scene.is_played("a pod is killed") and not scene.only()
    monkeypatch.setenv(scene.ONLY, "broker")
    assert scene.only() and not scene.is_played("a pod is killed")
