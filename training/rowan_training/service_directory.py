"""A trained model as the directory that the service serves: its own contract of the Handbook's features, golden rows."""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from rowan_training import missing
from rowan_training.contract import Json, build_contract, request_frame_inputs
from rowan_training.errors import WorkError
from rowan_training.export.directory import write_directory
from rowan_training.export.packed import PackedModel
from rowan_training.export.registry import exporter_of
from rowan_training.features import FEATURES, WINDOW_FEATURES
from rowan_training.golden import lines_of
from rowan_training.models.trainer import FittedModel

# What the exporters look at to learn types and which values may be missing; the rows themselves are not kept.
SAMPLE_ROWS = 200
# A smaller amount is written as 0.00, which the contract refuses.
SMALLEST_AMOUNT = 0.01


@dataclass(frozen=True)
class WrittenModel:
    version: str
    model_file: str


def write_model(
    directory: Path, name: str, fitted: FittedModel, last_day: date, transactions: pd.DataFrame, features: pd.DataFrame
) -> WrittenModel:
    """Writes the directory, whole or not at all. Golden rows are chosen from `transactions`, with `features` of the rows.

    The version is the last training day and the model file's checksum: the same model has the same version.
    """
    packed = _pack(fitted, features)
    version = f"{last_day.isoformat()}-{hashlib.sha256(packed.content).hexdigest()[:8]}"
    contract = build_contract(name, version, _model_part(packed))
    contract["x-rowan"]["features"] = _in_the_models_order(contract, packed)
    rows = _anonymous(transactions, features)
    golden = lines_of(lambda requests: _scores(packed, contract, requests), _amounts(packed), *rows)
    write_directory(directory, packed, contract, golden, f"# Model `{name}` {version}\n\nNot evaluated yet.\n")
    return WrittenModel(version, packed.file_name)


def _pack(fitted: FittedModel, features: pd.DataFrame) -> PackedModel:
    full = features[list(FEATURES)].head(SAMPLE_ROWS).astype(np.float64)
    copies = [full.assign(**dict.fromkeys(lacking, np.nan)) for lacking in missing.CASES.values()]
    sample = pd.concat(copies, ignore_index=True)
    packed = exporter_of(fitted.estimator).pack(fitted.estimator, sample, target=None, positive_class=None)
    columns = [feature.column for feature in packed.features]
    if sorted(columns) != sorted(FEATURES):
        raise WorkError(f"the model reads {', '.join(columns)}: a served model reads exactly {', '.join(FEATURES)}")
    if not set(WINDOW_FEATURES) <= packed.nullable:
        raise WorkError("the model refuses missing windows, which requests may leave out: train with missing values")
    if not packed.is_probability:
        raise WorkError("the model gives no probability: train a classifier")
    return packed


def _model_part(packed: PackedModel) -> Json:
    part = {
        "type": packed.type,
        "model_file": packed.file_name,
        "iterations": packed.iterations,
        "golden_ulps": packed.golden_ulps or None,
    }
    return {key: value for key, value in part.items() if value is not None}


def _in_the_models_order(contract: Json, packed: PackedModel) -> list[Json]:
    entries = {entry["name"]: entry for entry in contract["x-rowan"]["features"]}
    return [{**entries[feature.column], "name": feature.name} for feature in packed.features]


def _scores(packed: PackedModel, contract: Json, requests: list[Json]) -> np.ndarray:
    inputs = request_frame_inputs(contract, pd.DataFrame(requests).astype({"transaction_id": str}))
    return packed.scores(inputs.set_axis([feature.column for feature in packed.features], axis=1))


def _amounts(packed: PackedModel) -> list[float]:
    return [float(value) for value in packed.boundaries.get("TX_AMOUNT", ()) if value > 0]


def _anonymous(transactions: pd.DataFrame, features: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Golden rows travel with the model, so their ids are the numbers of rows, and name no card and no terminal."""
    positive = (transactions["TX_AMOUNT"] >= SMALLEST_AMOUNT).to_numpy()
    rows = np.arange(int(positive.sum()))
    chosen = transactions[positive].assign(TRANSACTION_ID=rows, CUSTOMER_ID=rows, TERMINAL_ID=rows)
    return chosen.reset_index(drop=True), features[positive].reset_index(drop=True)
