"""Model directories made from the shipped one, with XGBoost's own numbers."""

import json
import math
import shutil
from dataclasses import dataclass
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


def golden_requests(folder):
    return [json.loads(line)["request"]
            for line in (folder / "golden.jsonl").read_text().splitlines()]


@dataclass(frozen=True)
class Version:
    folder: Path
    requests: list
    probabilities: numpy.ndarray  # float32, of the golden requests

    def is_right(self, reply, row):
        """Is it, in every bit, the number of this golden row?"""
        got = numpy.float32(reply["fraud_probability"])
        return got.tobytes() == self.probabilities[row].tobytes()


def version_of(folder):
    """(name, Version) of a good directory: the number that XGBoost gives for each request."""
    contract = json.loads((folder / "contract.json").read_text())
    requests = golden_requests(folder)
    booster = xgboost.Booster(model_file=folder / "model.ubj")
    return contract["x-rowan"]["version"], Version(
        folder, requests, probabilities(booster, contract, requests))


def make_second_version(folder):
    """The first half of the shipped model's trees, under a version of its own."""
    folder.mkdir()
    contract = json.loads((FRAUD / "contract.json").read_text())
    contract["x-rowan"]["version"] = SECOND_VERSION
    whole = xgboost.Booster(model_file=FRAUD / "model.ubj")
    half = whole[:whole.num_boosted_rounds() // 2]
    requests = golden_requests(FRAUD)
    rows = [json.dumps({"request": request, "fraud_probability": float(str(probability))})
            for request, probability in zip(requests, probabilities(half, contract, requests))]
    half.save_model(folder / "model.ubj")
    (folder / "contract.json").write_text(json.dumps(contract))
    (folder / "golden.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def copy_of(directory, target):
    return Path(shutil.copytree(directory, target))


# ---- ways to break one: each returns words that the refusal must have ----------------------

def _truncate_model(directory):
    model = directory / "model.ubj"
    model.write_bytes(model.read_bytes()[:5000])
    return ["model.ubj: byte 49", "truncated"]


def _truncate_contract(directory):
    contract = directory / "contract.json"
    text = contract.read_text()[:-200]
    contract.write_text(text)
    return ["contract.json", str(len(text.encode()))]


def _forget(name):
    def forget(directory):
        (directory / name).unlink()
        return [name]
    return forget


def _empty(directory):
    for file in directory.iterdir():
        file.unlink()
    return []


def _change_golden(directory):
    """In the last bit of row 7."""
    golden = directory / "golden.jsonl"
    lines = golden.read_text().splitlines()
    row = json.loads(lines[6])
    row["fraud_probability"] = float(str(numpy.nextafter(
        numpy.float32(row["fraud_probability"]), numpy.float32(1))))
    lines[6] = json.dumps(row)
    golden.write_text("\n".join(lines) + "\n")
    return ["golden.jsonl", "7"]


def _rename_feature(directory):
    path = directory / "contract.json"
    contract = json.loads(path.read_text())
    contract["x-rowan"]["features"][3]["name"] = "SOMETHING_ELSE"
    path.write_text(json.dumps(contract))
    return ["contract.json", "SOMETHING_ELSE"]


BROKEN = {
    "truncated model": _truncate_model,
    "truncated contract": _truncate_contract,
    "no model": _forget("model.ubj"),
    "no contract": _forget("contract.json"),
    "no golden rows": _forget("golden.jsonl"),
    "nothing in it": _empty,
    "golden row that differs": _change_golden,
    "feature that the model does not have": _rename_feature,
}


def make_broken(kind, target, source=FRAUD):
    """A copy of a good directory that must be refused, and words of the refusal."""
    directory = copy_of(source, target)
    return directory, BROKEN[kind](directory)
