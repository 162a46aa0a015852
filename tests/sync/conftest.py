"""Registries, real and hostile, and those who follow them."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "registry"), str(HERE.parent / "http")]
pytest.register_assert_rewrite("follower")

from fixtures import folder, public_folder  # noqa: E402, F401
from follower import Follower  # noqa: E402
from hostile_registry import HostileRegistry  # noqa: E402
from mlflow_server import MlflowServer  # noqa: E402
from model_directories import FRAUD, make_second_version  # noqa: E402
from real_server import tools  # noqa: E402
from s3_server import S3Server  # noqa: E402
from server import ROOT, ROWAN, Server  # noqa: E402


@pytest.fixture(scope="session")
def second_version(public_folder):  # noqa: F811
    """Half the trees of the shipped model, with XGBoost's own numbers for them."""
    return make_second_version(public_folder / "second")


@pytest.fixture(scope="session")
def registries(public_folder):  # noqa: F811
    """The servers of the whole suite. MLflow takes its time to start: all at once."""
    s3 = S3Server(public_folder / "s3")
    plain = MlflowServer(public_folder / "mlflow", s3=s3)
    guarded = MlflowServer(public_folder / "guarded", s3=s3, bucket="mlflow", auth=True)
    with ExitStack() as running, ThreadPoolExecutor(3) as threads:
        list(threads.map(running.enter_context, (s3, plain, guarded)))
        s3.make_bucket("mlflow")
        yield plain, guarded


@pytest.fixture(scope="session")
def mlflow(registries):
    """Its proxy hands out files of a folder, and nobody is asked for a password."""
    return registries[0]


@pytest.fixture(scope="session")
def guarded(registries):
    """Behind its proxy is S3, and it asks for a password; model fraud has the alias champion."""
    server = registries[1]
    server.log_models({"kind": "directory", "name": "fraud", "directory": str(FRAUD),
                       "aliases": ["champion"]})
    return server


@pytest.fixture(scope="session")
def logged(mlflow, second_version):
    """By name: what became of the models that all tests share; fraud has versions 1 and 2."""
    wanted = {
        "first": {"kind": "directory", "name": "fraud", "directory": str(FRAUD),
                  "aliases": ["champion"], "stage": "Production"},
        "second": {"kind": "directory", "name": "fraud", "directory": str(second_version),
                   "aliases": ["challenger"]},
        "run": {"kind": "run", "directory": str(FRAUD)},
        "plain": {"kind": "xgboost", "name": "plain", "directory": str(FRAUD),
                  "aliases": ["champion"]},
        "s3": {"kind": "directory", "name": "direct", "directory": str(FRAUD),
               "aliases": ["champion"], "location": "s3://mlflow/direct"},
        "sklearn": {"kind": "sklearn", "name": "forest", "aliases": ["champion"]},
    }
    return dict(zip(wanted, mlflow.log_models(*wanted.values())))


@pytest.fixture(scope="session")
def trained(public_folder):  # noqa: F811
    """{kind of model: a directory as training writes it, with the library's own golden rows}"""
    data = public_folder / "transactions.csv"
    with open(data, "wb") as file:
        subprocess.run([ROWAN, "simulate", "--label", "--days", "60", "--customers", "500",
                        "--terminals", "1000"], check=True, stdout=file, stderr=subprocess.DEVNULL)

    def train(kind):
        subprocess.run([tools() / "python", "-m", "rowan_training", "train", "--data", data,
                        "--labels", "complete", "--model", kind, "--out", public_folder / kind],
                       check=True, stderr=subprocess.PIPE,
                       env={**os.environ, "PYTHONPATH": str(ROOT / "training"),
                            "ROWAN_BIN": str(ROWAN)})
        return public_folder / kind / "model"

    kinds = ("lightgbm", "random-forest")
    with ThreadPoolExecutor(2) as threads:
        return dict(zip(kinds, threads.map(train, kinds)))


@pytest.fixture(scope="session")
def logged_trained(mlflow, trained):
    """They are registered in each way in which a model of their kind can be."""
    forest, boosted = str(trained["random-forest"]), str(trained["lightgbm"])
    wanted = [("lightgbm", "plain-lightgbm", boosted), ("onnx", "plain-random-forest", forest),
              ("sklearn", "forest-with-onnx", forest), ("directory", "boosted", boosted)]
    mlflow.log_models(*({"kind": kind, "name": name, "directory": directory,
                         "aliases": ["champion"]} for kind, name, directory in wanted))


@pytest.fixture
def follow(folder):  # noqa: F811
    """follow(registry, SETTING=value): a rowan-sync that follows a real server or a hostile one;
    it ends with the test."""
    made = []

    def make(registry, name="sync", **settings):
        environment = (getattr(registry, "client_environment", None)
                       or {"MLFLOW_TRACKING_URI": registry.url} if registry else {})
        made.append(Follower(folder / name, environment, **settings))
        return made[-1]

    yield make
    for follower in made:
        if follower.process:
            follower.end(9)


@pytest.fixture
def hostile():
    with HostileRegistry(FRAUD) as running:
        yield running


@pytest.fixture
def serving(folder):  # noqa: F811
    """serving(follower): a real `rowan serve` of the same link and metrics."""
    running = []

    def make(follower):
        running.append(Server(folder / "serve", MODEL_DIR=follower.link,
                              METRICS_DIR=follower.metrics_dir))
        return running[-1].start()

    yield make
    for server in running:
        server.stop()
