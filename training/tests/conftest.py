"""Data that several tests share: a small world, simulated in a second, and the shipped model directory."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from rowan_training.__main__ import main
from rowan_training.features import book_features
from rowan_training.simulator import SimulationConfig, simulate

ROOT = Path(__file__).resolve().parents[2]
MODEL_DIRECTORY = ROOT / "models" / "fraud"
ROWAN = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")) / "src" / "cli" / "rowan"

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


# As few frauds as card payments have, so that a week's test is not all blocked cards.
RUN_WORLD = SimulationConfig(n_customers=500, n_terminals=2_500, n_days=63, radius=8.0)


# A forest of fewer trees than the default: most of a run's time is its, and more trees show nothing more.
SMALLER = {"random-forest": ["--parameters", '{"n_estimators": 20}']}


@pytest.fixture(scope="session", autouse=True)
def proof() -> None:
    """Model directories are proved and scored by the real tool. Labels of a simulated world are all known."""
    os.environ["ROWAN_BIN"] = str(ROWAN)
    os.environ["RETRAINING_LABELS"] = "complete"


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "transactions.parquet"
    simulate(RUN_WORLD).to_parquet(path, index=False)
    return path


@pytest.fixture(scope="session")
def trained(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a run that trained a model of a kind, beside the shipped champion; one run for all tests."""
    runs: dict[str, Path] = {}

    def run(model: str) -> Path:
        if model not in runs:
            runs[model] = tmp_path_factory.mktemp(model)
            arguments = [
                "train",
                "--data",
                source,
                "--out",
                runs[model],
                "--model",
                model,
                "--champion",
                MODEL_DIRECTORY,
                *SMALLER.get(model, []),
            ]
            assert main([str(argument) for argument in arguments]) == 0
        return runs[model]

    return run
