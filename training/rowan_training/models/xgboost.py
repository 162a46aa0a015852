"""XGBoost on this machine: the default, and the same booster as the model that Rowan ships."""

import numpy as np
import xgboost

from rowan_training import booster
from rowan_training.contract import Json
from rowan_training.models.trainer import FittedModel, TrainingRows, shares

PARAMETERS: Json = {
    "n_trees": booster.N_TREES,
    **{name: value for name, value in booster.PARAMETERS.items() if name not in ("objective", "nthread", "seed")},
}


def fit(rows: TrainingRows, seed: int, parameters: Json) -> FittedModel:
    data = rows.local
    names = list(data.features)
    fixed = {name: booster.PARAMETERS[name] for name in ("objective", "nthread")}
    settings = {**fixed, **{name: value for name, value in parameters.items() if name != "n_trees"}, "seed": seed}
    matrix = xgboost.DMatrix(data.features.to_numpy(np.float32), data.labels, weight=data.weights, feature_names=names)
    fitted = xgboost.train(settings, matrix, num_boost_round=parameters["n_trees"])
    gains = {name: float(np.sum(gain)) for name, gain in fitted.get_score(importance_type="total_gain").items()}
    return FittedModel(
        estimator=fitted,
        parameters={**settings, "n_trees": parameters["n_trees"]},
        predict_proba=lambda frame: booster.fraud_probabilities(fitted, frame[names].to_numpy(np.float32)),
        importance=shares({name: gains.get(name, 0.0) for name in names}),
    )
