"""MODEL_URI DIRECTORY: loads the model as any client of MLflow does, and compares it with the golden rows of the
directory. Runs in training's environment."""

import json
import sys
from pathlib import Path

import mlflow
import numpy
import pandas

uri, directory = sys.argv[1], Path(sys.argv[2])
golden = [json.loads(line) for line in (directory / "golden.jsonl").read_text().splitlines()]
contract = json.loads((directory / "contract.json").read_text())
sys.path.insert(0, "training")

from rowan_training.contract import request_row  # noqa: E402

names = [feature["name"] for feature in contract["x-rowan"]["features"]]
rows = pandas.DataFrame([request_row(contract, one["request"]) for one in golden], columns=names,
                        dtype=numpy.float32)
found = numpy.asarray(mlflow.pyfunc.load_model(uri).predict(rows), numpy.float32)
wanted = numpy.asarray([one["fraud_probability"] for one in golden], numpy.float32)
json.dump({"rows": len(golden), "differ": int((found != wanted).sum())}, sys.stdout)
