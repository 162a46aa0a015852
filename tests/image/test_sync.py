"""rowan-sync as the image has it: its name, its own libcurl, its certificate authorities, names
from files; against a real MLflow, in the image's root filesystem."""

import json
import os
import re
import shutil
import subprocess

import pytest

from certificate import make_certificate
from engine import PATIENCE, ROOT, eventually
from mlflow_server import MlflowServer
from real_server import free_ports

USER = 65532
FRAUD = ROOT / "models/fraud"
NAMED = "registry.example"
AUTHORITY = "MLFLOW_TRACKING_SERVER_CERT_PATH"
PROXY = """
daemon off; master_process off; pid nginx.pid; error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{tls} ssl;
        listen 127.0.0.1:{plain};
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{ proxy_pass {registry}; }}
    }}
}}
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def registry(root, certificate, tmp_path_factory):
    """(its address by TLS, its address by a name without TLS) of a real MLflow, whose model fraud
    has the alias champion; the image's nginx is in front."""
    folder = tmp_path_factory.mktemp("proxy")
    tls, plain = free_ports(2)
    with MlflowServer(tmp_path_factory.mktemp("mlflow")) as mlflow:
        mlflow.log_models({"kind": "directory", "name": "fraud", "directory": str(FRAUD),
                           "aliases": ["champion"]})
        (folder / "nginx.conf").write_text(PROXY.format(
            tls=tls, plain=plain, certificate=certificate[0], key=certificate[1],
            registry=mlflow.url))
        with open(folder / "log", "wb") as log:
            proxy = subprocess.Popen([root / "usr/bin/nginx", "-p", folder, "-c", "nginx.conf",
                                      "-e", "stderr"], stderr=log)
        health = ["curl", "--silent", "--fail", f"http://127.0.0.1:{plain}/health"]
        try:
            ready = eventually(lambda: subprocess.run(health, capture_output=True).returncode == 0)
            assert ready, (folder / "log").read_text()
            yield f"https://127.0.0.1:{tls}", f"http://{NAMED}:{plain}"
        finally:
            proxy.terminate()
            proxy.wait(PATIENCE)


@pytest.fixture
def sync(root, image_config):
    """sync(arguments, SETTING=value): rowan-sync in the image's root filesystem, as its user, to
    its end; sync.link is the link that it swaps."""
    folder = root / "run/rowan/models"
    folder.mkdir()
    os.chown(folder, USER, USER)
    own = dict(setting.split("=", 1) for setting in image_config["Env"])

    def run(*arguments, **settings):
        return subprocess.run(
            [shutil.which("chroot"), f"--userspec={USER}:{USER}", root, "/usr/bin/rowan-sync",
             *arguments], capture_output=True, text=True, timeout=PATIENCE,
            env={**own, "MODEL_DIR": "/run/rowan/models/champion", **settings})

    run.link = folder / "champion"
    yield run
    shutil.rmtree(folder)


@pytest.fixture
def added(root):
    """added(path, bytes): the end of a file of the root filesystem for one test."""
    before = {}

    def add(path, content):
        path = root / path
        before[path] = path.read_bytes() if path.exists() else None
        path.write_bytes((before[path] or b"") + content)

    yield add
    for path, content in before.items():
        path.unlink() if content is None else path.write_bytes(content)


def leads_to_the_model(link):
    return all((link / name).read_bytes() == (FRAUD / name).read_bytes()
               for name in ("contract.json", "golden.jsonl", "model.ubj"))


def test_it_knows_itself_by_its_name(sync):
    helped = sync("--help")
    assert helped.returncode == 0 and "rowan-sync" in helped.stdout
    assert AUTHORITY in helped.stdout


def test_its_libcurl_is_the_listed_one(sync, files):
    bill = json.loads(files.contents["usr/share/rowan/sbom.cdx.json"])
    version = {part["name"]: part["version"] for part in bill["components"]}
    said = sync("--version").stdout
    assert f"libcurl/{version['curl']}" in said
    assert f"OpenSSL/{version['openssl'].partition('-')[0]}" in said
    # Nothing that Debian's own libcurl brings along.
    assert re.findall(r"(\w+)/[0-9]", said.partition("libcurl/")[2]) == ["OpenSSL"]
    assert {"expat", "libyaml"} <= set(version)


def test_an_authority_is_named_in_a_setting(sync, registry, certificate, added):
    added("tmp/authority.pem", certificate[0].read_bytes())
    ended = sync("--once", MLFLOW_TRACKING_URI=registry[0], **{AUTHORITY: "/tmp/authority.pem"})
    assert ended.returncode == 0, ended.stderr
    assert leads_to_the_model(sync.link)


def test_an_unknown_authority_is_refused(sync, registry):
    ended = sync("--once", MLFLOW_TRACKING_URI=registry[0])
    assert ended.returncode == 1 and not sync.link.exists()
    assert AUTHORITY in ended.stderr and "certificate" in ended.stderr


def test_the_images_own_authorities_are_the_default(sync, registry, certificate, added):
    added("etc/ssl/certs/ca-certificates.crt", certificate[0].read_bytes())
    ended = sync("--once", MLFLOW_TRACKING_URI=registry[0])
    assert ended.returncode == 0, ended.stderr
    assert leads_to_the_model(sync.link)


def test_names_come_from_files(sync, registry, added):
    """A static program's own resolver, in libcurl's thread; an engine writes /etc/hosts."""
    added("etc/hosts", f"127.0.0.1 {NAMED}\n".encode())
    ended = sync("--once", MLFLOW_TRACKING_URI=registry[1])
    assert ended.returncode == 0, ended.stderr
    assert leads_to_the_model(sync.link)


def test_the_images_model_is_the_fallback(sync):
    """As argocd/manifests/registry has it: no registry keeps a pod from starting."""
    [port] = free_ports(1)
    ended = sync("--once", MLFLOW_TRACKING_URI=f"http://127.0.0.1:{port}",
                 SYNC_FALLBACK="/models/fraud")
    assert ended.returncode == 0, ended.stderr
    assert os.readlink(sync.link).endswith("models/fraud")


def test_the_manifests_start_what_the_image_has(files):
    named = {name for path in [*(ROOT / "argocd").rglob("*.yaml"), ROOT / "compose.yaml"]
             for name in re.findall(r"/usr/bin/[\w-]+", path.read_text())}
    assert "/usr/bin/rowan-sync" in named
    assert {name.strip("/") for name in named} <= set(files)
