"""What the production manifests request of the cluster's CPU."""

import os

import yaml

import service
import stage
from place import ROOT, run


def manifests(folder):
    """The objects of argocd/manifests with the stage's components, before any patch of it."""
    folder.mkdir()
    overlay = ROOT / service.OVERLAY

    def from_here(path):
        return os.path.relpath(overlay / path, folder.resolve())
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [from_here(stage.PRODUCTION)],
        "components": [from_here(component) for component in stage.COMPONENTS]}))
    return list(yaml.safe_load_all(run("kustomize", "build", folder).stdout))


def cores(quantity):
    """Kubernetes' way to write CPU: "250m" or "1"."""
    text = str(quantity)
    return float(text.removesuffix("m")) / 1000 if text.endswith("m") else float(text)


def of_containers(pod_spec):
    """{container: cores} that a pod requests."""
    return {one["name"]: cores(one["resources"]["requests"]["cpu"])
            for one in pod_spec["containers"]}


def by_the_manifests(folder):
    """{container: cores} of one pod, as argocd/manifests has them."""
    [deployment] = [one for one in manifests(folder) if one["kind"] == "Deployment"]
    return of_containers(deployment["spec"]["template"]["spec"])
