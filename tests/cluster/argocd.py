"""Argo CD's core: application controller and repo-server, with redis, as processes of the node.

No API server and no pages of Argo CD: an Application is an object of Kubernetes, and so is what
the controller says about it.
"""

from golang import manifests
from kube import apply, get, patch, wait_for_condition
from pki import KUBECONFIG
from place import PACKAGED, STATE, run, say, wait_for
from processes import start

NAMESPACE = "argocd"
REDIS = "127.0.0.1:6379"
REPO_SERVER = "127.0.0.1:8081"
FOLDER = STATE / "argocd"
ENVIRONMENT = {
    "ARGOCD_FAKE_IN_CLUSTER": "true",  # these run beside the cluster, and mean it
    "ARGOCD_GPG_ENABLED": "false",
    "ARGOCD_TLS_DATA_PATH": FOLDER / "tls",
    "ARGOCD_SSH_DATA_PATH": FOLDER / "ssh",
    "ARGOCD_GNUPGHOME": FOLDER / "gpg/keys",
    "ARGOCD_GPG_DATA_PATH": FOLDER / "gpg/source",
    "ARGOCD_PLUGINSOCKFILEPATH": FOLDER / "plugin",
    "ARGOCD_ASK_PASS_SOCK": FOLDER / "ask-pass.sock",
    "TMPDIR": FOLDER / "tmp",
}
CRDS = ("applications.argoproj.io", "appprojects.argoproj.io", "applicationsets.argoproj.io")
REFRESH = "argocd.argoproj.io/refresh"


def install():
    folder = manifests("argocd")
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    # Server-side: kubectl's annotation cannot hold a definition as large as these.
    apply(run("kustomize", "build", folder / "crds").stdout, server_side=True)
    for name in CRDS:
        wait_for_condition("Established", "crd", name)
    apply(run("kustomize", "build", folder / "base/config").stdout, namespace=NAMESPACE)


def start_daemons():
    for name in ("tls", "ssh", "gpg/keys", "gpg/source", "plugin", "tmp"):
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
    # git and kustomize are not of PACKAGED; only redis needs its libraries.
    plain = {name: value for name, value in PACKAGED.items() if name != "LD_LIBRARY_PATH"}
    environment = {**plain, **{name: str(value) for name, value in ENVIRONMENT.items()}}
    environment["KUBECONFIG"] = str(KUBECONFIG)
    start("redis", "redis-server", "--bind", "127.0.0.1", "--port", "6379", "--save", "",
          "--appendonly", "no", env=PACKAGED)
    start("argocd-repo-server", "argocd-repo-server", "--address", "127.0.0.1", "--port", "8081",
          "--metrics-address", "127.0.0.1", "--redis", REDIS, env=environment)
    start("argocd-application-controller", "argocd-application-controller",
          "--namespace", NAMESPACE, "--redis", REDIS, "--repo-server", REPO_SERVER,
          "--metrics-port", "8082", "--app-resync", "10", "--status-processors", "4",
          "--operation-processors", "2", env=environment)


def up():
    install()
    start_daemons()
    say("Argo CD runs")


def application(name):
    return get("applications.argoproj.io", name, NAMESPACE)


def told(found):
    """Sync and health, such as "Synced Healthy", and the commit that the controller compared, all
    of one moment: between two questions a commit may come in."""
    status = (found or {}).get("status") or {}
    state = " ".join((status.get(part) or {}).get("status", "Unknown")
                     for part in ("sync", "health"))
    return state, (status.get("sync") or {}).get("revision")


def state(name):
    return told(application(name))[0]


def refresh(name, kind="normal"):
    """Looks at git now, and not at the next turn."""
    patch("applications.argoproj.io", name, {"metadata": {"annotations": {REFRESH: kind}}},
          NAMESPACE)


def wait_for_state(name, wanted="Synced Healthy", commit=None):
    """Until an Application is so, at `commit` when one is given."""
    refresh(name)

    def reached():
        now, revision = told(application(name))
        return now == wanted and commit in (None, revision)
    wait_for(f"Application {name}: {wanted}", reached)
