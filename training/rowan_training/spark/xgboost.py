"""XGBoost on Spark. The booster is XGBoost's own, so that it is packed like the one of this machine."""

from typing import Any

import numpy as np

from rowan_training import booster
from rowan_training.contract import Json
from rowan_training.features import FEATURES
from rowan_training.models.trainer import FittedModel, TrainingRows, shares
from rowan_training.spark.rows import LABEL, WEIGHT, training_rows
from rowan_training.spark.session import spark_session

# Machines share histograms, never rows: XGBoost has no exact splits there. With its 256 bins they lose .04 of average
# precision on the Handbook's weeks (docs/training-spark.md); with many, next to nothing.
PARAMETERS: Json = {
    "n_trees": booster.N_TREES,
    "base_score": booster.PARAMETERS["base_score"],
    "learning_rate": booster.PARAMETERS["learning_rate"],
    "max_depth": booster.PARAMETERS["max_depth"],
    "tree_method": "hist",
    "max_bin": 4096,
    # More workers than free cores of the cluster wait for ever: see docs/training-spark.md.
    "workers": 1,
}


def fit(rows: TrainingRows, seed: int, parameters: Json) -> FittedModel:
    from xgboost.spark import SparkXGBClassifier

    workers = parameters["workers"]
    data = training_rows(spark_session(), rows, workers)
    chosen = {name: value for name, value in parameters.items() if name not in ("n_trees", "workers")}
    classifier = SparkXGBClassifier(
        features_col=list(FEATURES),
        label_col=LABEL,
        weight_col=WEIGHT,
        num_workers=workers,
        n_estimators=parameters["n_trees"],
        missing=float("nan"),
        seed=seed,
        verbose=False,
        **chosen,
    )
    return _fitted(classifier.fit(data).get_booster(), {**parameters, "seed": seed})


def _fitted(fitted: Any, parameters: Json) -> FittedModel:
    names = list(FEATURES)
    fitted.feature_names, fitted.feature_types = names, None
    gains = fitted.get_score(importance_type="total_gain")
    return FittedModel(
        estimator=fitted,
        parameters={"objective": "binary:logistic", **parameters},
        predict_proba=lambda frame: booster.fraud_probabilities(fitted, frame[names].to_numpy(np.float32)),
        importance=shares({name: gains.get(name, 0.0) for name in names}),
    )
