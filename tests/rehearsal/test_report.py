"""What a rehearsal has seen becomes a page and pictures. The rehearsal itself needs a node of
Kubernetes: `make rehearsal`."""

import math
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
import yaml

import plots
import report
import witness
from looks import SAMPLE_SECONDS, Looks
from record import ROOT, Record

LARGEST = 150_000  # bytes of a picture
BEGAN = 1_800_000_000.0
NASTY = "4 -> 6 | never 7\nin <2> minutes, `a|b`"
SPLIT = re.compile(r"(?<!\\)\|")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def record():
    made = Record(began=BEGAN, commit="0123456", machine="a machine")
    with made.act("Act one"):
        made.check("replicas", NASTY, True, NASTY)
        made.note("A user sees **nothing**.")
        made.mark("flood | begins")
    made.check("after it", "calm", False, "not calm")
    made.acts[0].update(began=BEGAN + 60, ended=BEGAN + 6000)
    return made


def sample(i, pods=6, **other):
    """A busy look. Sines of several periods: noise that is the same each time."""
    wave = [math.sin(i * period) + 1.1 for period in (0.7, 1.9, 2.3, 3.1)]
    return {"t": BEGAN + i * SAMPLE_SECONDS, "replicas_wanted": 4 + i // 100 % 3,
            "replicas_ready": 4, "cpu": {f"pod-{n}": wave[n % 4] / 9 for n in range(pods)},
            "requests_per_s": {"2xx": 50 * wave[0], "4xx": 3000 * wave[1], "5xx": wave[2]},
            "p99_s": wave[3] / 50, "predictions_per_s": 99 * wave[2],
            "consumed_per_s": 5000 * wave[0], "queue": 9000 * wave[1], "lag": 800 * wave[2],
            "hpa_percent": 90 * wave[3], "node_cpu_percent": 45 * wave[0],
            "alerts": ["HPAScalingEvent", "KafkaQueueHigh"] if i % 90 > 40 else [], **other}


@pytest.fixture
def looks(record):
    """Two hours; for half a minute Prometheus does not answer."""
    made = Looks(record)
    made.samples = [sample(i) for i in range(1440)]
    for one in made.samples[700:706]:
        one.update(witness.NOTHING)
    return made


# ---- the record --------------------------------------------------------------------------------


def test_a_record_passes_if_something_was_checked_and_nothing_failed(record, tmp_path):
    assert not Record().passed and not record.passed
    record.checks.pop()
    assert record.passed
    record.save(tmp_path / "record.json")
    assert Record.load(tmp_path / "record.json") == record


def test_what_is_said_in_an_act_belongs_to_it(record):
    assert [one["act"] for one in record.checks] == ["Act one", None]
    with pytest.raises(KeyboardInterrupt), record.act("Act two"):
        raise KeyboardInterrupt
    assert record.act_now is None
    assert (record.checks[-1]["act"], record.checks[-1]["passed"]) == ("Act two", False)


# ---- the looks ---------------------------------------------------------------------------------


def test_looks_tell_of_alerts_and_replicas_since_a_time(looks, tmp_path):
    looks.replica_changes = [[BEGAN, 4], [BEGAN + 50, 5], [BEGAN + 90, 6]]
    looks.save(tmp_path / "witness.json")
    again = Looks.load(tmp_path / "witness.json")
    assert vars(again) == vars(looks)
    assert again.replicas_seen == [4, 5, 6]
    assert again.replicas_since(BEGAN + 60) == [5, 6]
    assert again.firing()["KafkaQueueHigh"] == BEGAN + 41 * SAMPLE_SECONDS
    assert again.firing(since=BEGAN + 7199) == {}
    assert len(again.since(BEGAN + 7190)) == 2


def test_promtool_takes_the_query_of_a_look(tmp_path):
    rule = {"record": "look", "expr": witness.QUERY}
    (tmp_path / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "looks", "rules": [rule]}]}))
    checked = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yaml"],
                             capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_answer_becomes_figures_and_what_nobody_tells_is_none():
    told = witness.figures([({"figure": "queue"}, 7.0), ({"figure": "p99_s"}, math.nan),
                            ({"figure": "cpu", "pod": "a"}, 0.5),
                            ({"figure": "alerts", "alertname": "HighCPUUsage"}, 1.0)])
    assert set(told) == set(witness.EXPRESSIONS)
    assert (told["queue"], told["p99_s"], told["lag"]) == (7, None, None)
    assert (told["cpu"], told["requests_per_s"]) == ({"a": 0.5}, {})
    assert told["alerts"] == ["HighCPUUsage"]


