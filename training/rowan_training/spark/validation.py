"""The checks of rowan_training.data.schema on Spark: the same limits, the same words, and no row is dropped."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from rowan_training.data.columns import CANONICAL, DataError
from rowan_training.data.schema import EARLIEST, LARGEST_ID, LATEST, REMEDIES, SHOWN

_ID = "TRANSACTION_ID"
MOST_SCENARIOS = 1_000


def check(frame: DataFrame) -> None:
    """Raises `DataError` with the columns, ids and values that are wrong."""
    rules = _rules(frame)
    counted = frame.agg(*(F.count_if(wrong).alias(str(n)) for n, (_, _, wrong) in enumerate(rules))).first()
    assert counted is not None
    broken = [(*rule, counted[str(n)]) for n, rule in enumerate(rules) if counted[str(n)]]
    found = [text for rule in broken for text in _examples(frame, *rule[:3])]
    total = sum(rule[3] for rule in broken)
    twice = frame.groupBy(_ID).count().where("count > 1").orderBy(_ID).limit(SHOWN).collect()
    found += [f"column {_ID}: {row[_ID]} {REMEDIES['field_uniqueness']}" for row in twice]
    total += len(twice)
    if found:
        more = total - len(found[:SHOWN])
        raise DataError("; ".join(found[:SHOWN]) + (f"; and {more} more" if more > 0 else ""))
    if frame.where("TX_FRAUD = 1").isEmpty():
        n = frame.count()
        raise DataError(f"column TX_FRAUD: none of the {n} rows is a fraud: nothing can be learned from them")


def _rules(frame: DataFrame) -> list[tuple[str, str, Column]]:
    """Column, name of the remedy, and where it is wrong."""
    time, amount = F.col("TX_DATETIME"), F.col("TX_AMOUNT")
    needed = [name for name in (*CANONICAL, "TX_FRAUD_SCENARIO") if name in frame.columns]
    rules = [(name, "not_nullable", F.col(name).isNull()) for name in needed if not name.startswith("TX_TIME")]
    too_early, too_late = time < F.lit(EARLIEST.isoformat()), time >= F.lit(LATEST.isoformat())
    rules.append(("TX_DATETIME", "is_in_time", too_early | too_late))
    rules += [(name, "is_id", ~F.col(name).between(0, LARGEST_ID)) for name in ("CUSTOMER_ID", "TERMINAL_ID")]
    # Spark's NaN is above every number, infinity too.
    rules.append(("TX_AMOUNT", "is_amount", ~((amount >= 0) & (amount < F.lit(float("inf"))))))
    rules.append(("TX_FRAUD", "is_label", ~F.col("TX_FRAUD").isin(0, 1)))
    if "TX_FRAUD_SCENARIO" in frame.columns:
        rules.append(("TX_FRAUD_SCENARIO", "is_scenario", ~F.col("TX_FRAUD_SCENARIO").between(0, MOST_SCENARIOS)))
    return rules


def _examples(frame: DataFrame, column: str, remedy: str, wrong: Column) -> list[str]:
    rows = frame.where(wrong).select(_ID, F.col(column).cast("string").alias("value")).orderBy(_ID).limit(SHOWN)
    texts = []
    for row in rows.collect():
        of = "" if column == _ID else f" (TRANSACTION_ID {row[_ID]})"
        value = "an empty value" if row["value"] is None else row["value"][:60]
        texts.append(f"column {column}{of}: {value} {REMEDIES[remedy]}")
    return texts
