"""The programs take what the manifests tell them: nginx its configuration, rowan-stream its
environment, and no variable is one that nobody knows."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from manifests import ARGOCD, BUILDS, manifests
from tools import BUILD, ROOT, output, run

ROWAN = BUILD / "src/cli/rowan"
ROWAN_STREAM = BUILD / "src/stream/rowan-stream"
MODEL = ROOT / "models/fraud"
PATIENCE = 60  # seconds until something that must come counts as absent; no measure of speed


def listed(*command):
    """Names of a table of settings."""
    return set(re.findall(r"^\| `([A-Z_]+)` \|", output(*command, "--list-settings"), re.M))


@pytest.fixture(scope="module")
def of_nginx():
    return listed(ROWAN, "serve")


@pytest.fixture(scope="module")
def of_stream():
    return listed(ROWAN_STREAM)


# ---- names ------------------------------------------------------------------------------


@pytest.mark.parametrize("build", BUILDS)
def test_every_setting_is_known(build, of_nginx, of_stream):
    m = manifests(build)
    # Properties of librdkafka are no settings; rowan-stream itself says below whether it knows.
    unknown = {name for name in m.environment("api")
               if name not in of_nginx and not name.startswith("KAFKA_")}
    assert unknown == set()
    if "stream" in m.containers:
        own = {v["name"] for v in m.containers["stream"]["env"]}
        assert own <= of_stream


# ---- nginx ----------------------------------------------------------------------------------


def serve(place, environment, *arguments):
    """`rowan serve` with the paths of this machine, which the image has elsewhere."""
    here = {"MODEL_DIR": MODEL, "RUNTIME_DIR": place / "run", "METRICS_DIR": place / "metrics",
            "ROWAN_SHARE_DIR": BUILD / "share/rowan", "REPLICA_ID": "replica-0",
            "ROWAN_MODULE": BUILD / "ngx_http_rowan_module.so", "PATH": os.environ["PATH"],
            "NGINX": shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")}
    (place / "run").mkdir()
    return run(ROWAN, "serve", *arguments,
               env={**environment, **{name: str(value) for name, value in here.items()}})


@pytest.mark.parametrize("build", BUILDS)
def test_nginx_takes_the_settings(build, place):
    environment = manifests(build).environment("api")
    checked = serve(place, environment, "--check")
    assert checked.returncode == 0, checked.stderr


def test_nginx_gets_what_the_settings_say(place):
    settings = manifests("base").environment("api")
    rendered = serve(place, settings, "--render")
    assert rendered.returncode == 0, rendered.stderr
    text = (place / "run/nginx.conf").read_text()
    assert f"set_real_ip_from {settings['TRUSTED_PROXIES']};" in text
    assert f"listen {settings['API_HOST']}:{settings['API_PORT']}" in text
    assert re.search(rf"client_max_body_size\s+{settings['BODY_MAX']};", text)


def test_a_bad_setting_stops_the_start(place):
    """So a mistake in config.env is a pod that never starts, and the old ones go on."""
    environment = {**manifests("base").environment("api"), "WORKERS": "many"}
    checked = serve(place, environment, "--check")
    assert checked.returncode == 2
    assert "WORKERS" in checked.stderr


# ---- rowan-stream -------------------------------------------------------------------------------


A_CA = "/etc/ssl/certs/ca-certificates.crt"


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def suggested():
    """The settings that the overlay suggests in comments."""
    text = (ARGOCD / "overlays/kafka/kustomization.yaml").read_text()
    return dict(pair.split("=", 1) for pair in re.findall(r"# - (KAFKA_\S+)", text))


def stream_environment(place, **more):
    environment = {**manifests("kafka").environment("stream"), **more}
    # Nobody listens there: what is asked is whether it starts, and lives without a broker.
    return {**environment, "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{closed_port()}",
            "MODEL_DIR": str(MODEL), "METRICS_DIR": str(place), "REPLICA_ID": "replica-0"}


def probe(environment, name):
    container = manifests("kafka").containers["stream"]
    program, *arguments = container[name]["exec"]["command"]
    assert program == "/usr/bin/rowan-stream"
    return run(ROWAN_STREAM, *arguments, env=environment).returncode == 0


def lives(process, environment):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if probe(environment, "startupProbe"):
            return probe(environment, "livenessProbe")
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("more", [{}, suggested()], ids=["as it is", "with TLS and a password"])
def test_stream_starts_and_lives_without_a_broker(more, place):
    password = place / "password"
    password.write_text("secret\n")
    here = {"KAFKA_SASL_PASSWORD_FILE": str(password), "KAFKA_SSL_CA_LOCATION": A_CA}
    more = {name: here.get(name, value) for name, value in more.items()}
    environment = stream_environment(place, **more)
    log = place / "log"
    with open(log, "wb") as file:
        process = subprocess.Popen([ROWAN_STREAM], env=environment, stderr=file)
    try:
        assert lives(process, environment), log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def test_the_overlay_suggests_files_of_the_secret():
    assert set(suggested()) == {"KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM",
                                "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD_FILE",
                                "KAFKA_SSL_CA_LOCATION"}
    mounts = {mount["mountPath"]: mount["name"]
              for mount in manifests("kafka").containers["stream"]["volumeMounts"]}
    for setting in ("KAFKA_SASL_PASSWORD_FILE", "KAFKA_SSL_CA_LOCATION"):
        folder, _, name = suggested()[setting].rpartition("/")
        volume = next(v for v in manifests("kafka").pod["volumes"] if v["name"] == mounts[folder])
        assert name in [item["path"] for item in volume["secret"]["items"]]


def test_a_variable_that_nobody_knows_stops_the_stream(place):
    environment = stream_environment(place, KAFKA_SASL_PASWORD_FILE="/run/secrets/kafka/password")
    finished = run(ROWAN_STREAM, env=environment)
    assert finished.returncode == 2
    assert "KAFKA_SASL_PASWORD" in finished.stderr
