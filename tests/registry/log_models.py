#!/usr/bin/env python3
"""Logs models to the MLflow server of the environment, and registers them.

Reads a JSON list from standard input, and writes one with what became of each. An entry:
  kind      "directory": the files of `directory` at the artifact's root, beside an MLmodel with the
            flavours of its library, tagged as training does it; "run": the same as artifact
            "model" of a run, as clients of MLflow 2 log it, not registered; "xgboost", "lightgbm",
            "onnx": a plain flavour, nothing of Rowan's beside it; "sklearn": a random forest as
            scikit-learn's flavour, with its ONNX (`directory`) beside it if there is one
  name      of the registered model (not of a "run")
  directory a model directory; its model file is what a plain flavour logs
  aliases   a list; `stage` a legacy stage; `tags` more tags of the version
  registered false: logged, not registered
  location  where the experiment keeps its artifacts, such as s3://bucket/folder; by default
            where the server says
The result: {"kind", "name", "version", "run_id", "model_id", "artifact_uri"}.
"""

import hashlib
import json
import sys
import tempfile
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from shutil import copy, copytree

warnings.filterwarnings("ignore")

import mlflow  # noqa: E402

SERVED = ("contract.json", "golden.jsonl")


def model_file(directory):
    names = [name for name in ("model.ubj", "model.txt", "model.onnx", "model.json")
             if (directory / name).exists()]
    assert len(names) == 1, f"{directory} has {names}"
    return directory / names[0]


def log_plain(directory, kind=None):
    """By the flavour of the model file's library; the logged model."""
    path = model_file(directory)
    kind = kind or {".ubj": "xgboost", ".json": "xgboost", ".txt": "lightgbm",
                    ".onnx": "onnx"}[path.suffix]
    if kind == "xgboost":
        import mlflow.xgboost
        import xgboost
        return mlflow.xgboost.log_model(xgboost.Booster(model_file=path), name="model",
                                        pip_requirements=["xgboost-cpu"])
    if kind == "lightgbm":
        import lightgbm
        import mlflow.lightgbm
        return mlflow.lightgbm.log_model(lightgbm.Booster(model_file=path), name="model",
                                         pip_requirements=["lightgbm"])
    import mlflow.onnx
    import onnx
    return mlflow.onnx.log_model(onnx.load(path), name="model", pip_requirements=["onnx"])


def log_sklearn():
    import mlflow.sklearn
    import numpy
    from sklearn.ensemble import RandomForestClassifier
    rows = numpy.random.default_rng(0).normal(size=(200, 15))
    forest = RandomForestClassifier(3, max_depth=3, random_state=0).fit(rows, rows[:, 0] > 0)
    return mlflow.sklearn.log_model(forest, name="model", pip_requirements=["scikit-learn"],
                                    serialization_format="cloudpickle")


def log_directory(info, directory):
    """The directory's files at the artifact's root; its model file is that of the MLmodel, too."""
    mlflow.MlflowClient().log_model_artifacts(info.model_id, str(directory))


def tags_of(directory):
    contract = json.loads((directory / "contract.json").read_text())
    served = (model_file(directory).name, *SERVED)
    digests = {name: hashlib.sha256((directory / name).read_bytes()).hexdigest()
               for name in served if (directory / name).exists()}
    return {"rowan.version": contract["x-rowan"]["version"],
            "rowan.sha256": json.dumps(digests, sort_keys=True)}


def register(entry, info, tags):
    client = mlflow.MlflowClient()
    registered = mlflow.register_model(f"models:/{info.model_id}", entry["name"], tags=tags)
    if stage := entry.get("stage"):
        client.transition_model_version_stage(entry["name"], registered.version, stage)
    for alias in entry.get("aliases", []):
        client.set_registered_model_alias(entry["name"], alias, registered.version)
    return registered.version


def log_run(directory):
    """Artifact "model" of the run that is active, without a logged model."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        copytree(directory, folder)
        (folder / "MLmodel").write_text("flavors:\n  python_function:\n"
                                        "    loader_module: mlflow.xgboost\n")
        mlflow.log_artifacts(folder, "model")


def choose_experiment(location):
    if not location:
        mlflow.set_experiment("rowan")
        return
    found = mlflow.get_experiment_by_name(location)
    chosen = found.experiment_id if found else mlflow.create_experiment(location, location)
    mlflow.set_experiment(experiment_id=chosen)


def log(entry):
    choose_experiment(entry.get("location"))
    directory = Path(entry["directory"]) if "directory" in entry else None
    kind, info, version, tags = entry["kind"], None, None, {}
    with mlflow.start_run() as run:
        if kind == "run":
            log_run(directory)
        elif kind == "sklearn":
            info = log_sklearn()
        else:
            info = log_plain(directory, None if kind == "directory" else kind)
        if info and kind in ("directory", "sklearn") and directory:
            log_directory(info, directory)
            tags = tags_of(directory)
    if info and entry.get("registered", True):
        version = register(entry, info, {**tags, **entry.get("tags", {})})
    return {"kind": kind, "name": entry.get("name"), "version": version,
            "run_id": run.info.run_id, "model_id": info.model_id if info else None,
            "artifact_uri": info.artifact_path if info else run.info.artifact_uri + "/model"}


def main():
    with redirect_stdout(sys.stderr):  # MLflow tells of each run there
        done = [log(entry) for entry in json.load(sys.stdin)]
    json.dump(done, sys.stdout)


if __name__ == "__main__":
    main()
