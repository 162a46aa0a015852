"""The project's own service on the cluster: its image, the git repository that Argo CD watches,
and what the API says about its pods."""

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

import argocd
import containers
import network
from kube import apply, get, is_ready, patch
from place import ROOT, STATE, run, say, wait_for

NAMESPACE = "mlops-tasks10"
APPLICATION = PROJECT = SERVICE = "tasks10-ml-service"
DEPLOYMENT = "tasks10-ml-service-api"
AUTOSCALER = "tasks10-ml-service-hpa"
CONFIG = "tasks10-ml-service-config"
SELECTOR = f"app.kubernetes.io/name={SERVICE}"
IMAGE = "tasks10-ml-api"
FULL_NAME = f"docker.io/library/{IMAGE}"  # what kubelet makes of a name without a registry
TAG = "metrics"
SECOND_TAG = "metrics-again"  # another image, as far as the cluster knows
REPLICAS_MIN, REPLICAS_MAX = 4, 6
# Else the other work of this machine would decide which requests are refused.
SETTINGS = {"SHED_TARGET": "off"}

# README's request, and its answer.
REQUEST = {"transaction_id": "tx-974581", "customer_id": 597, "terminal_id": 3157,
           "tx_amount": 257.16, "tx_time_seconds": 1533720612}
ANSWER = '"fraud_probability":0.98148555,"risk_level":"high"'

REPOSITORY = STATE / "git"
OTHER_REPOSITORY = STATE / "other-git"
REPOSITORY_URL = f"file://{REPOSITORY}"
BRANCH = "main"
OVERLAY = "argocd/overlays/cluster"  # of the local repository only: what a test changes
GIT = ("git", "-C", REPOSITORY, "-c", "user.name=test", "-c", "user.email=test@localhost",
       "-c", "commit.gpgsign=false")


def git(*arguments):
    return run(*GIT, *arguments, env=dict(os.environ)).stdout.strip()


# ---- the image ---------------------------------------------------------------------------


def import_image(archive):
    """The project's image, under the name of the manifests, and under a second tag."""
    names = containers.import_image(archive)
    source = next((name for name in names if name.endswith(f"{IMAGE}:{TAG}")), names[0])
    for tag in (TAG, SECOND_TAG):
        if source != f"{FULL_NAME}:{tag}":
            containers.tag(source, f"{FULL_NAME}:{tag}")
    say(f"image {Path(archive).name} imported")


# ---- the repository ----------------------------------------------------------------------


@dataclass
class Wanted:
    """What the overlay of the local repository says beyond `base`."""

    base: str = "../test"
    tag: str = TAG
    config: dict = field(default_factory=dict)
    patches: list = field(default_factory=list)
    components: list = field(default_factory=list)
    resources: list = field(default_factory=list)

    def kustomization(self):
        ours = SETTINGS if self.base == Wanted.base else {}
        settings = [f"{name}={value}" for name, value in {**ours, **self.config}.items()]
        return yaml.safe_dump({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "namespace": NAMESPACE,
            "resources": [self.base, "more.yaml"], "components": self.components,
            "configMapGenerator": [{"name": CONFIG, "behavior": "merge", "literals": settings}],
            "images": [{"name": IMAGE, "newTag": self.tag}],
            "patches": [{"patch": yaml.safe_dump(patch)} for patch in self.patches]})


def deployment_patch(**of_the_pod):
    """A patch of the pods' template: its spec, or `metadata`."""
    metadata = of_the_pod.pop("metadata", {})
    return {"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": DEPLOYMENT, "namespace": NAMESPACE},
            "spec": {"template": {"metadata": metadata, "spec": of_the_pod}}}


def make_repository(wanted, change):
    """A repository with what this checkout's argocd/ is made of, committed or not."""
    shutil.rmtree(REPOSITORY, ignore_errors=True)
    shutil.rmtree(OTHER_REPOSITORY, ignore_errors=True)
    told = run("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z", "--",
               "argocd", "monitoring/dashboards")
    for name in filter(None, told.stdout.split("\0")):
        if (ROOT / name).exists():
            (REPOSITORY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, REPOSITORY / name)
    change()
    git("init", "--quiet", f"--initial-branch={BRANCH}")
    return commit("as in the checkout", wanted)


