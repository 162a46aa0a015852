"""Builds the model directory that Rowan ships: the Handbook's data, features and split, and one XGBoost model.

Building twice gives the same bytes: every seed is fixed, one thread trains, and nothing holds a date of today.
"""

import json
import logging
from pathlib import Path

import pandas as pd

from rowan_training.card import model_card
from rowan_training.contract import Json, build_contract
from rowan_training.evaluation import evaluate, train_on
from rowan_training.features import book_features
from rowan_training.golden import golden_lines
from rowan_training.quality import book_groups, measure_all, starts_of
from rowan_training.simulator import simulate_book
from rowan_training.split import BOOK_TRAIN_START, FURTHER_TRAIN_STARTS, split_from

MODEL_NAME = "fraud"
MODEL_VERSION = "1.0.0"

log = logging.getLogger(__name__)


def build_default_model(out: Path) -> None:
    """Writes model.ubj, contract.json, golden.jsonl and README.md into `out`, which is made if it does not exist."""
    log.info("simulating the Handbook's transactions")
    transactions = simulate_book()
    log.info("computing features of %d transactions, %d of them frauds", len(transactions), transactions.TX_FRAUD.sum())
    features = book_features(transactions)
    contract = build_contract(MODEL_NAME, MODEL_VERSION)
    out.mkdir(parents=True, exist_ok=True)
    _write_model(out, contract, transactions, features)
    _write_card(out, transactions, features)
    log.info("wrote %s", out)


def _write_model(out: Path, contract: Json, transactions: pd.DataFrame, features: pd.DataFrame) -> None:
    log.info("training on the week from %s", BOOK_TRAIN_START)
    split = split_from(transactions, BOOK_TRAIN_START)
    booster = train_on(transactions, features, split, learn_missing=True)
    golden = golden_lines(booster, contract, transactions[split.test], features[split.test])
    booster.save_model(out / contract["x-rowan"]["model_file"])
    _write_text(out / "contract.json", json.dumps(contract, indent=2) + "\n")
    _write_text(out / "golden.jsonl", "\n".join(golden) + "\n")


def _write_card(out: Path, transactions: pd.DataFrame, features: pd.DataFrame) -> None:
    results = []
    for learn_missing in (False, True):
        log.info("evaluating on four split dates, %s copies of missing windows", "with" if learn_missing else "without")
        train_starts = (BOOK_TRAIN_START, *FURTHER_TRAIN_STARTS)
        results += evaluate(transactions, features, train_starts, learn_missing)
    log.info("measuring other models and more features")
    measured = measure_all(transactions, starts_of(book_groups()))
    _write_text(out / "README.md", model_card(MODEL_NAME, MODEL_VERSION, results, measured))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
