"""metrics-server, with the manifests of its own module: where the HPA gets its figures."""

from golang import manifests
from kube import apply, kubectl, kustomized, wait_for_rollout
from place import say, wait_for
from versions import METRICS_SERVER

# Every 10 s instead of 60. A request to kubelet must end within that time.
CHANGES = """\
images:
- {name: gcr.io/k8s-staging-metrics-server/metrics-server,
   newName: registry.k8s.io/metrics-server/metrics-server, newTag: v@VERSION@}
patches:
- target: {kind: Deployment}
  patch: |
    - {op: add, path: /spec/template/spec/containers/0/args/-, value: --metric-resolution=10s}
    - {op: add, path: /spec/template/spec/containers/0/args/-, value: --kubelet-request-timeout=5s}
    - {op: add, path: /spec/template/spec/containers/0/args/-,
       value: --kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt}
    - {op: replace, path: /spec/template/spec/containers/0/readinessProbe/initialDelaySeconds,
       value: 2}
- target: {kind: APIService}
  patch: |
    - {op: add, path: /spec/insecureSkipTLSVerify, value: true}
"""


def up():
    changes = CHANGES.replace("@VERSION@", METRICS_SERVER)
    apply(kustomized("metrics-server", manifests("metrics-server"), changes))
    wait_for_rollout("deployment", "metrics-server", "kube-system")
    say("metrics-server ready")


def wait_for_figures(namespace):
    """Until `kubectl top` knows the pods of a namespace."""
    wait_for("figures of metrics-server", lambda: kubectl(
        "top", "pods", "-n", namespace, check=False).stdout.count("\n") > 1)
