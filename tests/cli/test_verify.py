"""`rowan verify` lets through what a server may serve, and nothing else."""

import json


def test_shipped_model_is_proved(rowan, fraud, golden):
    process = rowan("verify", fraud)
    assert process.returncode == 0 and process.stderr == b""
    assert f"{len(golden)} golden rows".encode() in process.stdout


def break_golden(directory, line, change):
    path = directory / "golden.jsonl"
    lines = path.read_text().splitlines()
    row = json.loads(lines[line - 1])
    change(row)
    lines[line - 1] = json.dumps(row)
    path.write_text("\n".join(lines) + "\n")


def test_golden_row_with_another_number_is_refused_by_its_line(rowan, fraud_copy):
    def off_by_one_bit(row):
        import numpy as np

        row["fraud_probability"] = float(
            np.nextafter(np.float32(row["fraud_probability"]), np.float32(1)))

    break_golden(fraud_copy, 700, off_by_one_bit)
    process = rowan("verify", fraud_copy)
    assert process.returncode == 1 and process.stdout == b""
    assert b"golden.jsonl: line 700: expected fraud_probability" in process.stderr


def test_golden_request_that_breaks_the_contract_is_refused_by_its_line(rowan, fraud_copy):
    break_golden(fraud_copy, 3, lambda row: row["request"].pop("tx_amount"))
    process = rowan("verify", fraud_copy)
    assert process.returncode == 1
    assert b"line 3: tx_amount: Field required" in process.stderr


def test_model_that_is_cut_off_is_refused(rowan, fraud_copy):
    model = fraud_copy / "model.ubj"
    model.write_bytes(model.read_bytes()[:-100])
    process = rowan("verify", fraud_copy)
    assert process.returncode == 1
    assert b"model.ubj" in process.stderr


def test_contract_that_feeds_another_order_is_refused(rowan, fraud_copy):
    path = fraud_copy / "contract.json"
    contract = json.loads(path.read_text())
    features = contract["x-rowan"]["features"]
    features[0], features[1] = features[1], features[0]
    path.write_text(json.dumps(contract))
    process = rowan("verify", fraud_copy)
    assert process.returncode == 1
    assert b"contract.json" in process.stderr and b"TX_AMOUNT" in process.stderr


def test_directory_without_golden_rows_is_refused(rowan, fraud_copy):
    (fraud_copy / "golden.jsonl").unlink()
    process = rowan("verify", fraud_copy)
    assert process.returncode == 1
    assert b"golden.jsonl" in process.stderr
