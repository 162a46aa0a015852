"""monitoring/alertmanager as it is, by prometheus-operator, but for one replica instead of two:
they find each other by names, and this cluster has no DNS. Nothing that it sends leaves the
cluster's network; who gets what is asked from its API."""

import httpx

from kube import apply, get, kustomized, wait_for_rollout
from place import ROOT, eventually, say, wait_for
from prometheus import NAMESPACE

NAME = "rowan"
FOLDER = ROOT / "monitoring/alertmanager"
SECRETS = ("smtp-password", "telegram-token", "webhook-token")
CHANGES = """\
patches:
- target: {kind: Alertmanager}
  patch: |
    - {op: replace, path: /spec/replicas, value: 1}
"""


def up():
    secret = {"apiVersion": "v1", "kind": "Secret",
              "metadata": {"name": NAME, "namespace": NAMESPACE},
              "stringData": {name: "0:none" for name in SECRETS}}
    apply(secret, kustomized("alertmanager", FOLDER, CHANGES))
    wait_for("the operator's StatefulSet",
             lambda: get("statefulset", f"alertmanager-{NAME}", NAMESPACE))
    wait_for_rollout("statefulset", f"alertmanager-{NAME}", NAMESPACE)
    say("Alertmanager ready")


def ask(path, **parameters):
    pod = get("pod", f"alertmanager-{NAME}-0", NAMESPACE)
    address = f"http://{pod['status']['podIP']}:9093/api/v2{path}"
    return httpx.get(address, params=parameters, timeout=20).raise_for_status().json()


def receivers(name):
    """Who is told of an alert that fires, by name; nobody when it does not fire."""
    return {one["name"] for alert in ask("/alerts", filter=f'alertname="{name}"')
            for one in alert["receivers"]}


def told(name):
    """As `receivers`, once Prometheus has sent the alert."""
    return eventually(lambda: receivers(name)) or set()
