"""`rowan bench` says what it measured, on which rows; it never promises a figure."""

import json
import os
import re

import pytest

LABELS = ["path", "kernel", "cpu", "rows", "one row", "batches", "two threads", "contributions"]


@pytest.fixture
def bench(rowan):
    def run(*arguments, **options):
        return rowan("bench", "--seconds", "0.01", *arguments, **options)

    return run


def lines(process):
    """The result as a dictionary of its labels."""
    assert process.returncode == 0, process.stderr
    assert process.stderr == b""
    return {line[:16].strip(): line[16:] for line in process.stdout.decode().splitlines()}


def requests(golden, n):
    return [row["request"] for row in golden[:n]]


def test_every_measurement_is_printed(bench, fraud):
    told = lines(bench(fraud))
    assert list(told) == LABELS
    assert told["path"] == str(fraud)
    assert told["rows"].startswith("20000 random")
    assert re.match(r"[\d.]+ [nu]s median, [\d.]+ [num]s p99; ", told["one row"])
    assert re.fullmatch(r"[\d.e+]+( M)? rows/s in calls of 10000 rows", told["batches"])
    assert re.fullmatch(r"[\d.e+]+( M)? rows/s, [\d.]+ times one thread", told["two threads"])


def test_kernel_is_the_one_that_scores(bench, rowan, fraud):
    inspected = json.loads(rowan("inspect", "--json", fraud).stdout)
    assert lines(bench(fraud))["kernel"] == inspected["kernel"]


def test_processors_are_those_of_the_machine(bench, fraud):
    assert lines(bench(fraud))["cpu"].endswith(f", {os.cpu_count()} processors")


def test_rows_of_a_file_are_used(bench, fraud, golden, to_csv, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(to_csv(requests(golden, 3)))
    told = lines(bench("--rows", path, fraud))
    assert told["rows"] == f"3 of {path}"
    assert told["batches"].endswith("in calls of 3 rows")


def test_rows_come_from_standard_input(bench, fraud, golden, to_csv):
    told = lines(bench("--rows", "-", fraud, stdin=to_csv(requests(golden, 5))))
    assert told["rows"] == "5 of standard input"


def test_a_bare_model_takes_its_features(bench, fraud, rowan):
    features = json.loads(rowan("inspect", "--json", fraud / "model.ubj").stdout)["features"]
    header = ",".join(feature["name"] for feature in features)
    row = ",".join("1" for _ in features)
    stdin = f"{header}\n{row}\n{row}\n".encode()
    assert lines(bench("--rows", "-", fraud / "model.ubj", stdin=stdin))["rows"].startswith("2 of")


def test_long_files_are_used_up_to_the_bound(bench, fraud, golden, to_csv):
    request = requests(golden, 1)
    told = lines(bench("--rows", "-", fraud, stdin=to_csv(request * 20001)))
    assert told["rows"] == "20000 of standard input"


def test_several_outputs_are_scored(bench, tmp_path):
    import numpy as np
    import xgboost

    random = np.random.RandomState(0)
    rows = random.rand(300, 4).astype(np.float32)
    data = xgboost.DMatrix(rows, (rows[:, 0] * 3).astype(int))
    model = xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, data, 4)
    path = tmp_path / "classes.ubj"
    model.save_model(path)
    assert list(lines(bench(path))) == LABELS


@pytest.mark.parametrize(
    "stdin, message",
    [
        (b"", b"standard input: there is no header"),
        (b"nothing\n1\n", b"line 1: "),
        (b"\xff\xfe\x00\n", b"zero byte"),
    ],
    ids=["empty", "other columns", "not text"],
)
def test_files_that_do_not_fit_are_refused(bench, fraud, stdin, message):
    process = bench("--rows", "-", fraud, stdin=stdin)
    assert process.returncode == 1
    assert process.stdout == b"" and message in process.stderr


def test_a_header_without_rows_is_refused(bench, fraud, to_csv):
    process = bench("--rows", "-", fraud, stdin=to_csv([]))
    assert process.returncode == 1
    assert b"there are no rows" in process.stderr


def test_a_row_that_breaks_the_contract_is_named(bench, fraud, golden, to_csv):
    good, bad = requests(golden, 2)
    process = bench("--rows", "-", fraud, stdin=to_csv([good, {**bad, "tx_amount": -1}]))
    assert process.returncode == 1
    assert b"standard input: line 3: " in process.stderr and b"tx_amount" in process.stderr


def test_a_file_that_is_not_there_is_named(bench, fraud, tmp_path):
    process = bench("--rows", tmp_path / "none.csv", fraud)
    assert process.returncode == 1
    assert b"none.csv: cannot be opened: No such file" in process.stderr


def test_names_cannot_send_escape_sequences_to_the_terminal(bench, fraud, golden, to_csv, tmp_path):
    path = tmp_path / "\x1b[31mmine.csv"
    path.write_bytes(to_csv(requests(golden, 3)))
    process = bench("--rows", path, fraud)
    assert process.returncode == 0
    assert b"\x1b" not in process.stdout and b"?[31mmine.csv" in process.stdout
