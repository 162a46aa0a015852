"""Contributions against LightGBM's pred_contrib, which is double: to 1e-9 of a row's
largest contribution where paths are short, and never off by more than 1e-5."""

import numpy as np
import pytest

from models_lightgbm import Case, cases, train
from rowan_ctypes import MARGIN, Model, RowanError
from test_contributions import assert_near
from test_lightgbm import edge_rows

CASES = [case for case in cases()
         if case.family not in ("linear", "sigmoid", "sqrt", "custom")
         and str(case) != "one-leaf-linear"]
LINEAR = [case for case in cases() if case.family == "linear" or str(case) == "one-leaf-linear"]


def lightgbm_contributions(booster, rows: np.ndarray, groups: int, features: int) -> np.ndarray:
    """Of a random forest LightGBM explains the sum, as its raw_score is the sum; the
    prediction, and Rowan's margin, is the mean."""
    result = booster.predict(rows, pred_contrib=True)
    if hasattr(result, "toarray"):
        result = result.toarray()
    if "\naverage_output\n" in booster.model_to_string():
        result = result / booster.current_iteration()
    return np.asarray(result).reshape(len(rows), groups, features + 1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_as_lightgbm(case):
    trained = train(case)
    model = Model(trained.text.encode())
    booster = trained.booster()
    rows = np.vstack([trained.features[:60], edge_rows(trained)[-120:]])
    assert model.info.has_contributions
    seen = model.contributions(rows)
    wanted = lightgbm_contributions(booster, rows, model.info.n_groups, model.info.n_features)
    assert_near(seen, wanted, 1e-9 if model.info.max_depth <= 12 else 1e-5)
    margins = model.predict64(rows, MARGIN)
    size = np.abs(seen).sum(axis=2)
    assert (np.abs(seen.sum(axis=2) - margins) <= 1e-9 * size).all()


@pytest.mark.parametrize("case", LINEAR[:3], ids=str)
def test_linear_trees_have_none(case):
    """LightGBM has none for them either."""
    trained = train(case)
    model = Model(trained.text.encode())
    assert not model.info.has_contributions
    with pytest.raises(RowanError, match="training rows|linear"):
        model.contributions(trained.features)
    with pytest.raises(Exception, match="linear"):
        trained.booster().predict(trained.features, pred_contrib=True)
