"""`nginx -t` refuses what must not be served, and says what, where and why."""

import pytest

from model_directories import BROKEN, FRAUD, make_broken
from server import Server, configuration_test, configure, free_port


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_directory_fails_the_configuration(folder, kind):
    directory, words = make_broken(kind, folder / "bad")
    configure(folder / "conf", {"MODEL_DIR": directory, "API_PORT": free_port()})
    tested = configuration_test(folder / "conf")
    assert tested.returncode != 0
    line = next(line for line in tested.stderr.splitlines() if "[emerg]" in line)
    assert str(directory) in line
    for word in words:
        assert word in line
    assert "nginx.conf:" in line


@pytest.mark.parametrize("kind", BROKEN)
def test_an_optional_bad_directory_is_only_told(folder, kind):
    directory, words = make_broken(kind, folder / "bad")
    configure(folder / "conf", {"MODEL_DIR": directory, "MODEL_OPTIONAL": 1,
                                "API_PORT": free_port()})
    tested = configuration_test(folder / "conf")
    assert tested.returncode == 0
    for word in words:
        assert word in tested.stderr


def test_a_test_leaves_a_running_server_alone(server, request_body):
    images = server.images()
    for _ in range(3):
        assert configuration_test(server.folder).returncode == 0
    assert server.images() == images
    assert server.predict(request_body).status_code == 200


DIRECTIVES = {
    "rowan_model a/b DIR;": "invalid model name",
    "rowan_model fraud DIR;": "duplicate model",
    "rowan_model second DIR maybe;": "maybe",
    "rowan_model_check 1ms;": "rowan_model_check",
    "rowan_batch_max 0;": "must be",
    "server { location / { rowan_predict nobody; } }": "nobody",
    "server { location / { rowan_health; rowan_ready; } }": "handler already",
    "server { location / { rowan_health fraud fraud; } }": "invalid number of arguments",
}


@pytest.mark.parametrize("text", DIRECTIVES)
def test_wrong_directives_are_named(folder, text):
    configuration = configure(folder / "conf", {"API_PORT": free_port()})
    changed = configuration.read_text().replace(
        "server {", text.replace("DIR", str(FRAUD)) + "\n    server {", 1)
    configuration.write_text(changed)
    tested = configuration_test(folder / "conf")
    assert tested.returncode != 0
    assert DIRECTIVES[text] in tested.stderr


def test_a_canary_by_variable(folder, second_version, request_body, public_folder):
    """split_clients and the like: the name of the model comes from a variable."""

    def edit(text):
        text = text.replace("rowan_predict fraud;", "rowan_predict $chosen;")
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
