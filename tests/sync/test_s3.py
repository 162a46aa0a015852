"""Artifacts that lie in a real S3: directly, and behind MLflow's proxy; and a real password."""

import hashlib
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from model_directories import FRAUD
from real_server import tools

CROWD = """
import boto3, sys
client = boto3.client("s3")
for number in range(1100):
    client.put_object(Bucket=sys.argv[1], Key=f"{sys.argv[2]}/a-{number}", Body=b"x")
"""


def assert_is_served(follower):
    assert follower.once() == 0, follower.log
    for name in ("contract.json", "golden.jsonl", "model.ubj"):
        assert (follower.link / name).read_bytes() == (FRAUD / name).read_bytes()


def test_a_version_in_s3_is_served_by_signed_requests(mlflow, logged, follow):
    assert logged["s3"]["artifact_uri"].startswith("s3://mlflow/direct/")
    assert_is_served(follow(mlflow, MLFLOW_MODEL_NAME="direct"))


def test_a_listing_in_parts_is_read_to_its_end(mlflow, logged, follow):
    """S3 lists a thousand objects at a time, and the model's come after these."""
    [made] = mlflow.log_models({"kind": "directory", "name": "crowded", "directory": str(FRAUD),
                                "aliases": ["champion"], "location": "s3://mlflow/crowded"})
    bucket, _, prefix = made["artifact_uri"].removeprefix("s3://").partition("/")
    subprocess.run([tools() / "python", "-c", CROWD, bucket, prefix], check=True,
                   env={**os.environ, **mlflow.s3.client_environment})
    assert_is_served(follow(mlflow, MLFLOW_MODEL_NAME="crowded"))


def test_a_version_in_s3_behind_the_proxy_is_served(guarded, follow):
    """Its answers are chunked: no length, no ETag."""
    follower = follow(guarded)
    for name in list(follower.environment):
        if name.startswith("AWS_") or name == "MLFLOW_S3_ENDPOINT_URL":
            del follower.environment[name]
    assert_is_served(follower)


@pytest.mark.parametrize("settings, words", [
    ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "AWS_ACCESS_KEY_ID, its secret"),
    ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "--serve-artifacts"),
    ({"MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:1"}, "connect"),
], ids=["wrong", "none", "nowhere"])
def test_what_is_wrong_with_s3_is_named(mlflow, logged, follow, settings, words):
    follower = follow(mlflow, MLFLOW_MODEL_NAME="direct", **settings)
    assert follower.once() == 1
    follower.says(words)


@pytest.mark.parametrize("settings", [
    {"MLFLOW_TRACKING_PASSWORD": "wrong"},
    {"MLFLOW_TRACKING_USERNAME": "", "MLFLOW_TRACKING_PASSWORD": ""}], ids=["wrong", "none"])
def test_a_wrong_password_is_named(guarded, follow, settings):
    follower = follow(guarded, **settings)
    assert follower.once() == 1
    follower.says("MLFLOW_TRACKING_USERNAME")
    assert follower.metrics()["ml_model_sync_checks_total", "failed"] == 1


def test_what_amazon_wants_is_sent_and_signed(hostile, follow):
    """It answers 400 to a request without the digest of its content; other servers do not ask."""
    seen = []

    class Recorder(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(dict(self.headers))
            self.send_error(403)

        def log_message(self, *_):
            pass

    recorder = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=recorder.serve_forever, args=(0.02,)).start()
    try:
        hostile.play = lambda handler, what, name: what == "uri" and (
            handler.send_json({"artifact_uri": "s3://bucket/some/folder"}) or True)
        follower = follow(hostile, AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="hidden",
                          AWS_SESSION_TOKEN="for-a-while", MLFLOW_S3_ENDPOINT_URL=(
                              f"http://127.0.0.1:{recorder.server_address[1]}"))
        assert follower.once() == 1
    finally:
        recorder.shutdown()
        recorder.server_close()
    [headers] = seen
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["x-amz-content-sha256"] == hashlib.sha256(b"").hexdigest()
    assert headers["x-amz-security-token"] == "for-a-while"
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert {"x-amz-content-sha256", "x-amz-security-token", "x-amz-date", "host"} <= set(signed)
    assert "hidden" not in str(headers) + follower.log
