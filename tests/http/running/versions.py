"""Two versions of the default model, whose numbers come from XGBoost."""

import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy
import xgboost

from nginx_process import FRAUD


def golden_rows(folder: Path = FRAUD) -> list[dict]:
    return [json.loads(line) for line in (folder / "golden.jsonl").read_text().splitlines()]


def feature(definition: dict, request: dict) -> float:
    """As the contract defines it, in Python."""
    if "from" in definition:
        value = request.get(definition["from"])
        return float("nan") if value is None else value
    kind = "weekend" if "weekend" in definition else "night"
    time = datetime.fromtimestamp(request[definition[kind]], timezone.utc)
    return float(time.weekday() >= 5) if kind == "weekend" else float(time.hour <= 6)


def predict(booster: xgboost.Booster, contract: dict, requests: list[dict]) -> numpy.ndarray:
    features = contract["x-rowan"]["features"]
    rows = numpy.array([[feature(definition, request) for definition in features]
                        for request in requests], dtype=numpy.float32)
    matrix = xgboost.DMatrix(rows, feature_names=[f["name"] for f in features])
    return booster.predict(matrix)


@dataclass(frozen=True)
class Version:
    name: str
    folder: Path
    probabilities: numpy.ndarray  # float32, of the golden requests


def write_version(folder: Path, name: str, rounds: int) -> Version:
    """The default model's first rounds, as a directory of its own."""
    contract = json.loads((FRAUD / "contract.json").read_text())
    requests = [row["request"] for row in golden_rows()]
    booster = xgboost.Booster(model_file=FRAUD / "model.ubj")[:rounds]
    probabilities = predict(booster, contract, requests)
    contract["x-rowan"]["version"] = name
    folder.mkdir()
    booster.save_model(folder / "model.ubj")
    (folder / "contract.json").write_text(json.dumps(contract))
    lines = [json.dumps({"request": request, "fraud_probability": float(str(probability))})
             for request, probability in zip(requests, probabilities)]
    (folder / "golden.jsonl").write_text("\n".join(lines) + "\n")
    return Version(name, folder, probabilities)


def replace_link(link: Path, folder: Path) -> None:
    """One rename(2): the link never is away."""
    new = link.with_name(link.name + ".new")
    new.symlink_to(folder)
    os.replace(new, link)


def broken_copies(version: Version, parent: Path) -> dict[str, tuple[Path, str]]:
    """Directories that must be refused: name -> (folder, what the reason must name)."""
    copies = {}
    for name, file in (("truncated", "model.ubj"), ("contract", "contract.json"),
                       ("mismatch", "golden.jsonl")):
        folder = parent / name
        shutil.copytree(version.folder, folder)
        copies[name] = (folder, file)
    model = copies["truncated"][0] / "model.ubj"
    model.write_bytes(model.read_bytes()[:5000])
    contract = copies["contract"][0] / "contract.json"
    contract.write_text(contract.read_text()[:-200])
    golden = copies["mismatch"][0] / "golden.jsonl"
    lines = golden.read_text().splitlines()
    row = json.loads(lines[6])
    row["fraud_probability"] = float(str(numpy.nextafter(
        numpy.float32(row["fraud_probability"]), numpy.float32(1))))
    lines[6] = json.dumps(row)
    golden.write_text("\n".join(lines) + "\n")
    return copies
