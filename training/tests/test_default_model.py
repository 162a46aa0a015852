from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rowan_training import missing
from rowan_training.__main__ import main
from rowan_training.booster import split_thresholds
from rowan_training.card import model_card
from rowan_training.contract import build_contract
from rowan_training.evaluation import evaluate, train_on
from rowan_training.features import FEATURES, feature_matrix
from rowan_training.golden import golden_lines
from rowan_training.quality import book_groups, measure_all, quality_table, starts_of
from rowan_training.split import BOOK_TRAIN_START, FURTHER_TRAIN_STARTS, split_from


def test_training_twice_gives_the_same_bytes(small_transactions: pd.DataFrame, small_features: pd.DataFrame) -> None:
    split = split_from(small_transactions)
    first, second = (train_on(small_transactions, small_features, split, learn_missing=True) for _ in range(2))
    assert first.save_raw("ubj") == second.save_raw("ubj")
    contract = build_contract("fraud", "1.0.0")
    # The small world has too few frauds in its test week: choose golden rows from all its transactions.
    lines = [golden_lines(booster, contract, small_transactions, small_features) for booster in (first, second)]
    assert lines[0] == lines[1]


def test_copies_of_missing_windows_lose_no_row_and_no_fraud(
    small_transactions: pd.DataFrame, small_features: pd.DataFrame
) -> None:
    matrix, labels = feature_matrix(small_features), small_transactions["TX_FRAUD"].to_numpy()
    rows, copied_labels, weights = missing.with_missing_copies(matrix, labels)
    assert len(rows) == len(copied_labels) == len(weights) == 4 * len(matrix)
    assert copied_labels.sum() == 4 * labels.sum()
    np.testing.assert_array_equal(rows[: len(matrix)], matrix)
    assert np.isnan(rows).sum() == (6 + 6 + 12) * len(matrix)


def test_thresholds_are_those_of_the_trees(small_transactions: pd.DataFrame, small_features: pd.DataFrame) -> None:
    booster = train_on(small_transactions, small_features, split_from(small_transactions), learn_missing=False)
    table = booster.trees_to_dataframe()
    expected = np.unique(table.loc[table["Feature"] == FEATURES[0], "Split"].to_numpy(np.float32))
    np.testing.assert_array_equal(split_thresholds(booster, FEATURES[0]), expected)


def test_model_card_reports_every_split_and_every_kind_of_request(
    small_transactions: pd.DataFrame, small_features: pd.DataFrame
) -> None:
    starts = (BOOK_TRAIN_START, *FURTHER_TRAIN_STARTS)
    results = [
        result
        for learn_missing in (False, True)
        for result in evaluate(small_transactions, small_features, starts, learn_missing)
    ]
    # The small world is too short for the later weeks: its first one stands in their place.
    days = starts_of(book_groups())
    short = measure_all(small_transactions, days[:1], ["xgboost"])
    measured = [replace(one, train_start=day) for one in short for day in days]
    card = model_card("fraud", "1.0.0", results, measured)
    for text in (
        *starts,
        *missing.CASES,
        "AUC ROC",
        "What it must not be used for",
        quality_table(measured, book_groups()),
    ):
        assert text in card


def test_command_line_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_status:
        main(["default-model", "--help"])
    assert exit_status.value.code == 0
    assert "--out DIR" in capsys.readouterr().out


def test_command_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_status:
        main([])
    assert exit_status.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
