#!/usr/bin/env python3
"""Trains the models of the grid and writes them with their own predictions.

usage: write_models_lightgbm.py OUT

Runs in the environment of an older LightGBM (see test_versions_lightgbm.py).  Each model
is a folder of OUT with model.txt, rows.npy [n_rows][n_features], margins.npy and
responses.npy [n_rows][n_outputs], all float64.
"""

import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np

from models_lightgbm import Case, cases, train

ODD = (np.nan, 0.0, -0.0, 1e-36, 1e-35, -1e-35, 1e300, -1e300, np.inf, -np.inf, -1.0, -0.5, 39.0,
       40.0, 299.0, 5000.0, 1e19)


def chosen() -> list[Case]:
    """What LightGBM 3 has too: it takes the caller's own objective in another way."""
    return [case for case in cases() if case.family not in ("custom", "goss")]


def write(case: Case, out: Path) -> None:
    trained = train(case)
    booster = trained.booster()
    odd = np.random.default_rng(9).choice(np.array(ODD), (100, trained.features.shape[1]))
    rows = np.vstack([trained.features, odd])
    raw = booster.predict(rows, raw_score=True)
    if "\naverage_output\n" in trained.text:
        raw = raw / booster.current_iteration()
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.txt").write_text(trained.text)
    np.save(out / "rows.npy", rows)
    np.save(out / "margins.npy", raw)
    np.save(out / "responses.npy", booster.predict(rows))


def main() -> None:
    out = Path(sys.argv[1])
    for case in chosen():
        write(case, out / str(case))
    (out / "version").write_text(lgb.__version__)


if __name__ == "__main__":
    main()
