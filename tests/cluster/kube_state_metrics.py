"""kube-state-metrics, with the manifests of its own module: what Prometheus knows of pods, of the
Deployment and of the HPA."""

from golang import manifests
from kube import apply, kustomized, wait_for_rollout
from place import say

NAME = "kube-state-metrics"
NAMESPACE = "kube-system"
# Its ClusterRole allows more kinds than these; it need not look at them.
CHANGES = """\
patches:
- target: {kind: Deployment}
  patch: |
    - {op: add, path: /spec/template/spec/containers/0/args,
       value: ["--resources=pods,deployments,horizontalpodautoscalers"]}
"""
# As kube-prometheus takes it: each series has the labels of what it tells of, and none of the pod
# that tells it.
MONITOR = {
    "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
    "metadata": {"name": NAME, "namespace": NAMESPACE},
    "spec": {"jobLabel": "app.kubernetes.io/name",
             "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
             "endpoints": [{"port": "http-metrics", "honorLabels": True, "relabelings": [
                 {"action": "labeldrop", "regex": "(pod|service|endpoint|namespace)"}]}]}}


def up():
    apply(kustomized(NAME, manifests(NAME), CHANGES), MONITOR)
    wait_for_rollout("deployment", NAME, NAMESPACE)
    say(f"{NAME} ready")
