"""What `rowan serve` and `nginx -t` refuse, and how they say it: what, where and why."""

import subprocess

import pytest

from model_directories import BROKEN, FRAUD, copy_of, make_broken
from server import ROWAN, Server, configuration_test, configure, environment_of, free_port


def nginx_t(folder, edit=None, **settings):
    """`nginx -t` of the configuration that these settings give."""
    configuration = configure(folder / "conf", {"API_PORT": free_port(), **settings})
    if edit:
        configuration.write_text(edit(configuration.read_text()))
    return configuration_test(folder / "conf")


def refusal(folder, **settings):
    """The one line that says why nginx does not start."""
    done = nginx_t(folder, **settings)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if "[emerg]" in line]
    assert len(lines) == 1, done.stderr
    return lines[0]


# ---- model directories -------------------------------------------------------------------


def test_the_default_configuration_is_accepted_and_leaves_no_image(folder):
    done = nginx_t(folder)
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr
    assert not list((folder / "conf").rglob("*.img"))


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_directory_fails_the_configuration(folder, kind):
    directory, words = make_broken(kind, folder / "bad")
    line = refusal(folder, MODEL_DIR=directory)
    for word in ['model "fraud" refused', str(directory), "nginx.conf:", *words]:
        assert word in line


@pytest.mark.parametrize("kind", BROKEN)
def test_an_optional_bad_directory_is_only_told(folder, kind):
    directory, words = make_broken(kind, folder / "bad")
    done = nginx_t(folder, MODEL_DIR=directory, MODEL_OPTIONAL=1)
    assert done.returncode == 0
    for word in ["is not served until", str(directory), *words]:
        assert word in done.stderr


def test_a_link_to_nowhere_is_refused_by_nginx_too(folder):
    link = folder / "link"
    link.symlink_to(folder / "nowhere")
    line = refusal(folder, MODEL_DIR=link, MODEL_OPTIONAL=1,
                   edit=lambda text: text.replace(" optional;", ";"))
    assert str(link) in line


def test_paths_with_spaces_and_ampersands(folder):
    directory = copy_of(FRAUD, folder / "a model & its 'friends' (v1)")
    done = nginx_t(folder, MODEL_DIR=directory)
    assert done.returncode == 0, done.stderr


def test_a_test_leaves_a_running_server_alone(server, request_body):
    images = server.images()
    for _ in range(3):
        assert configuration_test(server.folder).returncode == 0
    assert server.images() == images
    assert server.predict(request_body).status_code == 200


# ---- directives ----------------------------------------------------------------------------


DIRECTIVES = {
    "rowan_model a/b DIR;": "invalid model name",
    "rowan_model second DIR; rowan_model second DIR;": 'duplicate model "second"',
    "rowan_model second DIR maybe;": 'invalid parameter "maybe"',
    "rowan_model_check 1ms;": "rowan_model_check",
    "rowan_batch_max 0;": "value must be between 1 and",
    "server { location / { rowan_predict nobody; } }": 'no model "nobody"',
    "server { location / { rowan_health; rowan_ready; } }": "has a handler already",
    "server { location / { rowan_health fraud fraud; } }": "invalid number of arguments",
}


@pytest.mark.parametrize("text", DIRECTIVES)
def test_wrong_directives_are_named(folder, text):
    line = refusal(folder, edit=lambda whole: whole.replace(
        "server {", text.replace("DIR", str(FRAUD)) + "\n    server {", 1))
    assert DIRECTIVES[text] in line


def test_a_canary_by_variable(folder, second_version, request_body):
    """split_clients and the like: the name of the model comes from a variable."""

    def edit(text):
        text = text.replace("rowan_predict fraud;", "rowan_predict $chosen;")
        text = text.replace("rowan_health fraud;", "rowan_health;")
        return text.replace("server {", f"""
    rowan_model next "{second_version}";
    map $http_x_model $chosen {{ default fraud; next next; nobody nobody; }}
    server {{""", 1)

    with Server(folder / "canary", edit=edit) as running:
        replies = {name: running.post("/predict", json=request_body, headers={"X-Model": name})
                   for name in ("fraud", "next", "nobody")}
        assert replies["fraud"].json()["model_version"] == "1.0.0"
        assert replies["next"].json()["model_version"] == "2.0.0-half"
        assert replies["nobody"].status_code == 404
        assert set(running.get("/health").json()["models"]) == {"fraud", "next"}


