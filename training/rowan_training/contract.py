"""The request contract: a JSON Schema object whose `x-rowan` part says how a request becomes the model's inputs.

The same file validates requests, becomes the OpenAPI document, and decodes. `request_row` is the reference in Python of
what the server does in C; golden.jsonl holds both to the same numbers.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from rowan_training.features import FEATURES, LABEL_DELAY_DAYS, WINDOW_DAYS, is_night, is_weekend

Json = dict[str, Any]

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
REQUIRED = ("transaction_id", "customer_id", "terminal_id", "tx_amount", "tx_time_seconds")
THRESHOLDS = {"medium": 0.3, "high": 0.7, "decision": 0.5}

# Features that are made from another field; every other feature copies the field of its own name in lower case.
DERIVED_FEATURES = {
    "TX_DURING_WEEKEND": {"weekend": "tx_time_seconds"},
    "TX_DURING_NIGHT": {"night": "tx_time_seconds"},
}

# The transforms that the server knows, from the value of a field to the value of a feature.
TRANSFORMS: Mapping[str, Callable[[Any], float]] = {
    "from": float,
    "weekend": lambda unix_seconds: float(is_weekend(unix_seconds)),
    "night": lambda unix_seconds: float(is_night(unix_seconds)),
}

COLUMN_TRANSFORMS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"weekend": is_weekend, "night": is_night}

_RAW_PROPERTIES: Json = {
    "transaction_id": {
        "type": "string",
        "description": "The caller's name of the transaction; the reply repeats it.",
        "examples": ["tx-974581"],
    },
    "customer_id": {
        "type": "integer",
        "exclusiveMinimum": 0,
        "description": "The customer, that is, the card.",
        "examples": [597],
    },
    "terminal_id": {
        "type": "integer",
        "exclusiveMinimum": 0,
        "description": "The terminal at which the card pays.",
        "examples": [3157],
    },
    "tx_amount": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "Amount of the transaction.",
        "examples": [57.16],
    },
    "tx_time_seconds": {
        "type": "integer",
        "minimum": 0,
        "description": "Unix time of the transaction: seconds since 1970-01-01 00:00:00 UTC. "
        "The weekend and the night that the model sees are those of UTC.",
        "examples": [1533720612],
    },
    "tx_time_days": {
        "type": ["integer", "null"],
        "minimum": 0,
        "description": "Day number of the transaction since the first day of the caller's data. Accepted, not a feature.",
        "examples": [129],
    },
    "tx_fraud_scenario": {
        "type": ["integer", "null"],
        "minimum": 0,
        "description": "Accepted and ignored: it is the label, and never a feature.",
        "examples": [0],
    },
}


def build_contract(name: str, version: str, model: Json | None = None) -> Json:
    """The contract of a model that was trained on the Handbook's features.

    `model` holds what `x-rowan` says of the model file; without it, the file is a booster of XGBoost.
    """
    return {
        "$schema": SCHEMA_DIALECT,
        "title": "Transaction",
        "description": "A card transaction to score. A field that is absent or null is missing; "
        "the window fields are optional, and the score is better with them.",
        "type": "object",
        "required": list(REQUIRED),
        "properties": {**_RAW_PROPERTIES, **_window_properties()},
        "x-rowan": {
            "model": name,
            "version": version,
            **(model or {"type": "XGBoost", "model_file": "model.ubj"}),
            "id": "transaction_id",
            "features": [_feature_entry(feature) for feature in FEATURES],
            "positive_class": 1,
            "thresholds": THRESHOLDS,
        },
    }


def request_row(contract: Json, request: Json) -> np.ndarray:
    """The model's inputs for a request, float32 `[n_features]`; a field that is absent or null gives NaN."""
    return np.array([_feature_value(entry, request) for entry in contract["x-rowan"]["features"]], np.float32)


def request_frame_inputs(contract: Json, requests: pd.DataFrame) -> pd.DataFrame:
    """The model's inputs for a frame of requests, float64; an absent column is missing, and so is an empty cell."""
    return pd.DataFrame(
        {entry["name"]: _feature_column(entry, requests) for entry in contract["x-rowan"]["features"]},
        index=requests.index,
    )


def _feature_column(entry: Json, requests: pd.DataFrame) -> np.ndarray:
    transform = next(key for key in entry if key in TRANSFORMS)
    if entry[transform] not in requests:
        return np.full(len(requests), np.nan)
    values = requests[entry[transform]].to_numpy(np.float64)
    given = ~np.isnan(values)
    made = np.full(len(values), np.nan)
    made[given] = values[given] if transform == "from" else COLUMN_TRANSFORMS[transform](values[given].astype(np.int64))
    return made


def _feature_entry(feature: str) -> Json:
    return {"name": feature, **DERIVED_FEATURES.get(feature, {"from": feature.lower()})}


def _feature_value(entry: Json, request: Json) -> float:
    transform = next(key for key in entry if key in TRANSFORMS)
    value = request.get(entry[transform])
    return np.nan if value is None else TRANSFORMS[transform](value)


def _window_properties() -> Json:
    customer, terminal = {}, {}
    for days in WINDOW_DAYS:
        recent = f"the last {_days(days)}"
        customer[f"customer_id_nb_tx_{days}day_window"] = _window(
            f"Number of the customer's transactions in {recent}, this one included.", 2 * days
        )
        customer[f"customer_id_avg_amount_{days}day_window"] = _window(
            f"Mean amount of the customer's transactions in {recent}, this one included.", 61.4025
        )
        # Labels younger than the delay are unknown, so the terminal's windows end where the delay begins.
        labelled = f"the {_days(days)} that ended {LABEL_DELAY_DAYS} days before this transaction"
        terminal[f"terminal_id_nb_tx_{days}day_window"] = _window(
            f"Number of the terminal's transactions in {labelled}.", days
        )
        terminal[f"terminal_id_risk_{days}day_window"] = _window(
            f"Share of frauds among the terminal's transactions in {labelled}; 0 if it had none.", 0.0, maximum=1
        )
    return {**customer, **terminal}


def _days(count: int) -> str:
    return "day" if count == 1 else f"{count} days"


def _window(description: str, example: float, **limits: float) -> Json:
    return {"type": ["number", "null"], "minimum": 0, **limits, "description": description, "examples": [example]}
