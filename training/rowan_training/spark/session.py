"""The Spark session that the engine works in: the one that is there, or one made from the environment."""

import logging
import os
import sys
from collections.abc import Mapping

from pyspark.sql import SparkSession

# What the results depend on. It is set on a session of others too (spark-submit, a notebook).
NEEDED = {
    # TX_DATETIME is UTC, whatever the machine's zone.
    "spark.sql.session.timeZone": "UTC",
    # pandas may write nanoseconds, which Spark reads as a number or not at all.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


def spark_session() -> SparkSession:
    """The active session, else a new one.

    SPARK_MASTER (local[*]), SPARK_DRIVER_MEMORY (2g) and SPARK_JARS (none; those of S3, say) are read from the
    environment; PYSPARK_PYTHON is this Python unless set. Under spark-submit its own options count, not the first two.
    """
    session = SparkSession.getActiveSession() or _new_session(os.environ)
    for name, value in NEEDED.items():
        session.conf.set(name, value)
    return session


def _new_session(environment: Mapping[str, str]) -> SparkSession:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    for chatty in ("py4j", "XGBoost-PySpark"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    master = environment.get("SPARK_MASTER", "local[*]")
    builder = SparkSession.builder.appName("rowan-training")
    for name, value in _options(master, environment).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _options(master: str, environment: Mapping[str, str]) -> dict[str, str]:
    # What fails is told once, by the exception. Spark shows a bar of long stages where there is somebody to see it.
    options = {"spark.log.level": "FATAL", "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower()}
    if "PYSPARK_GATEWAY_PORT" not in environment:
        # Under spark-submit the master and the memory are known already.
        options |= {"spark.master": master, "spark.driver.memory": environment.get("SPARK_DRIVER_MEMORY", "2g")}
    if environment.get("SPARK_JARS"):
        options["spark.jars"] = environment["SPARK_JARS"]
    if master.startswith("local"):
        # One process: no port need be seen from outside, and no machine's name need be known.
        options |= {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
        }
    return options
