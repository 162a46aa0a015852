"""Writes CSV files of simulated transactions into the folder that is named; runs in training's environment."""

import sys
from pathlib import Path

sys.path.insert(0, ".")

from rowan_training.simulator import SimulationConfig, simulate  # noqa: E402

for seed_offset, name in enumerate(("first", "next")):
    transactions = simulate(SimulationConfig(400, 800, 58, seed_offset=seed_offset))
    transactions.to_csv(Path(sys.argv[1]) / f"{name}.csv", index=False)
