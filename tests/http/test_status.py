"""GET: health, readiness, liveness, the OpenAPI document, the index and the pages."""

import json
import shutil
from datetime import datetime

import jsonschema
import openapi_spec_validator
import pytest

from server import eventually, replace_link

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_health(server):
    reply = server.get("/health")
    assert reply.status_code == 200
    body = reply.json()
    assert body["status"] == "healthy" and body["model_loaded"] is True
    assert (body["model"], body["model_type"], body["version"]) == ("fraud", "XGBoost", "1.0.0")
    assert body["environment"] == "development"
    assert datetime.fromisoformat(body["timestamp"]).utcoffset().total_seconds() == 0
    assert reply.headers["cache-control"] == "no-store"


def test_health_tells_the_environment(serve):
    assert serve(ENVIRONMENT="staging-2").get("/health").json()["environment"] == "staging-2"


@pytest.mark.parametrize("path, status", [("/livez", "alive"), ("/readyz", "ready")])
def test_probes(server, path, status):
    assert server.get(path).json() == {"status": status}


@pytest.mark.parametrize("path", ["/", "/health", "/livez", "/readyz", "/openapi.json", "/docs"])
def test_head_has_the_headers_of_get_and_no_body(server, path):
    with server.client(headers={"Accept-Encoding": "identity"}) as client:
        head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.content == b"" and get.content
    for name in ("content-length", "content-type"):
        assert head.headers[name] == get.headers[name]


def test_without_a_model_only_the_process_is_well(serve, folder, first_version, request_body):
    link = folder / "model"
    running = serve(MODEL_DIR=link, MODEL_OPTIONAL=1)
    assert running.get("/livez").status_code == 200
    for path in ("/health", "/readyz", "/openapi.json"):
        assert running.get(path).status_code == 503, path
    health = running.get("/health").json()
    assert health["status"] == "unhealthy" and health["model_loaded"] is False
    assert str(link) in health["reason"]
    refused = running.predict(request_body)
    assert refused.status_code == 503 and str(link) in refused.json()["detail"]
    assert "retry-after" in refused.headers

    link.symlink_to(first_version)
    assert eventually(lambda: served_by_all(running))
    assert running.predict(request_body).status_code == 200
    assert running.get("/health").json()["model_loaded"] is True


def served_by_all(running):
    """Workers take turns: so many healthy answers in a row come from each of them."""
    return all(running.get("/readyz").status_code == 200 for _ in range(40))


def test_health_tells_of_a_refused_update_until_a_good_one(serve, folder, linked_model,
                                                          first_version, second_version):
    running = serve(MODEL_DIR=linked_model)
    broken = folder / "broken"
    shutil.copytree(first_version, broken)
    (broken / "contract.json").write_text("{")
    replace_link(linked_model, broken)
    refused = eventually(lambda: running.get("/health").json().get("last_refused"))
    assert "contract.json" in refused["reason"]
    datetime.fromisoformat(refused["timestamp"])
    assert running.get("/health").json()["status"] == "healthy"
    replace_link(linked_model, second_version)
    assert eventually(lambda: "last_refused" not in running.get("/health").json())


def test_the_openapi_document_is_valid_and_fits_the_replies(server, request_body):
    document = server.get("/openapi.json").json()
    openapi_spec_validator.validate(document)
    operation = document["paths"]["/predict"]["post"]
    content = operation["requestBody"]["content"]["application/json"]["schema"]
    validate(document, content, request_body)
    validate(document, content, [request_body])
    for status, body in (("200", request_body), ("422", {})):
        schema = operation["responses"][status]["content"]["application/json"]["schema"]
        validate(document, schema, server.predict(body).json())


def validate(document, schema, value):
    jsonschema.Draft202012Validator({**document, **schema}).validate(value)


def test_the_index_for_programs(server):
    body = server.get("/").json()
    assert body["service"] == "rowan" and body["model"] == "fraud"
    endpoints = body["endpoints"]
    assert endpoints["predict"] == "/predict" and endpoints["health"] == "/health"
    for name, path in endpoints.items():
        assert server.get(path).status_code == (405 if name == "predict" else 200)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_for_browsers_need_nothing_from_elsewhere(server, path):
    page = server.get(path, headers=HTML, follow_redirects=True)
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "'self'" in policy and "unsafe-eval" not in policy
    assert "script-src 'self' 'unsafe-inline'" not in policy
    assert "//" not in page.text.replace("<!doctype", "").replace("http://www.w3.org", "")
    for address in references(page.text):
        assert server.get(str(page.url.join(address))).status_code == 200, address


def references(html):
    from html.parser import HTMLParser
    found = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attributes):
            values = dict(attributes)
            assert tag != "script" or values.get("src"), "an inline script, which the CSP forbids"
            assert not any(name.startswith("on") for name in values)
            if tag in ("script", "link", "img"):
                found.append(values.get("src") or values.get("href"))

    Parser().feed(html)
    return found


def test_swagger_ui_is_served_whole(server):
    page = server.get("/docs", follow_redirects=True)
    sizes = [len(server.get(str(page.url.join(address))).content)
             for address in references(page.text)]
    assert max(sizes) > 1_000_000
