"""What all tests here need."""

import shutil

import pytest

from tools import kubeconform, kustomize


@pytest.fixture(scope="session", autouse=True)
def tools():
    """Built once."""
    kustomize(), kubeconform()


@pytest.fixture
def place(tmp_path_factory):
    """A folder that nginx's workers may enter when the test is root, unlike pytest's own ones."""
    folder = tmp_path_factory.mktemp("run")
    for part in (folder, folder.parent):
        part.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