def test_a_look_that_nobody_answers_is_none_and_no_error():
    asker = witness.Asker()
    asker.address = "http://127.0.0.1:9"  # the port of `discard`, which nobody has
    assert asker.ask() == witness.NOTHING
    assert asker.address is None


# ---- the pictures ------------------------------------------------------------------------------


def test_pictures_of_two_hours_are_small_and_the_same_each_time(record, looks, tmp_path):
    for folder in ("a", "b"):
        plots.write(record, looks, tmp_path / folder)
    made = sorted((tmp_path / "a").iterdir())
    assert [path.stem for path in made] == [f"rehearsal-{name}" for name in sorted(plots.PICTURES)]
    for path in made:
        assert path.stat().st_size < LARGEST, path
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        texts = {element.text for element in ElementTree.parse(path).iter(f"{SVG}text")}
        assert {"Act one", "minutes"} <= texts
        assert "<dc:date>" not in path.read_text()


def test_points_lose_decimals_and_texts_do_not():
    svg = '<path d="M 1.234567 2.5 \nL 3.456789 4 \n" style="w: 0.125"/><text>0.125</text>'
    assert plots.smaller(svg) == (
        '<path d="M 1.2 2.5 3.4 4 \n" style="w: 0.125"/><text>0.125</text>')


def test_where_nobody_answered_there_is_a_gap(record, looks):
    story = plots.Story(record, looks)
    silent = [(700 * SAMPLE_SECONDS / 60, 706 * SAMPLE_SECONDS / 60)]
    assert story.silences() == [pytest.approx(span) for span in silent]
    assert [math.isnan(value) for value in story.figure("queue")[699:707]] == (
        [False] + [True] * 6 + [False])


@pytest.mark.parametrize("first, last, at, right, colour", [
    (0, 36, 36, True, "black"),     # from the begin: no room before it
    (39, 50, 39, False, "black"),   # to the end
    (10, 15, 15, True, "black"),
    (2, 48, 2, True, "white"),      # nearly all the time: on the bar itself
])
def test_an_alerts_name_stands_where_there_is_room(first, last, at, right, colour):
    assert plots.beside(first, last, 50) == (at, right, colour)


def test_a_rehearsal_that_saw_nothing_has_pictures_too(tmp_path):
    record = Record(began=BEGAN)
    looks = Looks(record)
    plots.write(record, looks, tmp_path / "nothing")
    looks.samples = [dict.fromkeys(sample(0)) | {"t": BEGAN + i} for i in range(3)]
    plots.write(record, looks, tmp_path / "silence")
    assert len(list(tmp_path.glob("*/*.svg"))) == 2 * len(plots.PICTURES)


# ---- the page ----------------------------------------------------------------------------------


def test_the_table_has_five_cells_a_row_whatever_was_seen(record):
    lines = report.table(record)
    assert len(lines) == 2 + len(record.checks)
    assert {len(SPLIT.split(line)) for line in lines} == {7}  # and nothing outside of them
    assert "in &lt;2> minutes, `a\\|b`" in lines[2] and "<br>" in lines[2]
    assert lines[2].endswith("| pass |") and lines[3].endswith("| **FAIL** |")
    assert "4 -> 6" not in report.cell("x" * 2000 + NASTY)


def test_the_page_has_what_was_said_and_keeps_its_introduction(record, looks, tmp_path,
                                                               monkeypatch):
    monkeypatch.setattr(report, "DOCS", tmp_path)
    page = tmp_path / report.PAGE
    page.write_text((ROOT / "docs" / report.PAGE).read_text())
    before, _, _ = page.read_text().partition(report.BEGIN)
    for _ in range(2):
        report.render(record, looks, tmp_path)
    text = page.read_text()
    assert text.startswith(before) and text.count(report.BEGIN) == text.count(report.END) == 1
    assert "**1 of 2 checks as expected.**" in text and "- A user sees **nothing**." in text
    for name in re.findall(r"!\[[^]]*\]\((.*?)\)", text):
        assert (tmp_path / name).exists()
    page.write_text("an introduction without a place for it")
    with pytest.raises(AssertionError):
        report.render(record, looks, tmp_path)


def test_pictures_of_the_page_in_docs_are_there_and_small():
    page = ROOT / "docs" / report.PAGE
    assert page.read_text().count(report.BEGIN) == page.read_text().count(report.END) == 1
    for name in re.findall(r"!\[[^]]*\]\((.*?)\)", page.read_text()):
        assert (page.parent / name).stat().st_size < LARGEST
