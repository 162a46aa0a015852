"""What somebody changes by hand is set back to what git says; evictions respect the budget."""

import json

import argocd
import service
from kube import get, is_ready, kubectl, patch
from place import eventually
from table import check


def healed(kind, name, change, path):
    """Changes an object by hand; whether the value at `path` is again what it was."""
    def value(found):
        for key in path:
            found = found[key]
        return found

    def now():
        return value(get(kind, name, service.NAMESPACE))
    before = now()
    changed = value(patch(kind, name, change, service.NAMESPACE, "strategic"))
    undone = eventually(lambda: now() == before)
    return undone and changed != before, f"{path[-1]} {changed} -> {now()}"


def container_change(**values):
    return {"spec": {"template": {"spec": {"containers": [{"name": "api", **values}]}}}}


@check("changes by hand: Service, HPA, Deployment", "each is undone, Application Synced")
def drift():
    service.wait_until_settled()
    seen = [
        healed("service", service.SERVICE, {"spec": {"ports": [{"port": 80, "targetPort": 81}]}},
               ("spec", "ports", 0, "targetPort")),
        healed("service", service.SERVICE, {"metadata": {"labels": {
            "app.kubernetes.io/name": "other"}}}, ("metadata", "labels", "app.kubernetes.io/name")),
        healed("hpa", service.AUTOSCALER, {"spec": {"maxReplicas": 9}}, ("spec", "maxReplicas")),
        healed("deployment", service.DEPLOYMENT, container_change(image="other:1"),
               ("spec", "template", "spec", "containers", 0, "image")),
    ]
    service.wait_until_synced()
    service.wait_until_settled()
    state = argocd.state(service.APPLICATION)
    return (all(ok for ok, _ in seen) and state == "Synced Healthy",
            f"{', '.join(text for _, text in seen)}; {state}")


def evict(pod):
    """As `kubectl drain` asks for it; the status of the answer."""
    name = pod["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": name, "namespace": service.NAMESPACE}}
    path = f"/api/v1/namespaces/{service.NAMESPACE}/pods/{name}/eviction"
    asked = kubectl("create", "--raw", path, "-f", "-", input=json.dumps(body), check=False)
    if asked.returncode == 0:
        return "evicted"
    return "refused" if "disruption budget" in asked.stderr else asked.stderr.strip()


@check("eviction of all 4 pods at once, as a drain does it",
       "as many as the PodDisruptionBudget allows, the others refused")
def eviction():
    service.wait_until_settled()
    pods = service.ready_pods()
    budget = get("pdb", service.SERVICE, service.NAMESPACE)
    allowed = eventually(lambda: get("pdb", service.SERVICE, service.NAMESPACE)["status"].get(
        "disruptionsAllowed"))
    answers = [evict(pod) for pod in pods]
    left = len([pod for pod in service.pods() if is_ready(pod)])
    service.wait_until_settled()
    wanted = ["evicted"] * allowed + ["refused"] * (len(pods) - allowed)
    limit = next(f"{name} {budget['spec'][name]}" for name in ("maxUnavailable", "minAvailable")
                 if name in budget["spec"])
    return (answers == wanted and allowed < len(pods),
            f"{limit}: {', '.join(answers)}; {left} Ready meanwhile")
