"""Artifacts that lie in a real S3: behind MLflow's proxy, and without it; and a real password."""

import pytest

from mlflow_server import MlflowServer
from model_directories import FRAUD


@pytest.fixture(scope="module", params=["behind the proxy", "direct, with a password"])
def registry(request, public_folder, s3):
    direct = request.param.startswith("direct")
    with MlflowServer(public_folder / request.param.split(",")[0].replace(" ", "-"), s3=s3,
                      proxied=not direct, auth=direct) as running:
        running.log_models({"kind": "directory", "name": "fraud", "directory": str(FRAUD),
                            "aliases": ["champion"]})
        running.direct = direct
        yield running


def test_a_version_in_s3_is_served(registry, follow):
    follower = follow(registry)
    assert follower.once() == 0, follower.log
    for name in ("contract.json", "golden.jsonl", "model.ubj"):
        assert (follower.link / name).read_bytes() == (FRAUD / name).read_bytes()


def test_wrong_credentials_are_named(registry, follow):
    if registry.direct:
        wrong = follow(registry, "s3", AWS_SECRET_ACCESS_KEY="wrong")
        assert wrong.once() == 1
        wrong.says("AWS_ACCESS_KEY_ID, its secret")
        nobody = follow(registry, "nobody", MLFLOW_TRACKING_PASSWORD="wrong")
        assert nobody.once() == 1
        nobody.says("MLFLOW_TRACKING_USERNAME")
        keyless = follow(registry, "keyless")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del keyless.environment[name]
        assert keyless.once() == 1
        keyless.says("--serve-artifacts")
    else:
        anybody = follow(registry, "anybody", MLFLOW_TRACKING_TOKEN="any")
        assert anybody.once() == 0, "the proxy asks nobody, and the token does no harm"
