"""The engine spark reads the same S3, with the jars of spark-s3/pom.xml; Maven fetches them once, into the cache."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession

from rowan_training.__main__ import main
from rowan_training.spark.session import spark_session
from rowan_training.steps import extract

AWAY, REFUSED = 75, 1

POM = Path(__file__).resolve().parents[1] / "spark-s3" / "pom.xml"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rowan"


def jars() -> str:
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"spark-s3-{digest}"
    if not folder.exists():
        # Under a name of its own until it is whole: another run may fetch at the same time.
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        command = ["mvn", "--quiet", "--batch-mode", "--no-transfer-progress", "-Dstyle.color=never", "--file", POM]
        command += ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
        subprocess.run([str(part) for part in command], check=True)
        try:
            fresh.rename(folder)
        except OSError:
            shutil.rmtree(fresh)
    return ",".join(str(jar) for jar in sorted(folder.glob("*.jar")))


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_JARS", jars())
        patch.setenv("SPARK_MASTER", "local[1]")
        patch.setenv("SPARK_DRIVER_MEMORY", "1g")
        patch.setenv("SPARK_LOCAL_DIRS", str(tmp_path_factory.mktemp("spark")))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        # The work is small and the code much: what the JVM would win by compiling it well comes too late.
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        session = spark_session()
        session.conf.set("spark.sql.shuffle.partitions", "1")
        yield session
        gateway = SparkContext._gateway
        session.stop()
        # Its JVM has the jars: the next session in this process shall have a new one.
        gateway.shutdown()
        gateway.proc.stdin.close()
        SparkContext._gateway = SparkContext._jvm = None


def extracted(run: Path, source: str) -> int:
    return main(["step", "extract", "--run", str(run), "--data", source, "--engine", "spark"])


@pytest.mark.parametrize("source", ["s3://payments/csv", "s3://payments/parquet"])
def test_a_prefix_gives_every_transaction(
    source: str, spark: SparkSession, environment: pytest.MonkeyPatch, transactions: pd.DataFrame, tmp_path: Path
) -> None:
    assert extracted(tmp_path, source) == 0
    result = json.loads((tmp_path / "extract.json").read_text())
    assert (result["rows"], result["frauds"]) == (len(transactions), transactions["TX_FRAUD"].sum())
    seen = extract.read(tmp_path)
    for name in ("TRANSACTION_ID", "CUSTOMER_ID", "TX_AMOUNT", "TX_FRAUD", "TX_DATETIME"):
        assert seen[name].tolist() == transactions[name].tolist(), name


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("s3://payments/nothing", "s3://payments/nothing does not exist"),
        ("s3://no-such-bucket/csv", "The specified bucket does not exist"),
        ("s3://payments/spoiled", "cannot be read by Spark (s3a://payments/spoiled/a.parquet: "),
    ],
)
def test_data_that_are_not_there_or_spoiled_are_refused(
    source: str,
    words: str,
    spark: SparkSession,
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert extracted(tmp_path, source) == REFUSED
    assert words in capsys.readouterr().err.strip().splitlines()[-1]


# Hadoop keeps the client of a bucket: each of these tests has a bucket of its own.


def test_a_wrong_secret_is_refused_and_not_tried_again(
    spark: SparkSession,
    bucket: Any,
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bucket.create_bucket(Bucket="private")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    assert extracted(tmp_path, "s3://private/csv") == REFUSED
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "s3://private/csv cannot be read by Spark" in said
    assert "403" in said
    assert "another-secret" not in said


def test_a_server_that_is_away_may_be_tried_again(
    spark: SparkSession,
    environment: pytest.MonkeyPatch,
    nobody: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment.setenv("AWS_ENDPOINT_URL", nobody)
    assert extracted(tmp_path, "s3://elsewhere/csv") == AWAY
    assert "s3://elsewhere/csv: S3 does not answer" in capsys.readouterr().err.strip().splitlines()[-1]
