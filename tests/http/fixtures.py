"""Fixtures for any suite's conftest to import: servers, and folders that nginx's workers may enter
when the test is root, unlike pytest's own ones."""

import shutil
import tempfile
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from server import Server


@pytest.fixture(scope="session")
def public_folder():
    """One for a whole run."""
    folder = Path(tempfile.mkdtemp(prefix="rowan-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def folder(public_folder):
    """One a test, removed with the run."""
    path = Path(tempfile.mkdtemp(dir=public_folder))
    path.chmod(0o755)
    return path


@pytest.fixture
def place(public_folder):
    """One a test, removed with it."""
    path = Path(tempfile.mkdtemp(dir=public_folder))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def serve(folder):
    """Starts servers of a test's own: serve(SETTING=value, ...)."""
    numbers = count()
    with ExitStack() as running:
        yield lambda **settings: running.enter_context(
            Server(folder / f"server-{next(numbers)}", **settings))
