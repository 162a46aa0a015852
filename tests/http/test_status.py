"""What the server says about itself: health, readiness, the contract, the index, the pages."""

import re
import socket
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from urllib.parse import urljoin

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from scrape import OPENMETRICS
from server import Server, configuration_test, eventually
from wire import Connection, ask_once

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


# ---- health --------------------------------------------------------------------------------


def test_health_of_a_served_model(client):
    response = client.get("/health")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    health = response.json()
    timestamp = datetime.fromisoformat(health.pop("timestamp").replace("Z", "+00:00"))
    assert abs(datetime.now(timezone.utc) - timestamp) < timedelta(minutes=1)
    assert health == {"status": "healthy", "model_loaded": True, "model": "fraud",
                      "model_type": "XGBoost", "version": "1.0.0",
                      "environment": "development", "replica": socket.gethostname()}


def test_health_tells_the_environment(serve):
    assert serve(ENVIRONMENT="staging-2").get("/health").json()["environment"] == "staging-2"


# ---- which replica answers -----------------------------------------------------------------


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
def test_health_and_metrics_tell_the_replica(serve, accept):
    running = serve(REPLICA_ID="tasks10-ml-service-api-7d4b.x_1")
    assert running.get("/health").json()["replica"] == "tasks10-ml-service-api-7d4b.x_1"
    reply = running.get("/metrics", headers={"Accept": accept})
    assert reply.headers["x-rowan-replica"] == "tasks10-ml-service-api-7d4b.x_1"
    assert "x-rowan-replica" not in running.get("/").headers


def without_a_name(text):
    return re.sub(r"rowan_replica .*;", "", text)


def test_a_replica_without_a_name_tells_none(folder):
    with Server(folder / "server", edit=without_a_name) as running:
        assert "replica" not in running.get("/health").json()
        assert "x-rowan-replica" not in running.get("/metrics").headers


@pytest.mark.parametrize("name, complaint", [
    ('"a b"', "must be 1 to 253 letters"), ('"a\r\nSet-Cookie: b"', "must be 1 to 253 letters"),
    ('""', "must be 1 to 253 letters"), ("a" * 254, "must be 1 to 253 letters"),
    ("a; rowan_replica b", "is duplicate")])
def test_a_name_that_is_no_header_field_is_refused(folder, name, complaint):
    server = Server(folder / "server", edit=lambda text: re.sub(
        r"rowan_replica .*;", lambda _: f"rowan_replica {name};", text))
    refused = configuration_test(server.folder)
    assert refused.returncode != 0 and complaint in refused.stderr


@pytest.mark.parametrize("path, status", [("/livez", "alive"), ("/readyz", "ready")])
def test_alive_and_ready(client, path, status):
    assert client.get(path).json() == {"status": status}


def test_without_a_model_health_says_why_until_it_is_there(serve, folder, first_version,
                                                           request_body):
    link = folder / "model"
    running = serve(MODEL_DIR=link, MODEL_OPTIONAL=1)
    with running.client() as client:
        health = client.get("/health")
        assert health.status_code == 503
        assert health.json()["status"] == "unhealthy" and not health.json()["model_loaded"]
        assert str(link) in health.json()["reason"]
        assert client.get("/livez").status_code == client.get("/").status_code == 200
        for refusal in (client.get("/readyz"), client.get("/openapi.json"),
                        client.post("/predict", json=request_body)):
            assert refusal.status_code == 503
            assert refusal.headers["retry-after"] == "1"
            assert str(link) in refusal.json()["detail"]

    link.symlink_to(first_version)
    assert eventually(lambda: served_by_all(running))
    health = running.get("/health").json()
    assert health["status"] == "healthy" and health["model_loaded"] and "reason" not in health
    assert running.predict(request_body).status_code == 200


def served_by_all(running):
    """Workers take turns: so many healthy answers in a row come from each of them."""
    return all(running.get("/readyz").status_code == 200 for _ in range(40))


# ---- the index ---------------------------------------------------------------------------------


def test_the_index_for_programs(client):
    response = client.get("/")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["vary"] == "Accept"
    index = response.json()
    assert (index["service"], index["model"]) == ("rowan", "fraud")
    assert index["model_version"] == "1.0.0"
    assert index["endpoints"]["predict"] == "/predict" and index["endpoints"]["health"] == "/health"
    for kind, path in index["endpoints"].items():
        expected = 405 if kind == "predict" else 200
        assert client.get(path).status_code == expected


def test_the_index_for_browsers(client):
    response = client.get("/", headers=BROWSER)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>" in response.text


