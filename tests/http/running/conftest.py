"""Servers and models of the HTTP tests."""

import shutil
import sys
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import versions
from nginx_process import Server, public_folder


@pytest.fixture(scope="session")
def server():
    """The default model, for tests that change nothing."""
    server = Server(WORKERS="2").start()
    yield server
    server.stop()


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


@pytest.fixture
def launch():
    """Makes servers: launch(API_PORT=..., ...) is not yet started."""
    servers = []

    def make(**environment) -> Server:
        servers.append(Server(**environment))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def golden():
    return versions.golden_rows()


@pytest.fixture
def models():
    """A folder for model directories that nginx's workers can read."""
    folder = public_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def both_versions():
    """Version 1.0.0 is the default model, 2.0.0 its first 50 rounds."""
    folder: Path = public_folder()
    yield {name: versions.write_version(folder / name, name, rounds)
           for name, rounds in (("1.0.0", 100), ("2.0.0", 50))}
    shutil.rmtree(folder)
