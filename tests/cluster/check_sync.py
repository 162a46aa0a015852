"""Argo CD brings the service up from git, and the AppProject lets it do nothing else."""

import yaml

import argocd
import service
from kube import apply, delete, get
from place import eventually, run
from table import check

STRAY = "stray"
ROLE = "rowan-stray"


@check("Argo CD syncs the Application", "Synced Healthy, at the commit of the checkout",
       essential=True)
def syncs():
    made = service.git("rev-parse", "HEAD")
    service.wait_until_synced(made)
    return True, f"{argocd.state(service.APPLICATION)} at {made[:12]}"


def refusal(**changes):
    """What Argo CD says of a stray Application of the project, or of its sync; None when it
    takes it."""
    wanted = service.application(STRAY, **changes.pop("source", {}))
    wanted["spec"]["destination"].update(changes.pop("destination", {}))
    wanted["metadata"].pop("finalizers", None)
    apply(wanted)
    try:
        return eventually(stray_refusal)
    finally:
        delete("applications.argoproj.io", STRAY, argocd.NAMESPACE)


def stray_refusal():
    status = (argocd.application(STRAY) or {}).get("status") or {}
    messages = [item["message"] for item in status.get("conditions") or ()
                if item["type"] in ("InvalidSpecError", "ComparisonError")]
    operation = status.get("operationState") or {}
    for item in ((operation.get("syncResult") or {}).get("resources") or ()):
        messages.append(item.get("message", ""))
    return next((text for text in messages if "not permitted in project" in text
                 or "do not match any of the allowed" in text), None)


@check("AppProject: another repository", "refused: not permitted in project")
def other_repository():
    run("git", "clone", "--quiet", service.REPOSITORY, service.OTHER_REPOSITORY)
    said = refusal(source={"repoURL": f"file://{service.OTHER_REPOSITORY}"})
    return bool(said), said or "taken"


@check("AppProject: another namespace", "refused: not one of the allowed destinations")
def other_namespace():
    said = refusal(destination={"namespace": "default"})
    return bool(said), said or "taken"


@check("AppProject: a cluster-wide kind", "ClusterRole refused, and not there")
def cluster_wide_kind():
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": ROLE},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
    folder = service.REPOSITORY / STRAY
    folder.mkdir()
    (folder / "role.yaml").write_text(yaml.safe_dump(role))
    service.commit_all("a role for everything")
    said = refusal(source={"path": STRAY})
    (folder / "role.yaml").unlink()
    service.commit_all("no role for everything")
    there = get("clusterrole", ROLE)
    return bool(said) and not there, f"{said or 'taken'}; {'there' if there else 'not there'}"
