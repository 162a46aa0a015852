"""LightGBM on this machine."""

import lightgbm
import numpy as np

from rowan_training.contract import Json
from rowan_training.models.trainer import FittedModel, TrainingRows, shares

PARAMETERS: Json = {
    "n_trees": 200,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "lambda_l2": 1.0,
}

# One thread and column-wise histograms: sums in another order may give other bytes.
FIXED: Json = {"objective": "binary", "num_threads": 1, "deterministic": True, "force_col_wise": True, "verbosity": -1}


def fit(rows: TrainingRows, seed: int, parameters: Json) -> FittedModel:
    data = rows.local
    names = list(data.features)
    settings = {**FIXED, **{name: value for name, value in parameters.items() if name != "n_trees"}, "seed": seed}
    matrix = lightgbm.Dataset(data.features, data.labels, weight=data.weights)
    fitted = lightgbm.train(settings, matrix, num_boost_round=parameters["n_trees"])
    gains = dict(zip(fitted.feature_name(), fitted.feature_importance("gain").tolist()))
    return FittedModel(
        estimator=fitted,
        parameters={**settings, "n_trees": parameters["n_trees"]},
        predict_proba=lambda frame: np.asarray(fitted.predict(frame[names])),
        importance=shares(gains),
    )
