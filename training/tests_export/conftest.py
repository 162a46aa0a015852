"""Frames and tools that the tests of the export share. The proof is always the real one: the built `rowan verify`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWAN = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")) / "src" / "cli" / "rowan"

N_ROWS = 2_000


@pytest.fixture(scope="session", autouse=True)
def proof() -> None:
    os.environ["ROWAN_BIN"] = str(ROWAN)


@pytest.fixture(scope="session")
def payments() -> pd.DataFrame:
    """Numbers of every type, a boolean, a float32 column, missing values, texts, ids and a label."""
    numbers = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "payment": [f"p-{row}" for row in range(N_ROWS)],
            "amount": np.round(numbers.lognormal(3, 1, N_ROWS), 2),
            "items": numbers.randint(0, 40, N_ROWS),
            "night": numbers.uniform(size=N_ROWS) < 0.3,
            "mean": numbers.normal(50, 9, N_ROWS).astype(np.float32),
            "risk": numbers.normal(0, 1, N_ROWS),
            "device": numbers.choice(["desktop", "phone", "terminal", "watch"], N_ROWS),
        }
    )
    frame.loc[numbers.uniform(size=N_ROWS) < 0.1, "risk"] = np.nan
    fraud = (frame["amount"] > 40) & frame["night"] | (frame["device"] == "desktop") & (frame["mean"] > 52)
    frame["fraud"] = (fraud ^ (numbers.uniform(size=N_ROWS) < 0.05)).astype(int)
    return frame


@pytest.fixture(scope="session")
def numeric(payments: pd.DataFrame) -> pd.DataFrame:
    """The same without texts and missing values."""
    return payments.drop(columns=["payment", "device"]).fillna({"risk": 0.0})


@pytest.fixture(scope="session")
def categories(payments: pd.DataFrame) -> pd.DataFrame:
    """The same with texts as pandas categories."""
    return payments.astype({"device": "category"})


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from pyspark.sql import SparkSession  # starts nothing until a test needs it

    folder = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.memory", "1g")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.local.dir", str(folder))
            .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("ERROR")
        yield session
        session.stop()


def contract_of(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "contract.json").read_text(encoding="utf-8"))


def golden_of(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "golden.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def score(tmp_path: Path) -> Callable[[Path, pd.DataFrame], pd.DataFrame]:
    """What `rowan score` gives for the rows of a frame."""

    def run(directory: Path, rows: pd.DataFrame) -> pd.DataFrame:
        data, scores = tmp_path / "rows.csv", tmp_path / "scores.csv"
        truths = {column: rows[column].map({True: "true", False: "false"}) for column in rows.select_dtypes("bool")}
        rows.assign(**truths).to_csv(data, index=False)
        with scores.open("wb") as out:
            subprocess.run([ROWAN, "score", directory, data], stdout=out, check=True)
        return pd.read_csv(scores)

    return run