def commit(message, wanted):
    """Writes the overlay and commits it; the commit's name."""
    folder = REPOSITORY / OVERLAY
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(wanted.kustomization())
    (folder / "more.yaml").write_text(yaml.safe_dump_all(wanted.resources))
    return commit_all(message)


def commit_all(message):
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", message)
    return git("rev-parse", "HEAD")


# ---- the Application ---------------------------------------------------------------------


def application(name=APPLICATION, **source):
    """argocd/application.yaml with the local repository."""
    wanted = yaml.safe_load((ROOT / "argocd/application.yaml").read_text())
    wanted["metadata"]["name"] = name
    wanted["metadata"]["namespace"] = argocd.NAMESPACE
    wanted["spec"]["source"].update({"repoURL": REPOSITORY_URL, "targetRevision": BRANCH,
                                     "path": OVERLAY, **source})
    return wanted


def project():
    """argocd/project.yaml with the local repository, and nothing else changed."""
    wanted = yaml.safe_load((ROOT / "argocd/project.yaml").read_text())
    wanted["metadata"]["namespace"] = argocd.NAMESPACE
    wanted["spec"]["sourceRepos"] = [REPOSITORY_URL]
    return wanted


def install(archive, wanted=Wanted(), change=lambda: None):
    """Image, repository and Application. Does not wait for the sync. `change`: of the files in the
    repository, before they are committed."""
    import_image(archive)
    made = make_repository(wanted, change)
    apply(project())
    apply(application())
    return made


def answer_for_ingress():
    """No ingress controller runs here. One writes its address into the Ingress, and until then
    Argo CD does not call the Application Healthy: so this writes the node's."""
    address = {"status": {"loadBalancer": {"ingress": [{"ip": network.NODE}]}}}
    for found in get("ingress", namespace=NAMESPACE):
        if not found["status"].get("loadBalancer"):
            patch("ingress", found["metadata"]["name"], address, NAMESPACE, subresource="status")


def wait_until_synced(made=None):
    argocd.refresh(APPLICATION)
    wait_for("the Ingress", lambda: get("ingress", namespace=NAMESPACE))
    answer_for_ingress()
    argocd.wait_for_state(APPLICATION, "Synced Healthy", made)


@contextmanager
def committed(message, **changes):
    """A commit that is taken back at the end, and the sync of that."""
    try:
        yield commit(message, Wanted(**changes))
    finally:
        wait_until_synced(commit(f"Revert: {message}", Wanted()))
        wait_until_settled()


# ---- what the API says -------------------------------------------------------------------


def deployment():
    return get("deployment", DEPLOYMENT, NAMESPACE)


def pods():
    return get("pods", namespace=NAMESPACE, selector=SELECTOR)


def ready_pods():
    return [pod for pod in pods() if is_ready(pod)]


def autoscaler():
    return get("hpa", AUTOSCALER, NAMESPACE)


def url(path=""):
    address = get("service", SERVICE, NAMESPACE)["spec"]["clusterIP"]
    return f"http://{address}{path}"


def request_file(rows=1):
    """README's request in a file; an array of it when `rows` is more than one."""
    path = STATE / f"request-{rows}.json"
    path.write_text(json.dumps([REQUEST] * rows if rows > 1 else REQUEST))
    return path


def predict(**options):
    return httpx.post(url("/predict"), json=REQUEST, timeout=20, **options)


def is_rolled_out():
    """Every replica is of the newest template, and there are no others."""
    found = deployment()
    status, wanted = found["status"], found["spec"]["replicas"]
    return (status.get("observedGeneration", 0) >= found["metadata"]["generation"]
            and status.get("updatedReplicas") == status.get("replicas") == wanted
            and status.get("availableReplicas") == wanted)


def wait_until_settled(replicas=REPLICAS_MIN):
    """The Deployment has its replicas, all of the newest template, and no other pod is left."""
    wait_for(f"{replicas} settled replicas", lambda: is_rolled_out()
             and len(ready_pods()) == len(pods()) == replicas)
