"""The training and the test week of rowan_training.split, on Spark: the same rows, cards of known frauds left out."""

from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from rowan_training.features import LABEL_DELAY_DAYS
from rowan_training.simulator import SECONDS_PER_DAY
from rowan_training.spark.features import UNIX
from rowan_training.split import TEST_DAYS, TRAIN_DAYS

_KNOWN_FROM = "rowan_known_from"


@dataclass(frozen=True)
class SparkSplit:
    """`blocked` are the test week's transactions of cards with a fraud that is known by then."""

    train: DataFrame
    test: DataFrame
    blocked: DataFrame


def split_from(transactions: DataFrame, train_start: date, train_days: int = TRAIN_DAYS) -> SparkSplit:
    """Rows of the split whose training days begin on `train_start`; the columns stay as they are."""
    first_test_day = train_start + timedelta(days=train_days + LABEL_DELAY_DAYS)
    train = transactions.where(within(train_start, train_days))
    week = transactions.where(within(first_test_day, TEST_DAYS))
    known = _known_cards(transactions, train_start, train_days, first_test_day)
    with_known = week.join(F.broadcast(known), "CUSTOMER_ID", "left").select(*transactions.columns, _KNOWN_FROM)
    is_blocked = F.coalesce(_day() >= F.col(_KNOWN_FROM), F.lit(False))
    split = SparkSplit(
        train=train,
        test=with_known.where(~is_blocked).drop(_KNOWN_FROM),
        blocked=with_known.where(is_blocked).drop(_KNOWN_FROM),
    )
    _check_complete(split, week)
    return split


def within(first_day: date, n_days: int) -> Column:
    """Of the `n_days` days from `first_day` on, UTC."""
    first = _number(first_day)
    return (_day() >= first) & (_day() < first + n_days)


def _known_cards(transactions: DataFrame, train_start: date, train_days: int, first_test_day: date) -> DataFrame:
    """From which day on a card is blocked. Frauds of the training are known from the start, later ones after the delay."""
    first = _number(first_test_day)
    newly = LABEL_DELAY_DAYS + 1
    learned = F.when(within(train_start, train_days), F.lit(first))
    later = F.when((_day() + newly >= first) & (_day() + newly < first + TEST_DAYS), _day() + newly)
    frauds = transactions.where(F.col("TX_FRAUD") == 1).select("CUSTOMER_ID", F.least(learned, later).alias(_KNOWN_FROM))
    return frauds.where(F.col(_KNOWN_FROM).isNotNull()).groupBy("CUSTOMER_ID").agg(F.min(_KNOWN_FROM).alias(_KNOWN_FROM))


def _day() -> Column:
    return F.floor(F.col(UNIX) / SECONDS_PER_DAY)


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _check_complete(split: SparkSplit, week: DataFrame) -> None:
    """A split that loses frauds, or has none to learn from or to find, gives figures that mean nothing."""
    rows = {name: counts(frame) for name, frame in (("training", split.train), ("test", split.test))}
    in_week, blocked = counts(week)[1], counts(split.blocked)[1]
    if rows["test"][1] + blocked != in_week:
        raise RuntimeError(f"the split kept {rows['test'][1] + blocked} of the {in_week} frauds of the test week")
    for name, (n, frauds) in rows.items():
        if not frauds:
            raise ValueError(f"no fraud among the {n} {name} rows: choose another training start")


def counts(frame: DataFrame) -> tuple[int, int]:
    """Rows and frauds."""
    row = frame.agg(F.count(F.lit(1)).alias("rows"), F.coalesce(F.sum("TX_FRAUD"), F.lit(0)).alias("frauds")).first()
    assert row is not None
    return int(row["rows"]), int(row["frauds"])