@pytest.mark.parametrize("path", ["/", "/health", "/livez", "/readyz", "/openapi.json", "/docs"])
def test_head_is_get_without_the_body(server, path):
    with Connection(server.port) as connection:
        connection.send(f"HEAD {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
        head = connection.read(has_body=False)
        connection.send(f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
        get = connection.read()
    assert head.status == get.status == 200 and get.body
    for name in ("content-type", "content-length"):
        assert head.headers[name] == get.headers[name]


def test_head_of_predict_is_refused_without_a_body(server):
    with Connection(server.port) as connection:
        connection.send(b"HEAD /predict HTTP/1.1\r\nHost: t\r\n\r\n")
        assert connection.read(has_body=False).status == 405
        assert connection.ask(b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n").status == 200


# ---- the contract --------------------------------------------------------------------------------


@pytest.fixture
def openapi(client):
    return client.get("/openapi.json").json()


def validate(openapi, schema, value):
    """`schema` finds the others in the document."""
    jsonschema.Draft202012Validator({**openapi, **schema}).validate(value)


def test_the_contract_is_valid_openapi(openapi):
    OpenAPIV31SpecValidator(openapi).validate()
    assert openapi["openapi"].startswith("3.1")


def test_every_path_of_the_contract_is_there(client, openapi):
    # /metrics comes with its module.
    for path, operations in openapi["paths"].items():
        for method in operations:
            if path != "/metrics":
                assert client.request(method, path).status_code in (200, 422), path


def test_replies_are_what_the_contract_promises(client, openapi, request_body):
    for name, response in {"Prediction": client.post("/predict", json=request_body),
                           "HTTPValidationError": client.post("/predict", json={}),
                           "Error": client.put("/predict"),
                           "Health": client.get("/health")}.items():
        validate(openapi, {"$ref": f"#/components/schemas/{name}"}, response.json())


def test_predict_of_the_contract_takes_one_transaction_or_an_array(client, openapi, request_body):
    operation = openapi["paths"]["/predict"]["post"]
    content = operation["requestBody"]["content"]["application/json"]["schema"]
    for body, status in ((request_body, "200"), ([request_body] * 2, "200"), ({}, "422")):
        if status == "200":
            validate(openapi, content, body)
        reply = operation["responses"][status]["content"]["application/json"]["schema"]
        validate(openapi, reply, client.post("/predict", json=body).json())


def test_the_contract_has_an_example_that_works(client, openapi):
    example = openapi["paths"]["/predict"]["post"]["requestBody"]["content"][
        "application/json"]["example"]
    assert client.post("/predict", json=example).status_code == 200


# ---- pages ---------------------------------------------------------------------------------------


class References(HTMLParser):
    """What a page loads and links to, and what it would run from inside itself."""

    def __init__(self, page: str):
        super().__init__()
        self.paths, self.inline = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.paths += [value for name, value in attributes.items() if name in ("href", "src")]
        if tag == "style" or (tag == "script" and "src" not in attributes):
            self.inline.append(tag)
        self.inline += [name for name in attributes if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_everything_that_a_page_refers_to_is_served(client, path):
    page = client.get(path, headers=BROWSER)
    assert page.status_code == 200
    assert "//" not in page.text.replace("http://www.w3.org", "")
    references = References(page.text)
    assert references.paths and references.inline == []
    for reference in references.paths:
        url = urljoin(str(page.url), reference)
        assert url.startswith(f"{client.base_url}"), "nothing comes from another host"
        assert client.get(url).status_code == 200, reference


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_may_load_from_this_host_alone(client, path):
    response = client.get(path, headers=BROWSER)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    assert not re.search(r"https?:|\*|unsafe-eval|script-src[^;]*unsafe", policy)
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [
    "/live/../nginx.conf", "/live/%2e%2e/%2e%2e/nginx.conf", "/docs/..%2f..%2fnginx.conf",
    "/live../nginx.conf", "/docs../nginx.conf", "/nginx.conf", "/live/.hidden"])
def test_paths_of_pages_do_not_lead_elsewhere(server, path):
    reply = ask_once(server.port, f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
    assert reply.status in (400, 404)


def test_docs_with_a_slash_leads_to_docs(client):
    response = client.get("/docs/")
    assert response.status_code == 301 and response.headers["location"] == "/docs"


def test_swagger_ui_is_served_whole_and_with_its_licence(client):
    page = client.get("/docs")
    sizes = [len(client.get(urljoin(str(page.url), path)).content)
             for path in References(page.text).paths]
    assert max(sizes) > 1_000_000
    assert "Apache License" in client.get("/docs/LICENSE").text
