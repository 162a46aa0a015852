"""The command `export`: a saved model and rows in CSV to a model directory."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from rowan_training.export.directory import export
from rowan_training.export.golden_rows import DEFAULT_ROWS
from rowan_training.export.packed import ExportError


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "export",
        help="turn a saved model and rows of its training data into a model directory",
        description="Writes the model file, contract.json (from the columns of the data), golden.jsonl (rows with the "
        "library's own numbers) and README.md, and proves them with `rowan verify` where ROWAN_BIN or the path has it.",
    )
    command.add_argument(
        "--model", type=Path, required=True, metavar="FILE", help="XGBoost's .ubj or .json, LightGBM's .txt, or .onnx"
    )
    command.add_argument(
        "--data", type=Path, required=True, metavar="CSV", help="rows of the training data, with a header"
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model directory to make")
    command.add_argument("--target", metavar="COLUMN", help="the label in the data, which is not exported")
    command.add_argument(
        "--id-field", metavar="NAME", help="the field that a reply repeats; a column of the data, or new"
    )
    command.add_argument("--name", help="of the model in replies, logs and metrics (the directory's)")
    command.add_argument("--version", default="1", help="of the model (1)")
    command.add_argument(
        "--positive-class", type=int, metavar="N", help="the class that means fraud, counted from 0 (1)"
    )
    command.add_argument(
        "--golden-rows", type=int, default=DEFAULT_ROWS, metavar="N", help=f"how many ({DEFAULT_ROWS})"
    )
    command.add_argument("--overwrite", action="store_true", help="replace a model directory")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    frame = pd.read_csv(options.data)
    model, categories = load(options.model)
    for column, values in categories.items():
        if column in frame:
            texts = frame[column] if not values or not isinstance(values[0], str) else frame[column].astype("str")
            frame[column] = pd.Categorical(texts, categories=list(values))
    export(
        model,
        frame,
        options.out,
        target=options.target,
        name=options.name,
        version=options.version,
        positive_class=options.positive_class,
        golden_rows=options.golden_rows,
        id_field=options.id_field,
        overwrite=options.overwrite,
    )


def load(path: Path) -> tuple[Any, dict[str, tuple[Any, ...]]]:
    """The model of a file, and the categories of its columns, which CSV cannot tell."""
    loaders = {".ubj": _xgboost, ".json": _xgboost, ".txt": _lightgbm, ".onnx": _onnx}
    if path.suffix not in loaders:
        raise ExportError(f"{path} is no model file that Rowan reads: {', '.join(loaders)}")
    if not path.is_file():
        raise ExportError(f"{path} is no file")
    try:
        return loaders[path.suffix](path)
    except ModuleNotFoundError as error:
        raise ExportError(f"reading {path} needs {error.name}: pip install {error.name}") from error


def _xgboost(path: Path) -> tuple[Any, dict[str, tuple[Any, ...]]]:
    import xgboost

    from rowan_training.export.xgboost import categories_by_name

    booster = xgboost.Booster(model_file=path)
    return booster, dict(categories_by_name(booster))


def _lightgbm(path: Path) -> tuple[Any, dict[str, tuple[Any, ...]]]:
    import lightgbm

    from rowan_training.export.lightgbm import categorical_columns

    booster = lightgbm.Booster(model_file=path)
    return booster, dict(zip(categorical_columns(booster), map(tuple, booster.pandas_categorical or [])))


def _onnx(path: Path) -> tuple[Any, dict[str, tuple[Any, ...]]]:
    import onnx

    return onnx.load(path), {}
