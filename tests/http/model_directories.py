"""Model directories made from the shipped one, with XGBoost's own numbers."""

import json
import math
import shutil
from datetime import datetime, timezone
from pathlib import Path

import numpy
import xgboost

ROOT = Path(__file__).resolve().parents[2]
FRAUD = ROOT / "models" / "fraud"
SECOND_VERSION = "2.0.0-half"


def is_weekend(unix_seconds):
    return float(datetime.fromtimestamp(unix_seconds, timezone.utc).weekday() >= 5)


def is_night(unix_seconds):
    return float(datetime.fromtimestamp(unix_seconds, timezone.utc).hour <= 6)


TRANSFORMS = {"from": float, "weekend": is_weekend, "night": is_night}


def feature_row(contract, request):
    """What the contract feeds to the model, in XGBoost's float32."""
    row = []
    for feature in contract["x-rowan"]["features"]:
        transform, = set(feature) & set(TRANSFORMS)
        value = request.get(feature[transform])
        row.append(math.nan if value is None else TRANSFORMS[transform](value))
    return row


def probabilities(booster, contract, requests):
    rows = numpy.array([feature_row(contract, request) for request in requests], numpy.float32)
    names = [feature["name"] for feature in contract["x-rowan"]["features"]]
    return booster.predict(xgboost.DMatrix(rows, feature_names=names, nthread=1))


def make_second_version(folder):
    """The first half of the shipped model's trees, under a version of its own."""
    folder.mkdir()
    contract = json.loads((FRAUD / "contract.json").read_text())
    contract["x-rowan"]["version"] = SECOND_VERSION
    whole = xgboost.Booster(model_file=FRAUD / "model.ubj")
    half = whole[:whole.num_boosted_rounds() // 2]
    requests = [json.loads(line)["request"]
                for line in (FRAUD / "golden.jsonl").read_text().splitlines()]
    rows = [json.dumps({"request": request, "fraud_probability": float(str(probability))})
            for request, probability in zip(requests, probabilities(half, contract, requests))]
    half.save_model(folder / "model.ubj")
    (folder / "contract.json").write_text(json.dumps(contract))
    (folder / "golden.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def copy_of(directory, target):
    return Path(shutil.copytree(directory, target))


# ---- ways to break one: name -> (how, what the refusal must tell) ---------------------------

def _truncate_model(directory):
    model = directory / "model.ubj"
    model.write_bytes(model.read_bytes()[:5000])


def _break_contract(directory):
    (directory / "contract.json").write_text('{"type": "object", ')


def _forget_golden(directory):
    (directory / "golden.jsonl").unlink()


def _forget_model(directory):
    (directory / "model.ubj").unlink()


def _change_golden(directory):
    golden = directory / "golden.jsonl"
    lines = golden.read_text().splitlines()
    row = json.loads(lines[6])
    row["fraud_probability"] = row["fraud_probability"] / 2
    lines[6] = json.dumps(row)
    golden.write_text("\n".join(lines) + "\n")


def _rename_feature(directory):
    path = directory / "contract.json"
    contract = json.loads(path.read_text())
    contract["x-rowan"]["features"][3]["name"] = "SOMETHING_ELSE"
    path.write_text(json.dumps(contract))


BROKEN = {
    "truncated model": (_truncate_model, ["model.ubj", "byte"]),
    "contract that is not JSON": (_break_contract, ["contract.json", "byte"]),
    "no golden rows": (_forget_golden, ["golden.jsonl"]),
    "no model": (_forget_model, ["model.ubj"]),
    "golden row that differs": (_change_golden, ["golden.jsonl", "7"]),
    "feature that the model does not have": (_rename_feature, ["contract.json", "SOMETHING_ELSE"]),
}


def make_broken(kind, target):
    """A copy of the shipped directory that must be refused, and words of the refusal."""
    break_it, words = BROKEN[kind]
    directory = copy_of(FRAUD, target)
    break_it(directory)
    return directory, words
