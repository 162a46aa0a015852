"""A source of transactions as Spark reads it: CSV or Parquet, a file or a folder, where Hadoop can read, or in S3."""

import os
import re
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from rowan_training.data.columns import DataError, upper_case
from rowan_training.errors import ServerAway, WorkError

S3_SCHEMES = ("s3://", "s3a://")
S3_CLASS = "org.apache.hadoop.fs.s3a.S3AFileSystem"
# Spark asks S3 again and again for minutes by default; a scheduler's retry is better than a task that hangs.
S3_TRIES = {"fs.s3a.attempts.maximum": "3", "fs.s3a.retry.limit": "3", "fs.s3a.connection.establish.timeout": "10000"}

PARQUET, CSV = (".parquet", ".pq"), (".csv", ".csv.gz")
# Of a message of Hadoop's: a later try may succeed.
AWAY = ("Unable to execute HTTP", "Connection refused", "UnknownHost", "timed out", "Status Code: 503", "SlowDown")


MOST_SAID = 300
_FILE = re.compile(r"while reading file (\S+?)\.(?=\s)")


def read_source(spark: SparkSession, source: str) -> DataFrame:
    """The columns as they are, with names in upper case; no value has been looked at yet."""
    try:
        uri = _uri(spark, source)
        files = _files(spark, uri, source)
        frame = _read(spark, uri, files, source)
    except WorkError:
        raise
    except Exception as error:  # py4j and Spark have no common class
        raise explained(error, source) from error
    return frame.toDF(*upper_case(frame.columns, source))


def explained(error: Exception, source: str) -> WorkError:
    """An error of Spark's in one line, as a server that is away or as data that cannot be read."""
    causes = _causes(error)
    line = (causes[-1].splitlines() or [type(error).__name__])[0].strip()[:MOST_SAID]
    file = next((found[1] for text in causes if (found := _FILE.search(text))), "")
    line = line if file in line else f"{file}: {line}"
    if source.startswith(S3_SCHEMES) and any(mark in text for text in causes for mark in AWAY):
        return ServerAway(f"{source}: S3 does not answer ({line}): check AWS_ENDPOINT_URL and the server; try again")
    return DataError(f"{source} cannot be read by Spark ({line}): check the name, the rights and the files")


def _causes(error: Exception) -> list[str]:
    """What Java says of the error, the outermost first; only the innermost says what happened."""
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    texts = [str(error)] if java is None else []
    while java is not None:
        texts.append(str(java.toString()))
        java = java.getCause()
    return texts


def _uri(spark: SparkSession, source: str) -> str:
    if source.startswith(S3_SCHEMES):
        _set_up_s3(spark, source)
        return "s3a://" + source.partition("://")[2].rstrip("/")
    return source if "://" in source else Path(source).absolute().as_uri()


def _set_up_s3(spark: SparkSession, source: str) -> None:
    """The same variables as the AWS tools; what spark-defaults.conf sets stays when there are none."""
    jvm: Any = spark.sparkContext._jvm
    try:
        jvm.java.lang.Class.forName(S3_CLASS, True, jvm.Thread.currentThread().getContextClassLoader())
    except Exception as error:
        raise WorkError(
            f"{source}: this Spark cannot read S3, because hadoop-aws is not among its jars: name them in SPARK_JARS "
            "(docs/training-spark.md), copy the data to a folder, or use --engine local"
        ) from error
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    given = os.environ
    endpoint = given.get("AWS_ENDPOINT_URL") or given.get("MLFLOW_S3_ENDPOINT_URL")
    settings = {
        "fs.s3a.access.key": given.get("AWS_ACCESS_KEY_ID"),
        "fs.s3a.secret.key": given.get("AWS_SECRET_ACCESS_KEY"),
        "fs.s3a.session.token": given.get("AWS_SESSION_TOKEN"),
        "fs.s3a.endpoint": endpoint,
        "fs.s3a.endpoint.region": given.get("AWS_DEFAULT_REGION") or given.get("AWS_REGION") or "us-east-1",
        "fs.s3a.path.style.access": "true" if endpoint else None,
        "fs.s3a.connection.ssl.enabled": "false" if (endpoint or "").startswith("http://") else None,
        "fs.s3a.aws.credentials.provider": (
            "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider"
            if given.get("AWS_ACCESS_KEY_ID") and not given.get("AWS_SESSION_TOKEN")
            else None
        ),
        **S3_TRIES,
    }
    for name, value in settings.items():
        if value:
            conf.set(name, value)


def _files(spark: SparkSession, uri: str, source: str) -> list[str]:
    jvm: Any = spark.sparkContext._jvm
    path = jvm.org.apache.hadoop.fs.Path(uri)
    filesystem = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
    if not filesystem.exists(path):
        raise DataError(f"{source} does not exist: name a CSV or Parquet file, or a folder of them")
    found, entries = [], filesystem.listFiles(path, True)
    folder = path.toUri().getPath()
    while entries.hasNext():
        name = entries.next().getPath().toUri().getPath()
        if not any(part.startswith((".", "_")) for part in name.removeprefix(folder).split("/")):
            found.append(name)
    return found


def _read(spark: SparkSession, uri: str, files: list[str], source: str) -> DataFrame:
    if not files:
        raise DataError(f"{source} holds no file: name a CSV or Parquet file, or a folder of them")
    kinds = {_kind(file): file.rpartition("/")[2] for file in files}
    if len(kinds) > 1:
        raise DataError(
            f"{source} mixes CSV and Parquet ({' and '.join(kinds.values())}), so rows may be there twice: "
            "keep one kind"
        )
    reader = spark.read.option("recursiveFileLookup", "true")
    if PARQUET in kinds:
        return reader.option("mergeSchema", "true").parquet(uri)
    # A line with other columns than the header's is an error, not a row with holes.
    strict = reader.options(header="true", mode="FAILFAST", enforceSchema="false", ignoreTrailingWhiteSpace="true")
    return strict.csv(uri)


def _kind(file: str) -> tuple[str, ...]:
    for kind in (PARQUET, CSV):
        if file.lower().endswith(kind):
            return kind
    raise DataError(f"{file} is neither CSV (.csv, .csv.gz) nor Parquet (.parquet, .pq): convert or remove it")


def text_columns(frame: DataFrame) -> DataFrame:
    """Texts without blanks around them; an empty one is a missing value."""
    texts = [name for name, kind in frame.dtypes if kind == "string"]
    return frame.withColumns({name: F.nullif(F.trim(F.col(name)), F.lit("")) for name in texts}) if texts else frame
