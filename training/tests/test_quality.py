"""The table of quality, on a small world: which models and features stand in it, and that its figures are theirs."""

from datetime import date

import pandas as pd
import pytest

from rowan_training.__main__ import main
from rowan_training.booster import fraud_probabilities
from rowan_training.evaluation import train_on
from rowan_training.features import FEATURES, book_features, feature_matrix
from rowan_training.metrics import measure
from rowan_training.quality import (
    BOOK,
    EXTRA,
    LABELS,
    LATER_TRAIN_STARTS,
    PERFECT,
    TUNING_TRAIN_STARTS,
    Measured,
    book_groups,
    last_groups,
    measure_all,
    quality_table,
    starts_of,
)
from rowan_training.split import BOOK_TRAIN_START, DELAYED, FURTHER_TRAIN_STARTS, Weeks, split_by, split_from

STARTS = (date(2018, 7, 25), date(2018, 7, 18))


@pytest.fixture(scope="module")
def measured(small_transactions: pd.DataFrame) -> list[Measured]:
    return measure_all(small_transactions, STARTS, ["xgboost", "lightgbm"])


def test_every_model_is_measured_with_both_sets_on_every_split(measured: list[Measured]) -> None:
    kinds = {(one.model, one.features, one.train_start) for one in measured}
    assert len(kinds) == len(measured) == 2 * 2 * 2 + 2
    assert {one.features for one in measured} == {BOOK, EXTRA, LABELS}


def test_no_model_is_better_than_the_labels(measured: list[Measured]) -> None:
    for one in measured:
        (best,) = [
            other.quality for other in measured if (other.model, other.train_start) == (PERFECT, one.train_start)
        ]
        assert (best.auc_roc, best.average_precision) == (1, 1)
        assert one.quality.card_precision <= best.card_precision < 1


def test_figures_of_the_books_features_are_those_of_the_default_booster(
    measured: list[Measured], small_transactions: pd.DataFrame, small_features: pd.DataFrame
) -> None:
    split = split_from(small_transactions, "2018-07-25")
    booster = train_on(small_transactions, small_features, split, learn_missing=False)
    expected = measure(
        small_transactions[split.test], fraud_probabilities(booster, feature_matrix(small_features[split.test]))
    )
    (found,) = [
        one.quality for one in measured if (one.model, one.features, one.train_start) == ("xgboost", BOOK, STARTS[0])
    ]
    assert found == expected


def test_the_table_holds_each_figure(measured: list[Measured]) -> None:
    table = quality_table(measured, {"first": STARTS[:1], "both": STARTS}).splitlines()
    assert table[0] == "| features | model | first | both |"
    assert len(table) == 2 + 4 + 1
    for features, model in {(one.features, one.model) for one in measured}:
        found = [one.quality.auc_roc for one in measured if (one.features, one.model) == (features, model)]
        (row,) = [line for line in table if line.startswith(f"| {features} | {model} |")]
        first, both = (cell.split(" / ")[0].strip() for cell in row.split("|")[3:5])
        assert float(first) == pytest.approx(found[0], abs=0.0006)
        average, spread = (float(text) for text in both.split(" ± "))
        assert average == pytest.approx(sum(found) / 2, abs=0.0006)
        assert spread == pytest.approx(abs(found[0] - found[1]) / 2**0.5, abs=0.0006)


def test_no_reported_test_week_was_looked_at_in_tuning() -> None:
    tuned = {Weeks(date.fromisoformat(day)).test_end for day in TUNING_TRAIN_STARTS}
    assert max(tuned) < min(Weeks(start).test_start for start in starts_of(book_groups()))
    looked_at = {Weeks(date.fromisoformat(day)).test_end for day in (BOOK_TRAIN_START, *FURTHER_TRAIN_STARTS)}
    assert max(looked_at) < min(Weeks(date.fromisoformat(day)).test_start for day in LATER_TRAIN_STARTS)


def test_any_data_are_split_into_their_last_full_weeks(small_transactions: pd.DataFrame) -> None:
    early = small_transactions[small_transactions["TX_DATETIME"] < "2018-08-20 09:00:00"]
    starts = starts_of(last_groups(early, 3))
    assert [Weeks(start).test_end.isoformat() for start in starts] == ["2018-08-19", "2018-08-12", "2018-08-05"]
    assert starts_of(last_groups(early, 2, DELAYED)) == starts[1:]
    for start in starts:
        split = split_by(small_transactions, Weeks(start))
        assert split.train.any() and split.test.any()


def test_the_command_prints_the_table(
    small_transactions: pd.DataFrame, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"{tmp_path}/data.parquet"
    small_transactions[small_transactions["TX_DATETIME"] >= "2018-06-01"].to_parquet(path, index=False)
    assert main(["quality", "--data", path, "--splits", "1", "--model", "xgboost"]) == 0
    assert capsys.readouterr().out.count("\n| ") == 1 + 2 + 1


def test_book_features_are_still_the_fifteen(small_transactions: pd.DataFrame) -> None:
    assert list(book_features(small_transactions.head(50))) == list(FEATURES)
