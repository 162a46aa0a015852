"""The training and the test week of rowan_training.split, on Spark: the same rows, cards of known frauds left out."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from rowan_training.features import LABEL_DELAY_DAYS
from rowan_training.simulator import SECONDS_PER_DAY
from rowan_training.spark.features import UNIX
from rowan_training.split import SplitError, Weeks, day_number

_KNOWN_FROM = "rowan_known_from"


@dataclass(frozen=True)
class SparkSplit:
    """`week` are all transactions of the test days, `blocked` those of cards with a fraud that is known by then."""

    train: DataFrame
    week: DataFrame
    test: DataFrame
    blocked: DataFrame


def split_by(transactions: DataFrame, weeks: Weeks) -> SparkSplit:
    """Needs the columns CUSTOMER_ID, TX_FRAUD and UNIX; the columns stay as they are."""
    train = transactions.where(within(weeks.train_start, weeks.train_end))
    week = transactions.where(within(weeks.test_start, weeks.test_end))
    known = F.broadcast(_known_cards(transactions, weeks))
    with_known = week.join(known, "CUSTOMER_ID", "left").select(*transactions.columns, _KNOWN_FROM)
    is_blocked = F.coalesce(_day() >= F.col(_KNOWN_FROM), F.lit(False))
    return SparkSplit(
        train=train,
        week=week,
        test=with_known.where(~is_blocked).drop(_KNOWN_FROM),
        blocked=with_known.where(is_blocked).drop(_KNOWN_FROM),
    )


def within(first_day: date, last_day: date) -> Column:
    """Of these days, both included, UTC."""
    return _day().between(day_number(first_day), day_number(last_day))


def counted(split: SparkSplit) -> dict[str, tuple[int, int]]:
    """Rows and frauds of "train", "test" and "blocked".

    A split that loses frauds, or has none to learn from or to find, gives figures that mean nothing: it is refused.
    """
    names = ("train", "test", "blocked")
    parts = [getattr(split, name).select("TX_FRAUD", F.lit(name).alias("part")) for name in names]
    whole = parts[0].unionByName(parts[1]).unionByName(parts[2]).groupBy("part")
    rows = whole.agg(F.count(F.lit(1)).alias("rows"), F.sum("TX_FRAUD").alias("frauds")).collect()
    found = {name: (0, 0) for name in names}
    found |= {row["part"]: (int(row["rows"]), int(row["frauds"])) for row in rows}
    in_week = counts(split.week)[1]
    kept = found["test"][1] + found["blocked"][1]
    if kept != in_week:
        raise RuntimeError(f"the split kept {kept} of the {in_week} frauds of the test week")
    for name, text in (("train", "training"), ("test", "test")):
        if not found[name][1]:
            raise SplitError(f"no fraud among the {found[name][0]} {text} rows: choose another training start")
    return found


def _known_cards(transactions: DataFrame, weeks: Weeks) -> DataFrame:
    """From which day on a card is blocked. Training frauds are known from the start, later ones after the delay."""
    first, last = day_number(weeks.test_start), day_number(weeks.test_end)
    known = _day() + LABEL_DELAY_DAYS + 1
    learned = F.when(within(weeks.train_start, weeks.train_end), F.lit(first))
    later = F.when(known.between(first, last), known)
    frauds = transactions.where("TX_FRAUD = 1").select("CUSTOMER_ID", F.least(learned, later).alias(_KNOWN_FROM))
    return frauds.groupBy("CUSTOMER_ID").agg(F.min(_KNOWN_FROM).alias(_KNOWN_FROM)).where(f"{_KNOWN_FROM} is not null")


def _day() -> Column:
    return F.floor(F.col(UNIX) / SECONDS_PER_DAY)


def counts(frame: DataFrame) -> tuple[int, int]:
    """Rows and frauds."""
    row = frame.agg(F.count(F.lit(1)).alias("rows"), F.coalesce(F.sum("TX_FRAUD"), F.lit(0)).alias("frauds")).first()
    assert row is not None
    return int(row["rows"]), int(row["frauds"])
