"""`rowan score` gives the training library's numbers and says which rows it could not score."""

import os
import pty
import subprocess

import numpy as np
import pytest

from tool import ROWAN, error_lines, rows


def requests(golden, n=None):
    return [row["request"] for row in golden[:n]]


# ---- numbers


def test_scores_of_the_golden_requests_are_the_golden_numbers(rowan, fraud, golden, to_csv,
                                                              tmp_path):
    path = tmp_path / "golden.csv"
    path.write_bytes(to_csv(requests(golden)))
    process = rowan("score", fraud, path)
    assert process.returncode == 0 and process.stderr == b""
    result = rows(process)
    assert [row["transaction_id"] for row in result] == [
        row["request"]["transaction_id"] for row in golden
    ]
    seen = np.array([row["fraud_probability"] for row in result], np.float32)
    expected = np.array([row["fraud_probability"] for row in golden], np.float32)
    assert seen.tobytes() == expected.tobytes()


def test_risk_levels_follow_the_thresholds(rowan, fraud, golden, to_csv):
    process = rowan("score", fraud, "-", stdin=to_csv(requests(golden)))
    result = rows(process)
    for row, expected in zip(result, golden, strict=True):
        p = expected["fraud_probability"]
        assert row["risk_level"] == ("high" if p >= 0.7 else "medium" if p >= 0.3 else "low")
        assert row["model_version"] == "1.0.0"
    assert {row["risk_level"] for row in result} == {"low", "medium", "high"}


def test_many_batches_keep_the_order_of_the_input(rowan, fraud, golden, to_csv):
    many = [
        {**row["request"], "transaction_id": f"{copy}-{i}"}
        for copy in range(3)
        for i, row in enumerate(golden)
    ]
    result = rows(rowan("score", fraud, "-", stdin=to_csv(many)))
    assert [row["transaction_id"] for row in result] == [r["transaction_id"] for r in many]
    scores = [row["fraud_probability"] for row in result]
    assert scores[:1000] == scores[1000:2000] == scores[2000:]


@pytest.fixture(scope="module")
def three_classes(tmp_path_factory):
    import xgboost

    random = np.random.RandomState(1)
    features = random.rand(300, 3).astype(np.float32)
    data = xgboost.DMatrix(features, (features[:, 0] * 3).astype(int),
                           feature_names=["a", "b", "c"])
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, data, 5)
    path = tmp_path_factory.mktemp("model") / "model.ubj"
    booster.save_model(path)
    return path, booster


def test_model_file_takes_its_features_as_columns(rowan, three_classes):
    import xgboost

    path, booster = three_classes
    table = np.array([[0.1, 0.5, np.nan], [0.9, np.nan, 0.25], [0.5, 0.5, 0.5]], np.float32)
    lines = ["c,ignored,a,b"]
    for a, b, c in table:
        cells = ["" if np.isnan(x) else str(x) for x in (c, a, b)]
        lines.append(f"{cells[0]},x,{cells[1]},{cells[2]}")
    process = rowan("score", path, "-", stdin="\n".join(lines).encode())
    assert process.returncode == 0, process.stderr
    result = rows(process)
    assert [row["line"] for row in result] == ["2", "3", "4"]
    seen = np.array([[row[f"prediction_{i}"] for i in range(3)] for row in result], np.float32)
    expected = booster.predict(xgboost.DMatrix(table, feature_names=["a", "b", "c"]))
    assert seen.tobytes() == expected.tobytes()


def test_model_file_repeats_the_column_that_id_names(rowan, three_classes):
    process = rowan("score", "--id", "who", three_classes[0], "-",
                    stdin=b'a,b,c,who\n1,2,3,"x, ""y"""\n')
    assert process.returncode == 0
    assert process.stdout.splitlines()[1].startswith(b'"x, ""y""",')
    assert rows(process)[0]["who"] == 'x, "y"'


def test_model_file_refuses_a_cell_that_is_no_number(rowan, three_classes):
    process = rowan("score", three_classes[0], "-", stdin=b"a,b,c\n1,2,3\n1,nan,3\n1e999,2,3\n")
    assert process.returncode == 1
    assert "line 3: b: Input should be a finite number" in error_lines(process)[0]
    assert "line 4: a: Input should be a finite number" in error_lines(process)[1]
    assert len(rows(process)) == 1


# ---- CSV


def test_columns_come_in_any_order_and_strange_ones_are_ignored(rowan, fraud, golden, to_csv,
                                                                properties):
    ten = requests(golden, 10)
    expected = rows(rowan("score", fraud, "-", stdin=to_csv(ten)))
    columns = ["note", *reversed(properties)]
    noted = [{**request, "note": "a, b"} for request in ten]
    process = rowan("score", fraud, "-", stdin=to_csv(noted, columns))
    assert process.returncode == 0
    assert rows(process) == expected


