"""fasttreeshap: its algorithm v1 for one row, v2 for many, as it recommends."""

from pathlib import Path

import fasttreeshap
import measure
import numpy as np
import trees


def explainer(model, algorithm: str):
    # shortcut=False: with it LightGBM's own code would answer
    return fasttreeshap.TreeExplainer(model, algorithm=algorithm, n_jobs=1, shortcut=False)


class Engine:
    def load(self, path: Path) -> None:
        model = trees.load(path)
        self.few, self.many = explainer(model, "v1"), explainer(model, "v2")

    def contributions(self, rows: np.ndarray) -> np.ndarray:
        chosen = self.few if len(rows) == 1 else self.many
        values = chosen.shap_values(rows, check_additivity=False)
        return trees.with_expected_value(values, chosen.expected_value)


if __name__ == "__main__":
    measure.main(Engine())
