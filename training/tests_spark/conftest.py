"""One Spark session for all tests, with the jars of S3, a small world of transactions, and the built `rowan`."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from rowan_training.features import book_features
from rowan_training.simulator import SECONDS_PER_DAY, SimulationConfig, simulate
from rowan_training.spark.reading import read_extracted
from rowan_training.spark.session import spark_session

from .s3_server_of_payments import bucket, environment, jars, nobody, payments, server  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
ROWAN = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")) / "src" / "cli" / "rowan"

# Days enough for the longest look-back in front of a training week, and for a test week behind it.
WORLD = SimulationConfig(n_customers=250, n_terminals=1_500, n_days=60, radius=6.0)
TRAIN_START = "2018-05-09"


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    folder = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROWAN_BIN", str(ROWAN))
        patch.setenv("RETRAINING_LABELS", "complete")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_MASTER", "local[2]")
        patch.setenv("SPARK_JARS", jars())
        patch.setenv("SPARK_DRIVER_MEMORY", "1g")
        patch.setenv("SPARK_LOCAL_DIRS", str(folder))
        # The work is small and the code much: what the JVM would win by compiling it well comes too late.
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        session = spark_session()
        session.conf.set("spark.sql.shuffle.partitions", "2")
        yield session
        session.stop()


@pytest.fixture(scope="session")
def transactions() -> pd.DataFrame:
    """Half of the times are full hours: many rows share a second, and many lie a whole number of days apart."""
    frame = simulate(WORLD)
    seconds = frame["TX_TIME_SECONDS"].to_numpy()
    hours = np.where(np.arange(len(frame)) % 2, seconds, seconds // 3600 * 3600)
    times = frame["TX_DATETIME"] - pd.to_timedelta(seconds - hours, unit="s")
    frame = frame.assign(TX_TIME_SECONDS=hours, TX_DATETIME=times, TX_TIME_DAYS=hours // SECONDS_PER_DAY)
    frame = frame.sort_values(["TX_TIME_SECONDS", "TRANSACTION_ID"], ignore_index=True)
    in_one_second = frame.duplicated(["CUSTOMER_ID", "TX_TIME_SECONDS"], keep=False)
    assert in_one_second.sum() > 300
    return frame


@pytest.fixture(scope="session")
def features(transactions: pd.DataFrame) -> pd.DataFrame:
    return book_features(transactions)


@pytest.fixture(scope="session")
def parquet(transactions: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three files whose rows are shuffled: Spark may not rely on any order."""
    folder = tmp_path_factory.mktemp("data") / "transactions.parquet"
    folder.mkdir()
    shuffled = transactions.sample(frac=1, random_state=0)
    for number, part in enumerate(np.array_split(np.arange(len(shuffled)), 3)):
        shuffled.iloc[part].to_parquet(folder / f"part-{number}.parquet", index=False)
    return folder


@pytest.fixture
def read(spark: SparkSession, tmp_path: Path) -> Callable[[pd.DataFrame], DataFrame]:
    """A pandas frame as the engine reads it."""

    def written(frame: pd.DataFrame) -> DataFrame:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        frame.to_parquet(path, index=False)
        return read_extracted(spark, path)

    return written
