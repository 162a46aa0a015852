"""What bin/rowan-conf and `nginx -t` refuse, and how they say it."""

import os
import shutil
import subprocess

import pytest

import versions
from nginx_process import BUILD, ROOT


@pytest.fixture
def broken(both_versions, models):
    return versions.broken_copies(both_versions["1.0.0"], models)


def test_the_default_configuration_is_accepted(launch):
    checked = launch().check()
    assert checked.returncode == 0 and "[warn]" not in checked.stderr, checked.stderr


def test_checking_leaves_no_image(launch):
    server = launch()
    assert server.check().returncode == 0
    images = server.runtime / "images"
    assert not images.exists() or list(images.iterdir()) == []


def refusal(launch, folder) -> str:
    checked = launch(MODEL_DIR=str(folder)).check()
    assert checked.returncode != 0
    lines = [line for line in checked.stderr.splitlines() if "[emerg]" in line]
    assert len(lines) == 1 and 'model "fraud" refused' in lines[0], checked.stderr
    return lines[0]


def test_a_truncated_model_is_refused_with_its_position(launch, broken):
    folder, file = broken["truncated"]
    line = refusal(launch, folder)
    assert str(folder / file) in line and "byte 4999: " in line


def test_a_broken_contract_is_refused_with_its_position(launch, broken):
    folder, file = broken["contract"]
    line = refusal(launch, folder)
    position = (folder / file).stat().st_size
    assert str(folder / file) in line and str(position) in line


def test_golden_rows_that_differ_are_refused_with_their_row(launch, broken):
    folder, file = broken["mismatch"]
    line = refusal(launch, folder)
    assert str(folder / file) in line and "7" in line.split(file)[1]


@pytest.mark.parametrize("file", ["model.ubj", "contract.json", "golden.jsonl"])
def test_a_missing_file_is_refused(launch, both_versions, models, file):
    folder = versions.broken_copies(both_versions["1.0.0"], models)["mismatch"][0]
    (folder / file).unlink()
    assert str(folder / file) in refusal(launch, folder)


def test_an_empty_directory_is_refused(launch, models):
    folder = models / "empty"
    folder.mkdir()
    assert str(folder) in refusal(launch, folder)


def test_a_link_to_nowhere_is_refused_by_nginx_too(launch, models):
    link = models / "link"
    link.symlink_to(models / "nowhere")
    server = launch(MODEL_DIR=str(link), MODEL_OPTIONAL="1")
    checked = server.check()
    assert checked.returncode == 0
    assert "is not served until" in checked.stderr
    configuration = server.runtime / "nginx.conf"
    configuration.write_text(configuration.read_text().replace(" optional;", ";"))
    checked = subprocess.run(server.command("-t"), stderr=subprocess.PIPE, text=True)
    assert checked.returncode != 0 and str(link) in checked.stderr


DIRECTIVES = {
    "rowan_model fraud /nowhere;": 'duplicate model "fraud"',
    "rowan_model a/b /nowhere;": "invalid model name",
    "rowan_model other /nowhere whatever;": "invalid parameter",
    "rowan_batch_max 0;": "value must be between 1 and",
    "rowan_model_check 1ms;": "rowan_model_check",
    "server { listen 127.0.0.1:1; location / { rowan_predict nobody; } }": 'no model "nobody"',
    "server { listen 127.0.0.1:1; location / { rowan_predict fraud; rowan_health; } }":
        "has a handler already",
}


@pytest.mark.parametrize("directive", DIRECTIVES)
def test_a_wrong_directive_is_refused(launch, directive):
    server = launch()
    server.configure()
    configuration = server.runtime / "nginx.conf"
    configuration.write_text(configuration.read_text().rstrip().rstrip("}") + directive + "}\n")
    checked = subprocess.run(server.command("-t"), stderr=subprocess.PIPE, text=True)
    assert checked.returncode != 0
    assert DIRECTIVES[directive] in checked.stderr
    assert "nginx.conf" in checked.stderr


ENVIRONMENT = {
    "API_PORT": ["0", "65536", "http", "-1", "80 80", "8000;"],
    "API_HOST": ["a b", "127.0.0.1;", "-x", "1.2.3.4:80"],
    "LOG_LEVEL": ["loud", "info;"],
    "ENVIRONMENT": ["a b", '";}', "x" * 65],
    "MODEL_DIR": ["/nowhere", '/tmp/"', "/tmp/a;b", "/tmp/$x"],
    "MODEL_OPTIONAL": ["yes"],
    "WORKERS": ["0", "many"],
    "BODY_MAX": ["0", "8g", "8m;"],
    "BODY_BUFFER": ["no"],
    "ACCESS_LOG": ["/tmp/x;"],
    "TLS_CERTIFICATE": ["/nowhere"],
    "TLS_KEY": ["/nowhere"],
    "ROWAN_BUILD_DIR": ["/nowhere"],
}
CASES = [(name, value) for name, values in ENVIRONMENT.items() for value in values]


@pytest.mark.parametrize("name, value", CASES)
def test_a_wrong_variable_is_refused_by_its_name(models, name, value):
    done = subprocess.run([ROOT / "bin/rowan-conf", models], stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "ROWAN_BUILD_DIR": str(BUILD), name: value})
    assert done.returncode == 1
    assert done.stderr.startswith("rowan-conf: ") and done.stderr.count("\n") == 1
    if name not in ("TLS_CERTIFICATE", "TLS_KEY"):
        assert name in done.stderr
    else:
        assert "TLS_" in done.stderr
    assert not (models / "nginx.conf").exists()


def test_paths_with_spaces_and_ampersands(launch, models, both_versions):
    folder = models / "a model & its 'friends' (v1)"
    shutil.copytree(both_versions["1.0.0"].folder, folder)
    checked = launch(MODEL_DIR=str(folder)).check()
    assert checked.returncode == 0, checked.stderr
