"""Prometheus as prometheus-operator runs it: the operator of its own bundle, and one Prometheus
that takes every ServiceMonitor and PrometheusRule of the cluster."""

import httpx

from golang import manifests
from kube import apply, get, wait_for_condition, wait_for_rollout
from place import say, wait_for
from versions import PROMETHEUS

NAMESPACE = "monitoring"
NAME = "main"
EVERY = "5s"
ALL_NAMESPACES = {}
KINDS = ("alertmanagers", "prometheuses", "prometheusrules", "servicemonitors")

RULES = [
    {"apiGroups": [""], "resources": ["nodes", "services", "endpoints", "pods"],
     "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"],
     "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
]
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
# The kubelet's cAdvisor, as kube-prometheus takes it: the pods that a series tells of stand in its
# own labels, and it ends when the kubelet tells it no more. The operator keeps the Service.
CADVISOR = {
    "port": "https-metrics", "scheme": "https", "path": "/metrics/cadvisor", "interval": "10s",
    "honorLabels": True, "honorTimestamps": False, "bearerTokenFile": f"{TOKEN}/token",
    "tlsConfig": {"caFile": f"{TOKEN}/ca.crt"},
}
OBJECTS = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
    {"apiVersion": "v1", "kind": "ServiceAccount",
     "metadata": {"name": "prometheus", "namespace": NAMESPACE}},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
     "metadata": {"name": "prometheus"}, "rules": RULES},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
     "metadata": {"name": "prometheus"},
     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                 "name": "prometheus"},
     "subjects": [{"kind": "ServiceAccount", "name": "prometheus", "namespace": NAMESPACE}]},
    {"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus",
     "metadata": {"name": NAME, "namespace": NAMESPACE},
     "spec": {"replicas": 1, "version": f"v{PROMETHEUS}", "serviceAccountName": "prometheus",
              "serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": ALL_NAMESPACES,
              "alerting": {"alertmanagers": [{"name": "alertmanager-operated", "port": "web",
                                              "namespace": NAMESPACE}]},
              "ruleSelector": {}, "ruleNamespaceSelector": ALL_NAMESPACES,
              "scrapeInterval": EVERY, "evaluationInterval": EVERY,
              "securityContext": {"runAsUser": 65534, "runAsNonRoot": True, "fsGroup": 65534},
              "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}}}},
    {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
     "metadata": {"name": "kubelet", "namespace": NAMESPACE},
     "spec": {"jobLabel": "app.kubernetes.io/name", "endpoints": [CADVISOR],
              "namespaceSelector": {"matchNames": ["kube-system"]},
              "selector": {"matchLabels": {"app.kubernetes.io/name": "kubelet"}}}},
]


def up():
    apply(manifests("prometheus-operator").read_text(), server_side=True)
    for kind in KINDS:
        wait_for_condition("Established", "crd", f"{kind}.monitoring.coreos.com")
    wait_for_rollout("deployment", "prometheus-operator", "default")
    apply(*OBJECTS)
    wait_for("the operator's StatefulSet",
             lambda: get("statefulset", f"prometheus-{NAME}", NAMESPACE))
    wait_for_rollout("statefulset", f"prometheus-{NAME}", NAMESPACE)
    wait_for("Prometheus", lambda: ask("/-/ready").status_code == 200)
    say("Prometheus ready")


def address():
    return f"http://{get('pod', f'prometheus-{NAME}-0', NAMESPACE)['status']['podIP']}:9090"


def ask(path, at=None, **parameters):
    """`at`: the address, for who asks often and has it already."""
    return httpx.get(f"{at or address()}{path}", params=parameters, timeout=20)


def query(expression):
    """The values of a PromQL expression, each with its labels."""
    told = ask("/api/v1/query", query=expression).json()
    assert told["status"] == "success", told
    return [(row["metric"], float(row["value"][1])) for row in told["data"]["result"]]


def value(expression):
    """The one value of an expression; None when there is none."""
    found = query(expression)
    assert len(found) <= 1, found
    return found[0][1] if found else None


def targets(service):
    """The targets of one Service."""
    active = ask("/api/v1/targets", state="active").json()["data"]["activeTargets"]
    return [target for target in active if target["labels"].get("service") == service]


def rule_groups():
    return ask("/api/v1/rules").json()["data"]["groups"]


def alerts(name=None, state=None):
    """Alerts that are pending or fire; of one name, or in one state, when it is given."""
    return [alert for alert in ask("/api/v1/alerts").json()["data"]["alerts"]
            if name in (None, alert["labels"]["alertname"]) and state in (None, alert["state"])]


def firing():
    """Names of the alerts that fire."""
    return {alert["labels"]["alertname"] for alert in alerts(state="firing")}