@pytest.mark.parametrize("dialect", [
    {"lineterminator": "\n"},
    {"lineterminator": "\r\n"},
    {"quoting": 1},  # csv.QUOTE_ALL
], ids=["LF", "CRLF", "all quoted"])
def test_every_dialect_of_rfc_4180_gives_the_same(rowan, fraud, golden, to_csv, dialect):
    ten = requests(golden, 10)
    expected = rowan("score", fraud, "-", stdin=to_csv(ten)).stdout
    for text in (to_csv(ten, **dialect), b"\xef\xbb\xbf" + to_csv(ten, **dialect),
                 to_csv(ten, **dialect).rstrip()):
        process = rowan("score", fraud, "-", stdin=text)
        assert process.returncode == 0, process.stderr
        assert process.stdout == expected


def test_ids_survive_quoting(rowan, fraud, golden, to_csv):
    names = ['a,b', 'say "x"', "two\nlines", "naïve 木", " spaces ", "'"]
    named = [{**golden[0]["request"], "transaction_id": name} for name in names]
    process = rowan("score", fraud, "-", stdin=to_csv(named))
    assert process.returncode == 0, process.stderr
    assert [row["transaction_id"] for row in rows(process)] == names


def test_optional_columns_may_be_absent(rowan, fraud, golden, to_csv):
    import json

    required = json.loads((fraud / "contract.json").read_text())["required"]
    raw_only = [row for row in golden if set(row["request"]) == set(required)]
    process = rowan("score", fraud, "-",
                    stdin=to_csv([row["request"] for row in raw_only], required))
    seen = np.array([row["fraud_probability"] for row in rows(process)], np.float32)
    expected = np.array([row["fraud_probability"] for row in raw_only], np.float32)
    assert len(seen) > 100 and seen.tobytes() == expected.tobytes()


# ---- errors


def test_missing_required_columns_are_one_error(rowan, fraud, golden, to_csv):
    process = rowan("score", fraud, "-",
                    stdin=to_csv(requests(golden, 5), ["transaction_id", "tx_amount"]))
    assert process.returncode == 1 and process.stdout == b""
    (line,) = error_lines(process)
    assert "standard input: line 1: 3 required columns are missing" in line
    assert "customer_id, terminal_id, tx_time_seconds" in line


def test_column_twice_is_refused(rowan, fraud):
    process = rowan("score", fraud, "-", stdin=b"transaction_id,customer_id,terminal_id,tx_amount,"
                                               b"tx_time_seconds,tx_amount\n")
    assert process.returncode == 1 and process.stdout == b""
    assert b"line 1: columns 4 and 6 are both called tx_amount" in process.stderr


@pytest.mark.parametrize("text", [b"", b"\n\r\n", b"\xef\xbb\xbf"])
def test_empty_file_has_no_header(rowan, fraud, text):
    process = rowan("score", fraud, "-", stdin=text)
    assert process.returncode == 1 and process.stdout == b""
    assert b"standard input: there is no header" in process.stderr


def test_header_alone_gives_a_header_alone(rowan, fraud, to_csv):
    process = rowan("score", fraud, "-", stdin=to_csv([]))
    assert process.returncode == 0
    assert process.stdout == b"transaction_id,fraud_probability,risk_level,model_version\n"


HEADER = "transaction_id,customer_id,terminal_id,tx_amount,tx_time_seconds\n"


@pytest.mark.parametrize("row, reason", [
    ("x,1,1,-5,1533772800", "tx_amount: Input should be greater than 0"),
    ("x,1,1,abc,1533772800", "tx_amount: Input should be a valid number"),
    ("x,1,1,NaN,1533772800", "tx_amount: Input should be a valid number"),
    ("x,1,1,1e400,1533772800", "tx_amount: Input should be a finite number"),
    ("x,1.5,1,5,1533772800", "customer_id: Input should be a valid integer"),
    ("x,007,1,5,1533772800", "customer_id: Input should be a valid integer"),
    ("x,1,1,,1533772800", "tx_amount: Field required"),
    (",1,1,5,1533772800", "transaction_id: Field required"),
    ("x,1,1,5", "4 cells, the header has 5"),
    ("x,1,1,5,1533772800,6", "6 cells, the header has 5"),
    ('x,1,1,5"6,1533772800', "a quote stands inside of a cell without quotes"),
    ('"x"y,1,1,5,1533772800', "a cell goes on behind its closing quote"),
    ("x\r,1,1,5,1533772800", "a carriage return stands alone"),
    ("x\0,1,1,5,1533772800", "there is a zero byte"),
    (b"\xff,1,1,5,1533772800", "a cell is not valid UTF-8"),
    ("x" * (4 << 20) + "y,1,1,5,1533772800", "longer than RW_CSV_MAX_RECORD_BYTES"),
    ("," * 140000, "more cells than RW_CSV_MAX_COLUMNS"),
], ids=range(17))
def test_bad_row_is_named_and_the_others_are_scored(rowan, fraud, row, reason):
    row = row if isinstance(row, bytes) else row.encode()
    good = b'"first\nrow",1,1,5,1533772800\n', b"last,1,1,5,1533772800\n"
    process = rowan("score", fraud, "-", stdin=HEADER.encode() + good[0] + row + b"\n" + good[1])
    assert process.returncode == 1
    first, summary = error_lines(process)
    assert first.startswith("rowan: standard input: line 4: ") and reason in first
    assert "2 rows scored, 1 refused" in summary
    assert [r["transaction_id"] for r in rows(process)] == ["first\nrow", "last"]


