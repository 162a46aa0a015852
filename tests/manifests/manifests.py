"""What kustomize makes of argocd/, as objects that a policy can ask."""

import pickle
from functools import cache

import yaml

from tools import ROOT, kustomize, output

ARGOCD = ROOT / "argocd"
BUILDS = {"base": ARGOCD / "manifests", "kafka": ARGOCD / "overlays/kafka",
          "registry": ARGOCD / "overlays/registry", "challenger": ARGOCD / "overlays/challenger",
          "test": ARGOCD / "overlays/test"}
PRODUCTION = ("base", "kafka", "registry", "challenger")


class Manifests:
    """The objects of a build, and the two of Argo CD's own."""

    def __init__(self, documents):
        self.documents = documents

    def all(self, kind):
        return [document for document in self.documents if document["kind"] == kind]

    def one(self, kind):
        found = self.all(kind)
        assert len(found) == 1, f"{len(found)} objects of kind {kind}"
        return found[0]

    @property
    def built(self):
        """Without Argo CD's own."""
        return [document for document in self.documents
                if document["kind"] not in ("AppProject", "Application")]

    @property
    def pod(self):
        return self.one("Deployment")["spec"]["template"]["spec"]

    @property
    def containers(self):
        return {container["name"]: container for container in self.pod["containers"]}

    @property
    def init_containers(self):
        return {container["name"]: container for container in self.pod.get("initContainers", [])}

    @property
    def all_containers(self):
        """Those that start the pod, too."""
        return {**self.init_containers, **self.containers}

    @property
    def syncs(self):
        """Those that are rowan-sync."""
        return {name: container for name, container in self.all_containers.items()
                if container.get("command", [""])[0] == "/usr/bin/rowan-sync"}

    @property
    def dashboards(self):
        """ConfigMaps that a sidecar of Grafana takes."""
        return [document for document in self.all("ConfigMap")
                if "grafana_dashboard" in document["metadata"].get("labels", {})]

    @property
    def configuration(self):
        """The ConfigMap of the settings."""
        found = [document for document in self.all("ConfigMap")
                 if document not in self.dashboards]
        assert len(found) == 1, f"{len(found)} ConfigMaps of settings"
        return found[0]

    @property
    def settings(self):
        return self.configuration["data"]

    def environment(self, container):
        """As the container gets it; what Kubernetes fills in is a word of its own."""
        variables = dict(self.settings)
        for variable in self.all_containers[container].get("env", []):
            variables[variable["name"]] = variable.get("value", "filled-in")
        return variables


@cache
def build_text(folder):
    return output(kustomize(), "build", folder)


def read(text):
    return [document for document in yaml.safe_load_all(text) if document]


@cache
def pickled(name):
    """Reading YAML takes a hundred times as long."""
    argocd = [*read((ARGOCD / "project.yaml").read_text()),
              *read((ARGOCD / "application.yaml").read_text())]
    return pickle.dumps(read(build_text(BUILDS[name])) + argocd)


def manifests(name):
    """A fresh copy of a build, by its name in BUILDS."""
    return Manifests(pickle.loads(pickled(name)))


def quantity(text):
    """A number of Kubernetes: 250m, 64Mi, 2."""
    text = str(text)
    for unit, factor in (("m", 1e-3), ("Ki", 2**10), ("Mi", 2**20), ("Gi", 2**30)):
        if text.endswith(unit):
            return float(text[:-len(unit)]) * factor
    return float(text)
