"""The Handbook's fifteen features in windows of Spark SQL, equal to rowan_training.features.book_features bit for bit.

Counts, cents and frauds are whole numbers, so that sums do not depend on the order in which machines add them; each
mean and share is one division of two whole numbers, as in pandas. No window slides: a window of time is what was up to
its end, less what was up to its beginning, so that a busy terminal costs no more than its rows.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from rowan_training.features import (
    FEATURES,
    LABEL_DELAY_DAYS,
    LAST_NIGHT_HOUR,
    SATURDAY,
    WINDOW_DAYS,
)
from rowan_training.simulator import SECONDS_PER_DAY

# Names of our own, which no data has.
UNIX = "rowan_unix_seconds"
CENTS = "rowan_cents"


def book_features(transactions: DataFrame) -> DataFrame:
    """`transactions` with the columns FEATURES beside its own.

    Needs TRANSACTION_ID, CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT, TX_TIME_SECONDS, TX_FRAUD, and UNIX of reading.py.
    """
    frame = transactions.withColumn("TX_AMOUNT", F.col("TX_AMOUNT").cast("double"))
    frame = frame.withColumn(CENTS, F.rint(F.col("TX_AMOUNT") * 100).cast("long"))
    frame = _customer_windows(frame)
    frame = _terminal_windows(frame)
    frame = frame.withColumns({"TX_DURING_WEEKEND": _is_weekend(), "TX_DURING_NIGHT": _is_night()})
    return frame.select(*transactions.columns, *(name for name in FEATURES if name not in transactions.columns))


def _is_weekend() -> Column:
    day = F.floor(F.col(UNIX) / SECONDS_PER_DAY)
    return (F.pmod(day + 3, F.lit(7)) >= SATURDAY).cast("double")


def _is_night() -> Column:
    second = F.pmod(F.col(UNIX), F.lit(SECONDS_PER_DAY))
    return (F.floor(second / 3600) <= LAST_NIGHT_HOUR).cast("double")


def _customer_windows(frame: DataFrame) -> DataFrame:
    """Count and mean amount over (now - days, now]; of one second, the rows up to this one by their ids."""
    history = Window.partitionBy("CUSTOMER_ID").orderBy("TX_TIME_SECONDS", "TRANSACTION_ID")
    so_far = history.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    frame = frame.withColumns({"c_n": F.count(F.lit(1)).over(so_far), "c_cents": F.sum(CENTS).over(so_far)})
    older = {}
    for days in WINDOW_DAYS:
        before = _up_to("CUSTOMER_ID", days)
        older[f"c_n_{days}"] = F.count(F.lit(1)).over(before)
        older[f"c_cents_{days}"] = F.coalesce(F.sum(CENTS).over(before), F.lit(0))
    frame = frame.withColumns(older)
    columns = {}
    for days in WINDOW_DAYS:
        count = F.col("c_n") - F.col(f"c_n_{days}")
        cents = F.col("c_cents") - F.col(f"c_cents_{days}")
        columns[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"] = count.cast("double")
        columns[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"] = cents.cast("double") / (count * 100).cast("double")
    return frame.withColumns(columns).drop("c_n", "c_cents", *older)


def _terminal_windows(frame: DataFrame) -> DataFrame:
    """Count and share of frauds over (now - delay - days, now - delay]; the risk of an empty window is 0."""
    sums = {}
    for days in (0, *WINDOW_DAYS):
        before = _up_to("TERMINAL_ID", LABEL_DELAY_DAYS + days)
        sums[f"t_n_{days}"] = F.count(F.lit(1)).over(before)
        sums[f"t_frauds_{days}"] = F.coalesce(F.sum(F.col("TX_FRAUD").cast("long")).over(before), F.lit(0))
    frame = frame.withColumns(sums)
    columns = {}
    for days in WINDOW_DAYS:
        count = F.col("t_n_0") - F.col(f"t_n_{days}")
        frauds = F.col("t_frauds_0") - F.col(f"t_frauds_{days}")
        columns[f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"] = count.cast("double")
        columns[f"TERMINAL_ID_RISK_{days}DAY_WINDOW"] = frauds.cast("double") / F.greatest(count, F.lit(1)).cast(
            "double"
        )
    return frame.withColumns(columns).drop(*sums)


def _up_to(owner: str, days: int) -> Window:
    """All rows of the owner that are at least `days` days older."""
    history = Window.partitionBy(owner).orderBy("TX_TIME_SECONDS")
    return history.rangeBetween(Window.unboundedPreceding, -days * SECONDS_PER_DAY)
