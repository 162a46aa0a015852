"""A real S3 server, which checks signatures, with transactions in it; the environment is what the AWS tools read.

Spark needs jars to read it; Maven fetches them once, into the cache.
"""

import hashlib
import io
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
from botocore.config import Config

from rowan_training.simulator import SimulationConfig, simulate

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "registry"))
from s3_server import KEY, REGION, SECRET, S3Server  # noqa: E402

BUCKET = "payments"
POM = Path(__file__).resolve().parents[1] / "spark-s3" / "pom.xml"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rowan"


def jars() -> str:
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"spark-s3-{digest}"
    if not folder.exists():
        # Under a name of its own until it is whole: another run may fetch at the same time.
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        command = ["mvn", "--quiet", "--batch-mode", "--no-transfer-progress", "-Dstyle.color=never", "--file", POM]
        command += ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
        subprocess.run([str(part) for part in command], check=True)
        try:
            fresh.rename(folder)
        except OSError:
            shutil.rmtree(fresh)
    return ",".join(str(jar) for jar in sorted(folder.glob("*.jar")))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="session")
def payments() -> pd.DataFrame:
    return simulate(SimulationConfig(n_customers=60, n_terminals=300, n_days=20, radius=10.0))


@pytest.fixture(scope="session")
def bucket(server: S3Server, payments: pd.DataFrame) -> Any:
    """csv/ has two files of CSV, parquet/ two of Parquet beside Spark's mark, spoiled/ half a file, mixed/ both."""
    config = Config(s3={"addressing_style": "path"})
    client = boto3.client(
        "s3",
        endpoint_url=server.url,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name=REGION,
        config=config,
    )
    client.create_bucket(Bucket=BUCKET)
    half = len(payments) // 2
    parts = {"a": payments.iloc[half:], "b": payments.iloc[:half]}
    contents = {"parquet/_SUCCESS": b""}
    for name, part in parts.items():
        contents[f"csv/day={name}/{name}.csv"] = part.to_csv(index=False).encode()
        contents[f"parquet/{name}.parquet"] = _parquet(part)
    contents["spoiled/a.parquet"] = contents["parquet/a.parquet"][:5_000]
    contents["mixed/a.parquet"] = contents["parquet/a.parquet"]
    contents["mixed/b.csv"] = contents["csv/day=b/b.csv"]
    for key, content in contents.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=content)
    return client


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


@pytest.fixture
def environment(server: S3Server, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in server.client_environment.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens: the port is taken, and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
