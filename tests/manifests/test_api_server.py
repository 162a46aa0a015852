"""kubectl's dry runs against a real API server: its validation and its admission, with no node."""

import re

import pytest
import yaml

from api_server import ApiServer, missing
from manifests import ARGOCD, BUILDS, build_text, manifests

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ApiServer(tmp_path_factory.mktemp("api-server")) as running:
        for name in ("argocd", "mlops-tasks10"):
            running.kubectl("create", "namespace", name)
        yield running


def apply(server, path, how):
    return server.kubectl("apply", f"--dry-run={how}", "-f", path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "build.yaml"


@pytest.mark.parametrize("how", ["client", "server"])
@pytest.mark.parametrize("name", BUILDS)
def test_the_api_server_would_take_it(server, name, how, path):
    path.write_text(build_text(BUILDS[name]))
    applied = apply(server, path, how)
    assert applied.returncode == 0, applied.stderr
    assert len(re.findall(r"\((?:server )?dry run\)$", applied.stdout, re.M)) == \
        len(manifests(name).built)
    assert [line for line in applied.stderr.splitlines()
            if "last-applied-configuration" not in line] == []


@pytest.mark.parametrize("file", ["project.yaml", "application.yaml",
                                  "manifests/secret.example.yaml"])
def test_it_would_take_the_files_beside_it(server, file):
    applied = apply(server, ARGOCD / file, "server")
    assert applied.returncode == 0, applied.stderr


def test_the_namespace_warns_of_more_rights(server, path):
    """Pod security is on for what the manifests' Namespace says."""
    m = manifests("base")
    path.write_text(yaml.safe_dump(m.one("Namespace")))
    assert server.kubectl("apply", "-f", path).returncode == 0
    for image, expected in (("as it is", False), ("with root", True)):
        deployment = m.one("Deployment")
        if expected:
            m.pod["securityContext"] = {}
        path.write_text(yaml.safe_dump(deployment))
        applied = apply(server, path, "server")
        assert applied.returncode == 0, applied.stderr
        assert ("would violate PodSecurity" in applied.stderr) is expected, image


def test_it_refuses_what_no_schema_sees(server, path):
    """A selector that does not select its own pods."""
    deployment = manifests("base").one("Deployment")
    deployment["spec"]["selector"]["matchLabels"] = {"app": "another"}
    path.write_text(yaml.safe_dump(deployment))
    applied = apply(server, path, "server")
    assert applied.returncode != 0 and "selector" in applied.stderr
