"""`export`: one call from a fitted model and its training frame to a model directory, whole or not at all."""

import json
import logging
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rowan_training.contract import Json
from rowan_training.export.golden_rows import DEFAULT_ROWS, golden_lines
from rowan_training.export.note import model_note
from rowan_training.export.packed import ExportError, PackedModel
from rowan_training.export.registry import exporter_of
from rowan_training.export.schema import build_contract
from rowan_training.export.verify import BINARY_VARIABLE, rowan_binary, verify

log = logging.getLogger(__name__)


def export(
    model: Any,
    frame: pd.DataFrame,
    directory: str | Path,
    *,
    target: str | None = None,
    name: str | None = None,
    version: str = "1",
    positive_class: Any | None = None,
    thresholds: Mapping[str, float] | None = None,
    golden_rows: int = DEFAULT_ROWS,
    id_field: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes model file, contract.json, golden.jsonl and README.md into `directory`, and returns it.

    `frame` holds rows of the training data, columns typed as in training; its column `target` is the label and is not
    exported. `id_field` names the field of a request that the reply repeats: a column of the frame, or a new name.
    `positive_class` is the class label that means fraud; of two classes it is the second. `name` is the directory's
    unless given.

    The directory is proved by `rowan verify` first, where the tool is found ($ROWAN_BIN, or the path), and appears by
    one rename. Raises `ExportError`, which says what to do; then nothing is left behind.
    """
    directory = Path(directory)
    _check_free(directory, overwrite)
    if golden_rows < 1:
        raise ExportError(f"golden_rows is {golden_rows}: without golden rows nothing proves a model")
    if frame.empty or not frame.columns.is_unique:
        raise ExportError("the frame must have rows, and no two columns of one name")
    ids = _ids(frame, id_field)
    inputs = frame.drop(columns=[column for column in (target, id_field) if column in frame])
    packed = exporter_of(model).pack(model, inputs, target=target, positive_class=positive_class)
    columns = frame[list(dict.fromkeys(feature.column for feature in packed.features))]
    contract = build_contract(
        packed,
        columns,
        name=name or directory.name,
        version=version,
        thresholds=thresholds,
        id_field=id_field,
        ids=ids,
    )
    golden = golden_lines(packed, columns, ids, id_field, golden_rows)
    note = model_note(contract, packed, columns, len(golden))
    write_directory(directory, packed, contract, golden, note)
    return directory


def _check_free(directory: Path, overwrite: bool) -> None:
    if not directory.exists() and not directory.is_symlink():
        return
    if not overwrite:
        raise ExportError(f"{directory} exists: pass overwrite=True, or another directory")
    if directory.is_symlink() or not (directory / "contract.json").is_file():
        raise ExportError(f"{directory} is no model directory of Rowan, and is not overwritten: remove it yourself")


def _ids(frame: pd.DataFrame, id_field: str | None) -> "pd.Series[str]":
    if id_field in frame:
        return frame[id_field].astype(str)
    return pd.Series([f"row-{row}" for row in range(len(frame))], index=frame.index)


def write_directory(directory: Path, packed: PackedModel, contract: Json, golden: list[str], note: str) -> None:
    """Into a hidden sibling, which takes the directory's name only when it is whole and proved."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    unfinished = directory.parent / f".{directory.name}.{uuid.uuid4().hex[:8]}"
    unfinished.mkdir()
    try:
        (unfinished / packed.file_name).write_bytes(packed.content)
        _write_text(unfinished / "contract.json", json.dumps(contract, indent=2, ensure_ascii=False) + "\n")
        _write_text(unfinished / "golden.jsonl", "\n".join(golden) + "\n")
        _write_text(unfinished / "README.md", note)
        _prove(unfinished, directory)
        _rename(unfinished, directory)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _prove(unfinished: Path, directory: Path) -> None:
    binary = rowan_binary()
    if binary is None:
        log.warning(
            "wrote %s without proof: no rowan tool on the path nor in %s; run rowan verify there",
            directory,
            BINARY_VARIABLE,
        )
        return
    log.info("%s", verify(unfinished, binary).replace(str(unfinished), str(directory)))


def _rename(unfinished: Path, directory: Path) -> None:
    if not directory.exists():
        unfinished.rename(directory)
        return
    former = unfinished.with_name(unfinished.name + ".former")
    directory.rename(former)
    try:
        unfinished.rename(directory)
    except OSError:
        former.rename(directory)
        raise
    shutil.rmtree(former)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
