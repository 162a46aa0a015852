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
ROWAN_SYNC = BUILD / "src/sync/rowan-sync"
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


@pytest.fixture(scope="module")
def of_sync():
    return listed(ROWAN_SYNC)


# ---- names ------------------------------------------------------------------------------


@pytest.mark.parametrize("build", BUILDS)
def test_every_setting_is_known(build, of_nginx, of_stream, of_sync):
    m = manifests(build)
    # Properties of librdkafka are no settings; rowan-stream itself says below whether it knows.
    unknown = {name for name in m.environment("api")
               if name not in of_nginx | (of_sync if m.syncs else set())
               and not name.startswith("KAFKA_")}
    assert unknown == set()
    for container in m.syncs.values():
        assert {v["name"] for v in container["env"]} <= of_sync
    if "stream" in m.containers:
        own = {v["name"] for v in m.containers["stream"]["env"]}
        assert own <= of_stream


# ---- nginx ----------------------------------------------------------------------------------


def serve(place, environment, *arguments):
    """`rowan serve` with the paths of this machine, which the image has elsewhere."""
    here = {"MODEL_DIR": MODEL, "CHALLENGER_DIR": place / "challenger" if "CHALLENGER_DIR" in
            environment else "", "RUNTIME_DIR": place / "run", "METRICS_DIR": place / "metrics",
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


# ---- rowan-sync ---------------------------------------------------------------------------------


def sync_environment(place, container):
    """As the pod gives it, with places of this machine and a registry that nobody is."""
    m = manifests("challenger")
    secrets = {v["name"] for v in m.all_containers[container]["env"]
               if "secretKeyRef" in v.get("valueFrom", {})}
    environment = {name: value.replace("/run/models", str(place)).replace("/models/fraud",
                                                                          str(MODEL))
                   for name, value in m.environment(container).items() if name not in secrets}
    (place / "metrics").mkdir(exist_ok=True)
    return {**environment, "METRICS_DIR": str(place / "metrics"), "REPLICA_ID": "replica-0",
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{closed_port()}"}


def test_a_pod_starts_while_its_registry_is_away(place):
    """With the model of the image; the challenger is then the champion."""
    command = manifests("challenger").all_containers["first-model"]["command"]
    assert command == ["/usr/bin/rowan-sync", "--once"]
    first = run(ROWAN_SYNC, *command[1:], env=sync_environment(place, "first-model"))
    assert first.returncode == 0, first.stderr
    assert (place / "champion").resolve() == MODEL
    follower = run(ROWAN_SYNC, "--once", env=sync_environment(place, "sync-challenger"))
    assert follower.returncode == 0, follower.stderr
    assert (place / "challenger").is_symlink() and (place / "challenger").resolve() == MODEL


@pytest.mark.parametrize("container", ["sync", "sync-challenger"])
def test_sync_lives_while_its_registry_is_away(container, place):
    run(ROWAN_SYNC, "--once", env=sync_environment(place, "first-model"))
    log = place / "log"
    with open(log, "wb") as file:
        process = subprocess.Popen([ROWAN_SYNC], env=sync_environment(place, container),
                                   stderr=file)
    try:
        deadline = time.monotonic() + PATIENCE
        while not log.read_bytes() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        assert log.read_bytes() and process.poll() is None, log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def test_a_mistake_of_a_registrys_setting_stops_the_pod(place):
    environment = {**sync_environment(place, "first-model"), "SYNC_KEPT": "3"}
    finished = run(ROWAN_SYNC, "--once", env=environment)
    assert finished.returncode == 2 and "SYNC_KEPT" in finished.stderr
