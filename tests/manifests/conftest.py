"""What all tests here need."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "http"))

from fixtures import place, public_folder  # noqa: E402, F401
from tools import kubeconform, kustomize  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def tools():
    """Built once."""
    kustomize(), kubeconform()
