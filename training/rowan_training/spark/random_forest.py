"""Spark ML's random forest. Its export is ONNX, as Rowan reads it."""

from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml import PipelineModel
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from rowan_training.contract import Json
from rowan_training.features import FEATURES, WINDOW_FEATURES
from rowan_training.models.trainer import FittedModel, TrainingRows, shares
from rowan_training.spark.rows import LABEL, WEIGHT, training_rows
from rowan_training.spark.session import spark_session

PARAMETERS: Json = {
    "n_estimators": 100,
    "max_depth": 10,
    "min_samples_leaf": 5,
    "max_features": "sqrt",
    "max_bins": 256,
    # Which rows draw together decides about the bytes of the model: not the machine's number of cores.
    "partitions": 8,
}

# Spark's trees score a missing value as one above every number, and refuse to learn from it. So they learn from a
# number above all others, and a threshold that tells it apart stands between: missing goes the same way in both.
ABOVE_ALL = 1e30


def fit(rows: TrainingRows, seed: int, parameters: Json) -> FittedModel:
    spark = spark_session()
    data = without_missing(training_rows(spark, rows, parameters["partitions"]))
    assembler = VectorAssembler(inputCols=list(FEATURES), outputCol="features", handleInvalid="keep")
    forest = RandomForestClassifier(
        labelCol=LABEL,
        weightCol=WEIGHT,
        numTrees=parameters["n_estimators"],
        maxDepth=parameters["max_depth"],
        minInstancesPerNode=parameters["min_samples_leaf"],
        featureSubsetStrategy=str(parameters["max_features"]),
        maxBins=parameters["max_bins"],
        seed=seed,
    )
    fitted = forest.fit(assembler.transform(data))
    return FittedModel(
        estimator=PipelineModel([assembler, fitted]),
        parameters={**parameters, "seed": seed},
        predict_proba=lambda frame: _probabilities(spark, assembler, fitted, frame),
        importance=shares(dict(zip(FEATURES, fitted.featureImportances.toArray().tolist()))),
    )


def without_missing(frame: DataFrame) -> DataFrame:
    filled = {name: F.nanvl(F.col(name), F.lit(ABOVE_ALL)) for name in WINDOW_FEATURES}
    return frame.withColumns(filled)


def _probabilities(spark: SparkSession, assembler: VectorAssembler, forest: Any, frame: pd.DataFrame) -> np.ndarray:
    rows = frame[list(FEATURES)].astype("float64").reset_index(drop=True)
    given = spark.createDataFrame([(number, *row) for number, row in enumerate(rows.to_numpy().tolist())], ["n", *rows])
    scored = forest.transform(assembler.transform(given)).select("n", "probability").collect()
    return np.array([row["probability"][1] for row in sorted(scored, key=lambda row: row["n"])])
