"""The tools that all tests here need, built once."""

import shutil

import pytest

from tools import kubeconform, kustomize


@pytest.fixture(scope="session", autouse=True)
def tools():
    assert shutil.which("go"), "needs Go 1.24 or newer (https://go.dev/dl/): it builds kustomize"
    kustomize(), kubeconform()
