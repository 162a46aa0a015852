"""Brokers and pipelines."""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("kafka", "load_tool", "pipeline", "records", "stream")

from kafka import Cluster
from pipeline import Pipeline


@pytest.fixture(scope="session")
def session_folder():
    """Short, and gone at the end: brokers write hundreds of megabytes."""
    folder = Path(tempfile.mkdtemp(prefix="rowan-kafka-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def folder_of(session_folder):
    """Makes folders: folder_of(name)."""
    numbers = count()
    return lambda name: session_folder / f"{next(numbers)}-{name}"


@pytest.fixture(scope="session")
def cluster(folder_of):
    """One broker for all tests that leave it alive."""
    with Cluster(folder_of("cluster")) as running:
        yield running


@pytest.fixture
def make_cluster(folder_of):
    """Clusters of a test's own: make_cluster(n, setting=value, ...), started."""
    with ExitStack() as running:
        yield lambda n=1, **settings: running.enter_context(
            Cluster(folder_of("cluster"), n, **settings))


@pytest.fixture
def pipeline_on(folder_of):
    """Pipelines: pipeline_on(cluster, ...); their streams end with the test."""
    with ExitStack() as made:
        def make(cluster, **options):
            pipeline = Pipeline(cluster, folder_of("pipeline"), **options)
            made.callback(pipeline.close)
            return pipeline
        yield make


@pytest.fixture
def pipeline(cluster, pipeline_on):
    """The usual one: six partitions, on the broker that all tests share."""
    return pipeline_on(cluster)


@pytest.fixture(scope="session")
def mortal_cluster(folder_of):
    """One broker for tests that kill it, and start it again."""
    with Cluster(folder_of("mortal-cluster")) as running:
        yield running


@pytest.fixture(scope="session")
def three_brokers(folder_of):
    """For tests that kill one of them, and start it again."""
    with Cluster(folder_of("three-brokers"), 3) as running:
        yield running


@pytest.fixture(scope="session")
def second_version(folder_of):
    """Half the trees of the shipped model, with XGBoost's own numbers for them."""
    from model_directories import make_second_version
    folder = folder_of("second-version")
    return make_second_version(folder)


@pytest.fixture(scope="session")
def both_scores(second_version):
    """{version: XGBoost's float32 probability of each golden row}."""
    from model_directories import FRAUD, version_of
    return {name: list(version.probabilities)
            for name, version in map(version_of, (FRAUD, second_version))}
