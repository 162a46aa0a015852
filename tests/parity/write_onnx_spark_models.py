#!/usr/bin/env python3
"""Trains Spark ML models, converts them to ONNX, and writes them with both results.

usage: write_onnx_spark_models.py OUT

Runs in the environment of requirements-onnx-spark.txt, with Java 17.  See onnx_files.py.
"""

import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import onnx_files

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
warnings.filterwarnings("ignore")

from onnxmltools import convert_sparkml  # noqa: E402
from onnxmltools.convert.common.data_types import FloatTensorType, StringTensorType  # noqa: E402
from pyspark.ml import Pipeline  # noqa: E402
from pyspark.ml.classification import (GBTClassifier, LogisticRegression,  # noqa: E402
                                       RandomForestClassifier)
from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler  # noqa: E402
from pyspark.ml.regression import RandomForestRegressor  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

N_ROWS, N_TRAIN, WIDTH = 200, 3000, 8


def start(folder: Path) -> SparkSession:
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    for key, value in {"driver.host": "127.0.0.1", "driver.bindAddress": "127.0.0.1",
                       "driver.memory": "1g", "sql.shuffle.partitions": "1",
                       "local.dir": folder / "spark",
                       "sql.warehouse.dir": folder / "warehouse"}.items():
        builder = builder.config(f"spark.{key}", str(value))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def frame(rng: np.random.Generator) -> pd.DataFrame:
    rows = rng.normal(size=(N_TRAIN, WIDTH)).astype(np.float32)
    data = pd.DataFrame(rows.astype(float), columns=[f"f{i}" for i in range(WIDTH)])
    data["kind"] = rng.choice(["atm", "card", "online"], N_TRAIN)
    signal = rows[:, 0] + rows[:, 1] * rows[:, 2] + (data["kind"] == "card")
    data["label"] = (signal > 0).astype(float)
    return data


def models() -> dict:
    numbers = [f"f{i}" for i in range(WIDTH)]
    assemble = VectorAssembler(inputCols=numbers, outputCol="features")
    # onnxmltools joins a bare index, an integer, to floats: ONNX Runtime takes one-hot only.
    hot = [StringIndexer(inputCol="kind", outputCol="kind_index"),
           OneHotEncoder(inputCols=["kind_index"], outputCols=["kind_hot"], dropLast=False),
           VectorAssembler(inputCols=[*numbers, "kind_hot"], outputCol="features")]
    forest = RandomForestClassifier(numTrees=10, maxDepth=5, seed=1)
    return {
        "forest": [assemble, forest],
        "forest-text": [*hot, forest],
        "gbt": [assemble, GBTClassifier(maxIter=5, maxDepth=4, seed=1)],
        "logistic": [assemble, LogisticRegression()],
        "logistic-text": [*hot, LogisticRegression()],
        "regressor": [assemble, RandomForestRegressor(numTrees=10, maxDepth=5, seed=1)],
    }


def own_results(fitted, asked) -> np.ndarray:
    scored = fitted.transform(asked)
    if "probability" in scored.columns:
        return np.stack([row.probability.toArray() for row in
                         scored.select("probability").collect()])
    return np.array([[row.prediction] for row in scored.select("prediction").collect()])


def main() -> None:
    out = Path(sys.argv[1])
    session = start(out)
    data = frame(np.random.default_rng(7))
    training, asked = session.createDataFrame(data), session.createDataFrame(data[:N_ROWS])
    for name, stages in models().items():
        fitted = Pipeline(stages=stages).fit(training)
        used = [f"f{i}" for i in range(WIDTH)] + (["kind"] if "text" in name else [])
        types = [(column, StringTensorType([None, 1]) if column == "kind" else
                  FloatTensorType([None, 1])) for column in used]
        converted = convert_sparkml(fitted, name, types, spark_session=session, target_opset=15)
        inputs = [data[[column]][:N_ROWS].to_numpy() if column == "kind" else
                  data[[column]][:N_ROWS].to_numpy(np.float32) for column in used]
        onnx_files.write(out / "spark", name, converted, inputs, own_results(fitted, asked))
    session.stop()


if __name__ == "__main__":
    main()
