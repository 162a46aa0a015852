"""monitoring/alertmanager as it is, by prometheus-operator, but for one replica instead of two:
they find each other by names, and this cluster has no DNS. Without receivers nothing that it sends
leaves the cluster's network, and who gets what is asked from its API."""

import base64
import hashlib
import sys

import httpx
import yaml

from kube import apply, get, kustomized, wait_for_rollout
from place import HERE, ROOT, eventually, say, wait_for
from prometheus import NAMESPACE

sys.path += [str(HERE.parent / "http"), str(HERE.parent / "monitoring")]
from receivers import SECRETS, replaced  # noqa: E402

NAME = "rowan"
FOLDER = ROOT / "monitoring/alertmanager"
CONFIGURATION = f"{NAME}-alertmanager-config"
SECRET_NAMES = ("smtp-password", "telegram-token", "webhook-token")
AUTHORITY = "ca.crt"  # whom it trusts, a file of the same Secret
CHANGES = """\
patches:
- target: {kind: Alertmanager}
  patch: |
    - {op: replace, path: /spec/replicas, value: 1}
"""
# Go takes the authorities that it trusts from there.
TRUST = f"""\
    - {{op: add, path: /spec/containers, value: [{{name: alertmanager,
       env: [{{name: SSL_CERT_FILE, value: {SECRETS}/{AUTHORITY}}}]}}]}}
"""
# It reads them once: with others it is another pod.
ANNOTATION = """\
    - {op: add, path: /spec/podMetadata, value: {annotations: {authority: "%s"}}}
"""


def up(receivers=None, hurry=()):
    """`receivers` and what is to go quicker: those of tests/monitoring."""
    secrets, changes = dict.fromkeys(SECRET_NAMES, "0:none"), CHANGES
    if receivers:
        secrets = {name: (receivers.secrets / name).read_text() for name in SECRET_NAMES}
        secrets[AUTHORITY] = receivers.certificate[0].read_text()
        digest = hashlib.sha256(secrets[AUTHORITY].encode()).hexdigest()[:12]
        changes += TRUST + ANNOTATION % digest
    secret = {"apiVersion": "v1", "kind": "Secret",
              "metadata": {"name": NAME, "namespace": NAMESPACE}, "stringData": secrets}
    wanted = list(yaml.safe_load_all(kustomized("alertmanager", FOLDER, changes)))
    if receivers:
        fill_in(wanted, {**receivers.table(), **dict(hurry)})
    apply(secret, *wanted)
    wait_for("the operator's StatefulSet",
             lambda: get("statefulset", f"alertmanager-{NAME}", NAMESPACE))
    wait_for_rollout("statefulset", f"alertmanager-{NAME}", NAMESPACE)
    say("Alertmanager ready")


def fill_in(objects, table):
    """The configuration's values as README.md of the folder tells to; secrets stay where the
    operator mounts them."""
    table.pop(SECRETS, None)
    [configuration] = [one for one in objects if one["kind"] == "Secret"
                       and one["metadata"]["name"] == CONFIGURATION]
    text = base64.b64decode(configuration["data"].pop("alertmanager.yaml")).decode()
    configuration["stringData"] = {"alertmanager.yaml": replaced(text, table)}


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
