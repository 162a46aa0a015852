"""scikit-learn's random forest on this machine. Its export is ONNX, as Rowan reads it."""

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from rowan_training.contract import Json
from rowan_training.models.trainer import FittedModel, TrainingRows, shares

PARAMETERS: Json = {
    "n_estimators": 100,
    "max_depth": 12,
    "min_samples_leaf": 5,
    "max_features": "sqrt",
}


def fit(rows: TrainingRows, seed: int, parameters: Json) -> FittedModel:
    data = rows.local
    names = list(data.features)
    # Trees do not depend on the number of threads, but their sum does in its last digits: see export/sklearn.py.
    forest = RandomForestClassifier(**parameters, random_state=seed, n_jobs=-1)
    forest.fit(data.features, data.labels, sample_weight=data.weights)
    forest.set_params(n_jobs=1)
    return FittedModel(
        estimator=forest,
        parameters={**parameters, "seed": seed},
        predict_proba=lambda frame: np.asarray(forest.predict_proba(frame[names])[:, 1]),
        importance=shares(dict(zip(names, forest.feature_importances_.tolist()))),
    )
