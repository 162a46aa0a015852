"""Fixtures: real servers, and model directories to serve."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("scrape", "traffic", "wire")

from certificate import make_certificate
from fixtures import folder, public_folder, serve  # noqa: F401
from model_directories import FRAUD, make_second_version, version_of
from server import Server


@pytest.fixture(scope="session")
def golden():
    return [json.loads(line) for line in (FRAUD / "golden.jsonl").read_text().splitlines()]


@pytest.fixture(scope="session")
def request_body(golden):
    """A valid transaction with all its fields."""
    return max((row["request"] for row in golden), key=len)


@pytest.fixture(scope="session")
def request_text(request_body):
    """The same as JSON."""
    return json.dumps(request_body, separators=(",", ":"))


@pytest.fixture(scope="session")
def first_version():
    return FRAUD


@pytest.fixture(scope="session")
def second_version(public_folder):
    """Half the trees of the shipped model, with XGBoost's own numbers for them."""
    return make_second_version(public_folder / "second")


@pytest.fixture(scope="session")
def both_versions(first_version, second_version):
    """Name -> Version, with XGBoost's own numbers."""
    return dict(version_of(folder) for folder in (first_version, second_version))


@pytest.fixture(scope="session")
def certificate(public_folder):
    """(certificate, key), self-signed, for 127.0.0.1."""
    return make_certificate(public_folder)


@pytest.fixture(scope="session")
def server(public_folder):
    """One server with the default settings, for tests that leave it as it is."""
    with Server(public_folder / "default") as running:
        yield running


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
def linked_model(folder, first_version):
    """A link to the first version, to be swapped by rename(2)."""
    link = folder / "model"
    link.symlink_to(first_version)
    return link
