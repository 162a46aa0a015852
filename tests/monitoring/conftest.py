"""What the tests of monitoring/ share: the real servers of tests/http and tests/kafka."""

import shutil
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "http"), str(TESTS / "kafka"), str(TESTS / "manifests"),
                str(Path(__file__).parent)]


@pytest.fixture
def place(tmp_path_factory):
    """A folder that nginx's workers may enter when the test is root, unlike pytest's own ones."""
    folder = tmp_path_factory.mktemp("run")
    for part in (folder, folder.parent):
        part.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
