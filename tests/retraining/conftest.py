"""Servers that the tests of the retraining share: each is started once, when the first test asks for it."""

import shutil
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "http"), str(TESTS / "kafka"), str(TESTS / "registry"),
                str(TESTS / "monitoring"), str(Path(__file__).parent)]
pytest.register_assert_rewrite("kafka", "world")

from fixtures import public_folder  # noqa: E402, F401
from kafka import Cluster  # noqa: E402
from mlflow_server import MlflowServer  # noqa: E402
from prometheus import Prometheus, static_job  # noqa: E402
from real_server import tools  # noqa: E402
from retraining_run import Pushgateway  # noqa: E402
from server import ROOT, Server, eventually, free_port  # noqa: E402
from world import JOB, World, champion_is  # noqa: E402


@pytest.fixture(scope="session")
def session_folder(public_folder):  # noqa: F811
    folder = Path(tempfile.mkdtemp(prefix="retraining-", dir=public_folder))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def data(session_folder):
    """Transactions of a small world: {name: CSV file}. `next` are those of another world."""
    subprocess.run([tools() / "python", Path(__file__).with_name("simulate_data.py"), session_folder],
                   check=True, cwd=ROOT / "training")
    return {name: session_folder / f"{name}.csv" for name in ("first", "next")}


@pytest.fixture(scope="session")
def mlflow(session_folder):
    with MlflowServer(session_folder / "mlflow") as running:
        yield running


@pytest.fixture(scope="session")
def cluster(session_folder):
    with Cluster(session_folder / "kafka") as running:
        yield running


@pytest.fixture(scope="session")
def pushgateway(session_folder):
    with Pushgateway(session_folder) as running:
        yield running


@pytest.fixture(scope="session")
def replicas(session_folder):
    """Two of the service; both read the same link, as two containers of a pod do."""
    link = session_folder / "served"
    link.symlink_to(ROOT / "models/fraud")
    with (Server(session_folder / "replica-a", MODEL_DIR=link, WORKERS=1) as a,
          Server(session_folder / "replica-b", MODEL_DIR=link, WORKERS=1) as b):
        for one in (a, b):
            one.link = link
        yield a, b


@pytest.fixture(scope="session")
def third_port():
    """Prometheus looks here for another replica, which is down unless a test starts one."""
    return free_port()


@pytest.fixture(scope="session")
def prometheus(session_folder, replicas, third_port, pushgateway):
    targets = [f"127.0.0.1:{port}" for port in (*(one.port for one in replicas), third_port)]
    configuration = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [static_job(JOB, *targets),
                           {**static_job("pushgateway", pushgateway.address), "honor_labels": True}]}
    with Prometheus(session_folder, configuration) as running:
        assert eventually(lambda: len(running.query(f'up{{job="{JOB}"}}')) == len(replicas))
        yield running


@pytest.fixture(scope="session")
def numbers():
    return count()


@pytest.fixture(scope="session")
def trained(session_folder, data, tmp_path_factory):
    """Runs up to `evaluate`: {name of the data: folder}. Tests copy them. The first has no champion,
    and is that of the next."""
    found = {}
    for name, file in data.items():
        world = World(session_folder / f"trained-{name}", f"trained-{name}", RETRAINING_DATA=file)
        for step in ("extract", "validate", "train"):
            world.well(step)
        if found:
            shutil.copytree(found["first"] / "model", world.run / "champion")
        world.well("evaluate")
        champion_is(world.run, None, None)
        found[name] = world.run
    return found


@pytest.fixture
def world(session_folder, numbers, trained):
    """A run of a test's own, trained on the first data; its registered model is a name of its own."""
    number = next(numbers)
    run = session_folder / f"run-{number}"
    shutil.copytree(trained["first"], run)
    return World(run, f"fraud-{number}")
