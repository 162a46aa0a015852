"""Golden rows: requests with the very probabilities that XGBoost gives for them.

Rowan serves a model only if it reproduces all of them, so they must reach the places where an engine can go wrong: every
kind of fraud, missing fields, amounts exactly on a threshold and one float below, and the edges of night and weekend.
"""

import json
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import xgboost

from rowan_training.booster import fraud_probabilities, split_thresholds
from rowan_training.contract import Json, request_row
from rowan_training.features import WINDOW_FEATURES
from rowan_training.simulator import START_UNIX_SECONDS

ROWS = 1_000
FRAUDS_PER_SCENARIO = 100
SEED = 0

# Every so many rows get a boundary value; the steps share no factor with the number of variants nor with each other, so
# that each boundary meets each variant.
AMOUNT_BOUNDARY_STEP = 5
TIME_BOUNDARY_STEP = 11

BOUNDARY_TIMES = tuple(
    int(pd.Timestamp(text, tz="UTC").timestamp())
    for text in (
        "2018-08-09 00:00:00",  # the night begins
        "2018-08-09 06:59:59",  # and ends
        "2018-08-09 07:00:00",
        "2018-08-10 23:59:59",  # Friday
        "2018-08-11 00:00:00",  # Saturday
        "2018-08-12 23:59:59",  # Sunday
        "2018-08-13 00:00:00",  # Monday
    )
)

Variant = Callable[[Json, int], Json]


def golden_lines(
    booster: xgboost.Booster, contract: Json, transactions: pd.DataFrame, features: pd.DataFrame
) -> list[str]:
    """One JSON text a row. `transactions` (those to choose from) and `features` have the same index."""
    chosen = _choose(transactions)
    requests = [
        _request(transaction, values)
        for transaction, values in zip(
            transactions.loc[chosen].to_dict("records"), features.loc[chosen].to_dict("records")
        )
    ]
    _put_on_boundaries(requests, split_thresholds(booster, "TX_AMOUNT"))
    requests = [_VARIANTS[index % len(_VARIANTS)](request, index) for index, request in enumerate(requests)]
    probabilities = score_requests(booster, contract, requests)
    return [_line(request, probability) for request, probability in zip(requests, probabilities)]


def score_requests(booster: xgboost.Booster, contract: Json, requests: Iterable[Json]) -> np.ndarray:
    """XGBoost's float32 probabilities for requests as the contract decodes them."""
    return fraud_probabilities(booster, np.stack([request_row(contract, request) for request in requests]))


def _choose(transactions: pd.DataFrame) -> np.ndarray:
    """Index of the rows: up to `FRAUDS_PER_SCENARIO` of each kind of fraud, genuine ones for the rest, shuffled."""
    numbers = np.random.RandomState(SEED)
    scenarios = transactions["TX_FRAUD_SCENARIO"]
    chosen: list[int] = []
    for scenario in (1, 2, 3):
        frauds = transactions.index[scenarios == scenario]
        chosen.extend(numbers.choice(frauds, min(FRAUDS_PER_SCENARIO, len(frauds)), replace=False))
    chosen.extend(numbers.choice(transactions.index[scenarios == 0], ROWS - len(chosen), replace=False))
    return numbers.permutation(chosen)


def _request(transaction: Json, values: Json) -> Json:
    """A request as a client would write it. The contract wants positive ids; the simulator counts from 0."""
    return {
        "transaction_id": f"tx-{transaction['TRANSACTION_ID']}",
        "customer_id": transaction["CUSTOMER_ID"] + 1,
        "terminal_id": transaction["TERMINAL_ID"] + 1,
        "tx_amount": round(transaction["TX_AMOUNT"], 2),
        "tx_time_seconds": transaction["TX_TIME_SECONDS"] + START_UNIX_SECONDS,
        "tx_time_days": transaction["TX_TIME_DAYS"],
        "tx_fraud_scenario": transaction["TX_FRAUD_SCENARIO"],
        **{name.lower(): _short(values[name]) for name in WINDOW_FEATURES},
    }


def _short(value: float) -> int | float:
    """Four decimals, as clients send; whole numbers without a decimal point."""
    rounded = round(value, 4)
    return int(rounded) if rounded.is_integer() else rounded


def _put_on_boundaries(requests: list[Json], thresholds: np.ndarray) -> None:
    """Writes amounts on and just below the model's thresholds, and the edges of night and weekend, into some rows."""
    amounts = [value for threshold in thresholds for value in (threshold, np.nextafter(threshold, np.float32(0)))]
    for count, request in enumerate(requests[::AMOUNT_BOUNDARY_STEP]):
        request["tx_amount"] = float(amounts[count % len(amounts)])
    for count, request in enumerate(requests[::TIME_BOUNDARY_STEP]):
        request["tx_time_seconds"] = BOUNDARY_TIMES[count % len(BOUNDARY_TIMES)]


def _full(request: Json, index: int) -> Json:
    return request


def _raw_fields_only(request: Json, index: int) -> Json:
    """What a caller without a feature store sends; the optional raw fields are absent too."""
    optional = {name.lower() for name in WINDOW_FEATURES} | {"tx_time_days", "tx_fraud_scenario"}
    return {name: value for name, value in request.items() if name not in optional}


def _one_null(request: Json, index: int) -> Json:
    return {**request, _window_field(index): None}


def _one_absent(request: Json, index: int) -> Json:
    return {name: value for name, value in request.items() if name != _window_field(index)}


_VARIANTS: tuple[Variant, ...] = (_raw_fields_only, _full, _one_null, _raw_fields_only, _full, _one_absent)


def _window_field(index: int) -> str:
    # Rows of one variant are len(_VARIANTS) apart: divided by that, they go through all the fields.
    return WINDOW_FEATURES[index // len(_VARIANTS) % len(WINDOW_FEATURES)].lower()


def _line(request: Json, probability: np.float32) -> str:
    # The shortest text that reads back as the same float32.
    row = {"request": request, "fraud_probability": float(str(probability))}
    return json.dumps(row, separators=(",", ":"), allow_nan=False)
