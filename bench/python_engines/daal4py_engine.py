"""oneDAL through daal4py, its only interface that reads models of other libraries."""

import os

os.environ["OMP_NUM_THREADS"] = "1"

from pathlib import Path  # noqa: E402

import daal4py  # noqa: E402
import lightgbm  # noqa: E402
import measure  # noqa: E402
import numpy as np  # noqa: E402
import xgboost  # noqa: E402

daal4py.daalinit(1)


class Engine:
    def load(self, path: Path) -> None:
        if path.suffix == ".txt":
            booster = lightgbm.Booster(model_file=path)
        else:
            booster = xgboost.Booster(model_file=path)
        self.model = daal4py.mb.convert_model(booster)
        self.is_classifier = not self.model._is_regression

    def scores(self, rows: np.ndarray) -> np.ndarray:
        if self.is_classifier:
            return self.model.predict_proba(rows)[:, 1]
        return self.model.predict(rows)

    def contributions(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict(rows, pred_contribs=True)


if __name__ == "__main__":
    measure.main(Engine())
