"""The API of the cluster, through kubectl."""

import json
import os

import yaml

from pki import KUBECONFIG
from place import PATH, RUN, STATE, run, wait_for

ENVIRONMENT = {**os.environ, "PATH": PATH, "KUBECONFIG": str(KUBECONFIG),
               "KUBECACHEDIR": str(RUN / "kubecache")}
REQUEST_TIMEOUT = "20s"  # a request that hangs is asked again


def kubectl(*arguments, **options):
    """Runs kubectl; the finished process."""
    return run("kubectl", f"--request-timeout={REQUEST_TIMEOUT}", *arguments, env=ENVIRONMENT,
               **options)


def get(kind, name=None, namespace=None, selector=None):
    """An object, or the list of objects; None or an empty list when there is none."""
    arguments = ["get", kind, "-o", "json", "--ignore-not-found"]
    arguments += [name] if name else []
    arguments += ["-n", namespace] if namespace else []
    arguments += ["-l", selector] if selector else []
    told = kubectl(*arguments).stdout
    if name:
        return json.loads(told) if told else None
    return json.loads(told)["items"] if told else []


def apply(*objects, server_side=False, namespace=None):
    """Applies objects, given as dictionaries or as YAML."""
    texts = [item if isinstance(item, str) else yaml.safe_dump(item) for item in objects]
    arguments = ["--server-side", "--force-conflicts"] if server_side else []
    arguments += ["-n", namespace] if namespace else []
    return kubectl("apply", *arguments, "-f", "-", input="\n---\n".join(texts))


def kustomized(name, source, changes):
    """The manifests of a folder, with changes in kustomize's own words, as YAML."""
    folder = STATE / name
    folder.mkdir(parents=True, exist_ok=True)
    run("cp", "-rT", source, folder / "base")
    (folder / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [base]\n"
        + changes)
    return run("kustomize", "build", folder).stdout


def delete(kind, name, namespace=None, *arguments, wait=True):
    kubectl("delete", kind, name, "--ignore-not-found", f"--wait={str(wait).lower()}",
            *(["-n", namespace] if namespace else []), *arguments, check=False)


def patch(kind, name, change, namespace=None, kind_of_patch="merge", subresource=None):
    """The object as it is after the change."""
    arguments = ["-n", namespace] if namespace else []
    arguments += [f"--subresource={subresource}"] if subresource else []
    told = kubectl("patch", kind, name, "--type", kind_of_patch, "-p", json.dumps(change), "-o",
                   "json", *arguments)
    return json.loads(told.stdout)


def condition(thing, kind):
    """Whether a condition of an object's status is true."""
    found = ((thing or {}).get("status") or {}).get("conditions") or ()
    return any(item["type"] == kind and item["status"] == "True" for item in found)


def wait_for_condition(what, kind, name=None, namespace=None):
    wait_for(f"{kind} {name}: {what}", lambda: condition(get(kind, name, namespace), what))


def is_ready(pod):
    return condition(pod, "Ready") and not pod["metadata"].get("deletionTimestamp")


def wait_for_rollout(kind, name, namespace):
    wait_for(f"rollout of {kind} {name}", lambda: kubectl(
        "rollout", "status", f"{kind}/{name}", "-n", namespace, "--timeout=5s",
        check=False).returncode == 0)
