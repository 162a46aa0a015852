"""The columns of rowan_training.data.columns on Spark: the same names, types and times, and the same refusals."""

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from rowan_training.data.columns import (
    CANONICAL,
    LABEL,
    NUMBERS,
    OPTIONAL,
    READ,
    REQUIRED,
    SCENARIO,
    TIME,
    UNIX_TIME,
    DataError,
)
from rowan_training.simulator import SECONDS_PER_DAY
from rowan_training.spark.reading import unix_seconds
from rowan_training.spark.sources import text_columns

_ID = "TRANSACTION_ID"


def canonical(frame: DataFrame, where: str) -> DataFrame:
    """The columns CANONICAL, and TX_FRAUD_SCENARIO if it is there; every row stays. Reads the data once, for checks."""
    if LABEL not in frame.columns and SCENARIO in frame.columns:
        frame = frame.withColumn(LABEL, (F.col(SCENARIO).try_cast("double") > 0).cast("int"))
    _check_names(frame, where)
    given = text_columns(frame.select(*(name for name in frame.columns if name in READ)))
    numbers = [name for name in (*NUMBERS, *OPTIONAL) if name in given.columns]
    made = {name: _number(given, name) for name in numbers}
    seconds = _seconds(given)
    wrong = {
        **{name: given[name].isNotNull() & made[name].isNull() for name in numbers},
        (TIME if TIME in given.columns else UNIX_TIME): _given_time(given).isNotNull() & seconds.isNull(),
    }
    identity = _check(given, wrong, where)
    columns = {
        _ID: identity,
        TIME: F.timestamp_seconds(seconds).cast("timestamp_ntz"),
        **made,
        UNIX_TIME: seconds,
        "TX_TIME_DAYS": F.floor(seconds / SECONDS_PER_DAY),
    }
    order = [*CANONICAL, *(name for name in OPTIONAL if name in made)]
    return given.select(*(columns[name].alias(name) for name in order))


def of_days(frame: DataFrame, since: date | None, until: date | None) -> DataFrame:
    """Rows without a time stay: the validation refuses them by name."""
    inside = F.lit(True)
    if since is not None:
        inside &= F.col(TIME) >= F.lit(since).cast("timestamp_ntz")
    if until is not None:
        inside &= F.col(TIME) < F.lit(until + timedelta(days=1)).cast("timestamp_ntz")
    return frame.where(F.col(TIME).isNull() | inside)


def _check_names(frame: DataFrame, where: str) -> None:
    names = frame.columns
    absent = [name for name in REQUIRED if name not in names]
    if not {TIME, UNIX_TIME} & set(names):
        absent.append(f"{TIME} (or {UNIX_TIME} as Unix time)")
    if absent:
        raise DataError(f"{where} lacks the column {', '.join(absent)}; it has {', '.join(names) or 'none'}: add it")


def _number(frame: DataFrame, name: str) -> Column:
    """Null where there is no number, or no whole number where one is needed."""
    number = F.col(name)
    if isinstance(frame.schema[name].dataType, T.BooleanType):
        number = number.cast("int")
    number = number.try_cast("double")
    if name == "TX_AMOUNT":
        return number
    return F.when(number == F.floor(number), number).try_cast("long")


def _given_time(frame: DataFrame) -> Column:
    return F.col(TIME if TIME in frame.columns else UNIX_TIME)


def _seconds(frame: DataFrame) -> Column:
    if TIME not in frame.columns:
        return _number(frame, UNIX_TIME)
    kind = frame.schema[TIME].dataType
    if isinstance(kind, T.StringType):
        return F.unix_seconds(F.col(TIME).try_cast("timestamp"))
    return unix_seconds(TIME, kind)


def _check(frame: DataFrame, wrong: dict[str, Column], where: str) -> Column:
    """Refuses values that cannot be read; gives the ids, which are numbers if all of them are, as pandas takes them."""
    as_number = F.col(_ID).try_cast("long")
    is_text = isinstance(frame.schema[_ID].dataType, T.StringType)
    no_number = F.col(_ID).isNotNull() & as_number.isNull() if is_text else F.lit(False)
    counted = frame.agg(
        *(F.count_if(condition).alias(name) for name, condition in wrong.items()), F.count_if(no_number).alias("texts")
    ).first()
    assert counted is not None
    for name, condition in wrong.items():
        if counted[name]:
            _refuse(frame.where(condition), name, counted[name], where)
    return as_number if is_text and not counted["texts"] else F.col(_ID)


def _refuse(rows: DataFrame, name: str, n: int, where: str) -> None:
    row = rows.select(_ID, F.col(name).cast("string").alias("value")).orderBy(_ID).first()
    assert row is not None
    more = f" (and {n - 1} more)" if n > 1 else ""
    if name in (TIME, UNIX_TIME):
        remedy = "is no time: write it as 2018-04-01 00:00:31 (UTC), or give TX_TIME_SECONDS as Unix time"
    else:
        remedy = f"is no {'number' if name == 'TX_AMOUNT' else 'whole number'}: correct it in the source"
    raise DataError(f"{where}: column {name}, TRANSACTION_ID {row[_ID]}: {row['value'][:60]!r}{more} {remedy}")