def test_a_model_that_no_directive_names_is_not_found_anywhere(folder, request_body):
    def edit(text):
        for directive in ("rowan_predict", "rowan_health", "rowan_ready", "rowan_openapi"):
            text = text.replace(directive + " fraud;", directive + " $arg_model;")
        return text

    with Server(folder / "named", edit=edit) as running:
        for name, status in (("fraud", 200), ("fraud2", 404), ("frau", 404), ("", 404)):
            replies = [running.get(f"{path}?model={name}")
                       for path in ("/health", "/readyz", "/openapi.json")]
            replies.append(running.post(f"/predict?model={name}", json=request_body))
            assert [reply.status_code for reply in replies] == [status] * 4
            if status == 404:
                assert {reply.json()["detail"] for reply in replies} == {"No such model"}


# ---- the environment ------------------------------------------------------------------------


ENVIRONMENT = {
    "API_PORT": ["0", "65536", "http", "-1", "80 80", "8000;"],
    "API_HOST": ["a b", "127.0.0.1;", "-x", "1.2.3.4:80"],
    "LOG_LEVEL": ["loud", "info;", "#", "[a-z]*"],
    "ENVIRONMENT": ["a b", '";}', "x" * 65],
    "MODEL_DIR": ["/nowhere", '/tmp/"', "/tmp/a;b", "/tmp/$x"],
    "MODEL_OPTIONAL": ["yes"],
    "WORKERS": ["0", "many"],
    "BODY_MAX": ["0", "8g", "8m;"],
    "BODY_BUFFER": ["no"],
    "ROWAN_ACCESS_LOG": ["yes", "/dev/stdout"],
    "ROWAN_ACCESS_LOG_FILE": ["/tmp/x;", "/tmp/no-json"],
    "ROWAN_ACCESS_LOG_SAMPLE": ["2", "1.5", "-1", "0.00001", "1%", ".5", "all"],
    "REPLICA_ID": ["a b", 'a"', "x" * 254],
    "API_KEYS": ["/nowhere", "/tmp/a;b"],
    "API_KEYS_REQUIRED": ["1", "yes"],
    "TLS_CLIENT_CA": ["/nowhere"],
    "TLS_CERTIFICATE": ["/nowhere"],
    "TLS_KEY": ["/nowhere"],
    "RATE_LIMIT": ["0", "1000001", "none", "2 000"],
    "RATE_BURST": ["off", "1000001"],
    "CLIENT_CONNECTIONS": ["0", "65536", "no"],
    "SHED_TARGET": ["0", "51", "5ms"],
    "TRUSTED_PROXIES": ["proxy", "10.0.0.0/33", "::1/129", "10.0.0.1;", "10.0.0.1/", "1.2.3"],
    "CLIENT_TIMEOUT": ["0", "3601", "10s"],
    "CONNECTIONS": ["63", "65536"],
    "RUNTIME_DIR": ["/no/where", "/etc/passwd", "/tmp/a;b"],
    "METRICS_DIR": ["/no/where", "/etc/passwd", "/tmp/a;b"],
    "ROWAN_SHARE_DIR": ["/nowhere", "/tmp/a;b"],
    "ROWAN_MODULE": ["/nowhere", "/tmp/a;b"],
}
CASES = [(name, value) for name, values in ENVIRONMENT.items() for value in values]


@pytest.mark.parametrize("name, value", CASES)
def test_a_wrong_variable_is_refused_by_its_name(folder, name, value):
    done = subprocess.run([ROWAN, "serve", "--render"], stderr=subprocess.PIPE, text=True,
                          env=environment_of(folder, {name: value}))
    assert done.returncode == 2
    assert done.stderr.startswith("rowan: ") and done.stderr.count("\n") == 1
    assert ("TLS_" if name.startswith("TLS_") else name) in done.stderr
    assert not (folder / "nginx.conf").exists()
