"""shap's TreeExplainer, on the paths of the training rows (no background rows)."""

from pathlib import Path

import measure
import numpy as np
import shap
import trees


class Engine:
    def load(self, path: Path) -> None:
        self.explainer = shap.TreeExplainer(trees.load(path))

    def contributions(self, rows: np.ndarray) -> np.ndarray:
        values = self.explainer.shap_values(rows, check_additivity=False)
        return trees.with_expected_value(values, self.explainer.expected_value)


if __name__ == "__main__":
    measure.main(Engine())