def test_quote_that_is_never_closed_ends_the_reading(rowan, fraud):
    text = HEADER + 'a,1,1,5,1533772800\n"b,1,1,5,1533772800\nc,1,1,5,1533772800\n'
    process = rowan("score", fraud, "-", stdin=text.encode())
    assert process.returncode == 1
    assert "line 3: a quote is opened and never closed" in error_lines(process)[0]
    assert [row["transaction_id"] for row in rows(process)] == ["a"]


def test_stop_on_error_writes_what_came_before(rowan, fraud):
    text = HEADER + "a,1,1,5,1533772800\nb,1,1,-5,1533772800\nc,1,1,5,1533772800\n"
    process = rowan("score", "--stop-on-error", fraud, "-", stdin=text.encode())
    assert process.returncode == 1
    assert "line 3: tx_amount" in error_lines(process)[0]
    assert "stopped early" in error_lines(process)[1]
    assert [row["transaction_id"] for row in rows(process)] == ["a"]


def test_blank_lines_are_skipped_and_counted(rowan, fraud):
    text = "\n" + HEADER + "\r\na,1,1,5,1533772800\n\n\nb,1,1,x,1533772800\n"
    process = rowan("score", fraud, "-", stdin=text.encode())
    assert "line 7: tx_amount" in error_lines(process)[0]
    assert [row["transaction_id"] for row in rows(process)] == ["a"]


def test_id_that_is_not_there_is_refused(rowan, fraud, golden, to_csv):
    process = rowan("score", "--id=nobody", fraud, "-", stdin=to_csv(requests(golden, 1)))
    assert process.returncode == 1 and process.stdout == b""
    assert b"there is no column nobody" in process.stderr


def test_input_that_cannot_be_read_is_refused(rowan, fraud, tmp_path):
    process = rowan("score", fraud, tmp_path / "none.csv")
    assert process.returncode == 1 and b"none.csv: cannot be opened" in process.stderr
    process = rowan("score", fraud, tmp_path)
    assert process.returncode == 1 and b"Is a directory" in process.stderr


def test_full_disk_is_an_error(fraud, golden, to_csv, tmp_path):
    path = tmp_path / "golden.csv"
    path.write_bytes(to_csv(requests(golden)))
    with open("/dev/full", "wb") as full:
        process = subprocess.run([ROWAN, "score", fraud, path], stdout=full,
                                 stderr=subprocess.PIPE)
    assert process.returncode == 1
    assert b"standard output: cannot be written: No space left" in process.stderr


# ---- progress


def score_on_terminal(fraud, path, *options):
    """Standard error of `rowan score` when that is a terminal."""
    leader, follower = pty.openpty()
    with subprocess.Popen([ROWAN, "score", *options, fraud, path], stdout=subprocess.DEVNULL,
                          stderr=follower) as process:
        os.close(follower)
        seen = b""
        try:
            while chunk := os.read(leader, 4096):
                seen += chunk
        except OSError:
            pass  # the other side is closed
    os.close(leader)
    assert process.returncode == 0
    return seen


def test_progress_is_drawn_on_a_terminal_and_wiped(fraud, golden, to_csv, tmp_path):
    path = tmp_path / "many.csv"
    text = to_csv(requests(golden))
    header, body = text.split(b"\n", 1)
    path.write_bytes(header + b"\n" + body * 3)
    seen = score_on_terminal(fraud, path)
    assert b"%" in seen and b" rows" in seen
    assert seen.endswith(b"\r\x1b[K")
    assert score_on_terminal(fraud, path, "--no-progress") == b""
