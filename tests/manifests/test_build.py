"""kustomize builds every folder, and what comes out is what Kubernetes and the operators know."""

import runpy
import shutil

import pytest
import yaml

from manifests import ARGOCD, BUILDS, build_text, manifests, read
from schemas import schemas
from tools import ROOT, VERSIONS, kubeconform, kustomize, output, run

OTHER_IMAGE = "registry.example.com:5000/fraud/tasks10-ml-api:v7"


def conform(path):
    return run(kubeconform(), "-strict", "-summary", "-schema-location",
               f"{schemas()}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
               "-kubernetes-version", VERSIONS["KUBERNETES"].lstrip("v"), path)


@pytest.fixture
def checkout(tmp_path):
    """A copy of argocd/ that a test may change, beside the dashboard that it takes."""
    shutil.copytree(ROOT / "monitoring/dashboards", tmp_path / "monitoring/dashboards")
    return shutil.copytree(ARGOCD, tmp_path / "argocd")


# ---- schemas --------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILDS)
def test_kubernetes_knows_every_field(name, tmp_path):
    path = tmp_path / "build.yaml"
    path.write_text(build_text(BUILDS[name]))
    finished = conform(path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert f"{len(manifests(name).built)} resources found" in finished.stdout
    assert "Skipped: 0" in finished.stdout


@pytest.mark.parametrize("path", ["project.yaml", "application.yaml",
                                  "manifests/secret.example.yaml"])
def test_the_files_beside_it_conform_too(path):
    finished = conform(ARGOCD / path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Valid: 1" in finished.stdout


def misspelt(document, *path):
    *way, last = path
    for step in way:
        document = document[step]
    document[last + "x"] = document.pop(last)


MISSPELT = {
    "Deployment": ("spec", "template", "spec", "containers", 0, "readinessProbe"),
    "HorizontalPodAutoscaler": ("spec", "behavior", "scaleUp", "stabilizationWindowSeconds"),
    "NetworkPolicy": ("spec", "egress", 0, "ports"),
    "Ingress": ("spec", "ingressClassName"),
    "ServiceMonitor": ("spec", "endpoints", 0, "interval"),
    "PrometheusRule": ("spec", "groups", 0, "rules", 0, "record"),
    "AppProject": ("spec", "namespaceResourceWhitelist"),
    "Application": ("spec", "syncPolicy", "automated", "selfHeal"),
}


@pytest.mark.parametrize("kind", MISSPELT)
def test_a_misspelt_field_is_noticed(kind, tmp_path):
    document = manifests("base").one(kind)
    misspelt(document, *MISSPELT[kind])
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump(document))
    finished = conform(path)
    assert finished.returncode != 0 and "Invalid: 1" in finished.stdout, finished.stdout


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl here")
@pytest.mark.parametrize("name", BUILDS)
def test_kubectl_builds_the_same(name):
    """Its kustomize has another version."""
    assert read(output("kubectl", "kustomize", BUILDS[name])) == read(build_text(BUILDS[name]))


@pytest.mark.parametrize("name", ["KUBERNETES", "ARGOCD", "PROMETHEUS_OPERATOR", "KUSTOMIZE"])
def test_the_schemas_are_those_of_what_the_cluster_test_runs(name):
    built = runpy.run_path(str(ROOT / "tests/cluster/versions.py"))
    assert VERSIONS[name] == f"v{built[name]}"


# ---- what users change ------------------------------------------------------------------


@pytest.mark.parametrize("overlay, names", [
    ("overlays/kafka", {"api", "stream"}), ("overlays/registry", {"first-model", "api", "sync"}),
    ("overlays/challenger", {"first-model", "api", "stream", "sync", "sync-challenger"})])
def test_another_image_reaches_all_containers(checkout, overlay, names):
    folder = checkout / overlay
    output(kustomize(), "edit", "set", "image", f"tasks10-ml-api={OTHER_IMAGE}", cwd=folder)
    built = read(output(kustomize(), "build", folder))
    deployment = next(d for d in built if d["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    containers = pod.get("initContainers", []) + pod["containers"]
    assert {c["name"]: c["image"] for c in containers} == dict.fromkeys(names, OTHER_IMAGE)


def template(folder):
    return next(d for d in read(output(kustomize(), "build", folder))
                if d["kind"] == "Deployment")["spec"]["template"]


@pytest.mark.parametrize("file, overlay", [("manifests/config.env", "manifests"),
                                           ("manifests/kafka/kafka.env", "overlays/kafka"),
                                           ("manifests/registry/registry.env",
                                            "overlays/registry")])
def test_a_changed_setting_rolls_out(checkout, file, overlay):
    before = template(checkout / overlay)
    with open(checkout / file, "a") as settings:
        settings.write("LOG_LEVEL_OF_TESTS=debug\n")
    assert template(checkout / overlay) != before
    assert before == template(ARGOCD / overlay)


def test_the_example_of_a_secret_is_never_applied():
    for folder in BUILDS.values():
        assert "kind: Secret" not in build_text(folder)
    for path in ARGOCD.rglob("kustomization.yaml"):
        assert "secret.example" not in path.read_text()


# ---- the rules --------------------------------------------------------------------------

RULES = [ROOT / "monitoring/alerts" / name for name in ("ml-recording-rules.yaml",
                                                        "ml-alerts.yaml")]


def test_the_prometheusrule_is_that_of_monitoring():
    groups = [group for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]
    for name in BUILDS:
        spec = manifests(name).one("PrometheusRule")["spec"]
        assert spec == {"groups": groups}, "run: make docs-alerts"


def test_the_prometheusrule_is_what_the_script_prints():
    printed = output(ROOT / "scripts/prometheusrule.sh", *RULES)
    assert printed == (ARGOCD / "manifests/prometheusrule.yaml").read_text()
