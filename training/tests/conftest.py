"""Data that several tests share: a small world, simulated in a second, and the shipped model directory."""

from pathlib import Path

import pandas as pd
import pytest

from rowan_training.features import book_features
from rowan_training.simulator import SimulationConfig, simulate

MODEL_DIRECTORY = Path(__file__).resolve().parents[2] / "models" / "fraud"

# Large enough for every scenario of fraud and for windows of all lengths, small enough for brute force.
SMALL = SimulationConfig(n_customers=120, n_terminals=60, n_days=150, radius=20.0)


@pytest.fixture(scope="session")
def small_transactions() -> pd.DataFrame:
    return simulate(SMALL)


@pytest.fixture(scope="session")
def small_features(small_transactions: pd.DataFrame) -> pd.DataFrame:
    return book_features(small_transactions)


@pytest.fixture(scope="session")
def model_directory() -> Path:
    return MODEL_DIRECTORY
