"""Records that count, in logs as brokers write them. That real logs are read rightly is held
against kafka-load-test by the rehearsal itself."""

import struct
from types import SimpleNamespace

import pytest

import stage as _  # noqa: F401  (first: it says where the parts of the other tests are)

import committed
from place import Failed
from record import Record

TRANSACTIONAL, CONTROL = 0x10, 0x20


def batch(base, n, attributes=0, producer=7, records=b"?" * 40):
    body = struct.pack(">ibIhiqqqhii", 0, 2, 0, attributes, n - 1, 0, 0, producer, 0, 0, n)
    return struct.pack(">qi", base, len(body) + len(records)) + body + records


def mark(base, kind, producer=7):
    """A control batch, its one record with deltas of two bytes."""
    record = b"\x20\x00" + b"\x80\x01" + b"\x00" + b"\x08" + struct.pack(">hh", 0, kind)
    return batch(base, 1, TRANSACTIONAL | CONTROL, producer, record + b"\x00")


@pytest.fixture
def log(tmp_path):
    def write(*segments):
        folder = tmp_path / "topic-0"
        folder.mkdir(parents=True, exist_ok=True)
        for n, batches in enumerate(segments):
            (folder / f"{n:020}.log").write_bytes(b"".join(batches))
        return folder
    return write


def test_marks_are_no_records_and_what_was_aborted_counts_as_nothing(log):
    assert committed.in_folder(log([
        batch(0, 5, TRANSACTIONAL), batch(5, 2, TRANSACTIONAL, producer=8),
        batch(7, 3, TRANSACTIONAL), mark(10, 1), mark(11, 0, producer=8), batch(12, 4)])) == 12


def test_what_goes_on_does_not_count_yet_and_goes_on_in_the_next_segment(log):
    began = [batch(0, 5, TRANSACTIONAL)]
    assert committed.in_folder(log(began)) == 0
    assert committed.in_folder(log(began, [mark(5, 1)])) == 5
    assert committed.in_folder(log(began, [mark(5, 1)[:-9]])) == 0  # it is being written
    assert committed.in_folder(log([])) == 0


def test_a_hole_is_an_error(log):
    with pytest.raises(Failed):
        committed.in_folder(log([batch(0, 5), batch(6, 1)]))


@pytest.mark.parametrize("sent, verified, well", [
    (12, True, True), (11, True, False), (12, False, False)])
def test_the_count_over_all_acts(sent, verified, well, log, tmp_path):
    log([batch(0, 9)]).rename(tmp_path / "fraud-predictions-0")
    log([batch(0, 3)]).rename(tmp_path / "fraud-predictions-dead-letter-0")
    node = SimpleNamespace(data=tmp_path)
    kafka = SimpleNamespace(nodes=[node], leader=lambda *_: 1, partitions=lambda _: 1)
    loads = [SimpleNamespace(report={"sent": sent - 2, "verified": True}),
             SimpleNamespace(report={"sent": 2, "verified": verified})]
    made = SimpleNamespace(kafka=kafka, loads=loads, record=Record())
    committed.check(made)
    assert made.record.passed == well


def test_without_a_load_nothing_is_proved(tmp_path):
    kafka = SimpleNamespace(nodes=[], leader=None, partitions=lambda _: 0)
    made = SimpleNamespace(kafka=kafka, loads=[], record=Record())
    committed.check(made)
    assert not made.record.passed
