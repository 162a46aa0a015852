"""Golden rows: requests with the very probabilities that the training library gives for them.

Rowan serves a model only if it reproduces all of them, so they must reach the places where an engine can go wrong: every
kind of fraud, missing fields, amounts exactly on a threshold and one float below, and the edges of night and weekend.
"""

import json
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
import xgboost

from rowan_training.booster import fraud_probabilities, split_thresholds
from rowan_training.contract import Json, request_row
from rowan_training.features import WINDOW_FEATURES

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
Scores = Callable[[list[Json]], np.ndarray]


def golden_lines(
    booster: xgboost.Booster, contract: Json, transactions: pd.DataFrame, features: pd.DataFrame
) -> list[str]:
    """Golden rows of a booster. `transactions` (those to choose from) and `features` have the same index."""
    thresholds = split_thresholds(booster, "TX_AMOUNT")
    amounts = [float(value) for limit in thresholds for value in (limit, np.nextafter(limit, np.float32(0)))]
    return lines_of(lambda requests: score_requests(booster, contract, requests), amounts, transactions, features)


def lines_of(scores: Scores, amounts: Sequence[float], transactions: pd.DataFrame, features: pd.DataFrame) -> list[str]:
    """One JSON text a row. `amounts` are those at which the model's answer turns; `scores` ask the library itself."""
    chosen = _choose(transactions)
    requests = [
        _request(transaction, values)
        for transaction, values in zip(
            transactions.loc[chosen].to_dict("records"), features.loc[chosen].to_dict("records")
        )
    ]
    _put_on_boundaries(requests, amounts)
    requests = [_VARIANTS[index % len(_VARIANTS)](request, index) for index, request in enumerate(requests)]
    return [_line(request, probability) for request, probability in zip(requests, scores(requests))]


def score_requests(booster: xgboost.Booster, contract: Json, requests: Iterable[Json]) -> np.ndarray:
    """XGBoost's float32 probabilities for requests as the contract decodes them."""
    return fraud_probabilities(booster, np.stack([request_row(contract, request) for request in requests]))


def _choose(transactions: pd.DataFrame) -> np.ndarray:
    """Index of the rows: up to `FRAUDS_PER_SCENARIO` of each kind of fraud, genuine ones for the rest, shuffled."""
    numbers = np.random.RandomState(SEED)
    kinds = transactions.get("TX_FRAUD_SCENARIO", transactions["TX_FRAUD"]).to_numpy()
    frauds = transactions["TX_FRAUD"].to_numpy() == 1
    chosen: list[int] = []
    for kind in np.unique(kinds[frauds]):
        of_kind = transactions.index[frauds & (kinds == kind)]
        chosen.extend(numbers.choice(of_kind, min(FRAUDS_PER_SCENARIO, len(of_kind)), replace=False))
    genuine = transactions.index[~frauds]
    chosen.extend(numbers.choice(genuine, min(ROWS - len(chosen), len(genuine)), replace=False))
    return numbers.permutation(chosen)


def _request(transaction: Json, values: Json) -> Json:
    """A request as a client would write it. The contract wants positive ids; the simulator counts from 0."""
    return {
        "transaction_id": f"tx-{transaction['TRANSACTION_ID']}",
        "customer_id": transaction["CUSTOMER_ID"] + 1,
        "terminal_id": transaction["TERMINAL_ID"] + 1,
        "tx_amount": round(transaction["TX_AMOUNT"], 2),
        "tx_time_seconds": int(transaction["TX_DATETIME"].timestamp()),
        "tx_time_days": transaction["TX_TIME_DAYS"],
        "tx_fraud_scenario": transaction.get("TX_FRAUD_SCENARIO"),
        **{name.lower(): _short(values[name]) for name in WINDOW_FEATURES},
    }


def _short(value: float) -> int | float:
    """Four decimals, as clients send; whole numbers without a decimal point."""
    rounded = round(value, 4)
    return int(rounded) if rounded.is_integer() else rounded


def _put_on_boundaries(requests: list[Json], amounts: Sequence[float]) -> None:
    """Writes amounts at which the model's answer turns, and the edges of night and weekend, into some rows."""
    changed = requests[::AMOUNT_BOUNDARY_STEP]
    # A stride through all of them: the smallest thresholds are no more interesting than the others.
    stride = max(1, len(amounts) // len(changed))
    for count, request in enumerate(changed if len(amounts) else []):
        request["tx_amount"] = amounts[count * stride % len(amounts)]
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
