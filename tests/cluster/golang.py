"""The control plane, built from the Go module proxy: no registry of images has a part in it.

A program that is there in the wanted version is not built again: Go writes into each program
which module and which version it was built from, and `go version -m` reads it.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from place import BIN, HERE, HOME, ROOT, run, say
from versions import (ALERTMANAGER, ARGOCD, KUBE_STATE_METRICS, KUBERNETES, KUSTOMIZE,
                      METRICS_SERVER, PROMETHEUS, PROMETHEUS_MODULE, PROMETHEUS_OPERATOR)

GO = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false",
      "GOTOOLCHAIN": "auto"}
MINOR = KUBERNETES.split(".")[1]
VERSION = "github.com/prometheus/common/version.Version"
KUBE_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Target:
    """Programs of one module. `programs`: name in BIN -> Go package."""

    module: str
    version: str
    programs: dict
    flags: tuple = ()
    ldflags: str = "-s -w"
    others: dict = field(default_factory=dict)  # program -> the module that it comes from instead
    sources: Path | None = None  # a main package of ours
    manifests: str | None = None  # what its module brings to install it with


KUBE = "k8s.io/kubernetes/cmd"
OPERATOR = "github.com/prometheus-operator/prometheus-operator"
STATE_METRICS = "k8s.io/kube-state-metrics/v2"
ARGO = "github.com/argoproj/argo-cd/v3"

TARGETS = {
    "kubernetes": Target(
        "k8s.io/kubernetes", f"v{KUBERNETES}",
        {"kube-apiserver": f"{KUBE}/kube-apiserver", "kubelet": f"{KUBE}/kubelet",
         "kube-controller-manager": f"{KUBE}/kube-controller-manager",
         "kube-scheduler": f"{KUBE}/kube-scheduler", "kube-proxy": f"{KUBE}/kube-proxy",
         "etcd": "go.etcd.io/etcd/server/v3"},
        ldflags=f"-s -w -X {KUBE_VERSION}.gitVersion=v{KUBERNETES} "
                f"-X {KUBE_VERSION}.gitMajor=1 -X {KUBE_VERSION}.gitMinor={MINOR}",
        others={"etcd": "go.etcd.io/etcd/server/v3"}),  # the version that Kubernetes requires
    "metrics-server": Target(
        "sigs.k8s.io/metrics-server", f"v{METRICS_SERVER}",
        {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"},
        manifests="manifests/base"),
    "kube-state-metrics": Target(
        STATE_METRICS, f"v{KUBE_STATE_METRICS}", {"kube-state-metrics": STATE_METRICS},
        ldflags=f"-s -w -X {VERSION}=v{KUBE_STATE_METRICS}", manifests="examples/standard"),
    "kustomize": Target(
        "sigs.k8s.io/kustomize/kustomize/v5", f"v{KUSTOMIZE}",
        {"kustomize": "sigs.k8s.io/kustomize/kustomize/v5"}),
    "argocd": Target(
        ARGO, f"v{ARGOCD}", {"argocd-repo-server": "."}, sources=HERE / "sources/argocd",
        manifests="manifests"),
    "prometheus-operator": Target(
        OPERATOR, f"v{PROMETHEUS_OPERATOR}",
        {"operator": f"{OPERATOR}/cmd/operator",
         "prometheus-config-reloader": f"{OPERATOR}/cmd/prometheus-config-reloader"},
        ldflags=f"-s -w -X {VERSION}={PROMETHEUS_OPERATOR}", manifests="bundle.yaml"),
    # Without its pages, and with no service discovery but that of Kubernetes.
    "prometheus": Target(
        "github.com/prometheus/prometheus", f"v{PROMETHEUS_MODULE}",
        {"prometheus": "github.com/prometheus/prometheus/cmd/prometheus"},
        flags=("-tags", "remove_all_sd,enable_kubernetes_sd"),
        ldflags=f"-s -w -X {VERSION}={PROMETHEUS}"),
    "alertmanager": Target(
        "github.com/prometheus/alertmanager", f"v{ALERTMANAGER}",
        {"alertmanager": "github.com/prometheus/alertmanager/cmd/alertmanager"},
        ldflags=f"-s -w -X {VERSION}={ALERTMANAGER}"),
}
KUBECTL = Target("k8s.io/kubernetes", f"v{KUBERNETES}", {"kubectl": f"{KUBE}/kubectl"})
# argocd-repo-server looks at its own name, and is all three.
ARGOCD_NAMES = ("argocd-application-controller", "argocd-git-ask-pass")


@cache
def program():
    """A Go that is new enough, from the machine or from a Python package."""
    return run(ROOT / "scripts/go.sh").stdout.strip()


def go(*arguments, **options):
    return run(program(), *arguments, env=GO, **options).stdout


def module_folder(module, version):
    """Where Go keeps the sources of a module; it fetches them when they are not there."""
    told = json.loads(go("mod", "download", "-json", f"{module}@{version}", cwd="/"))
    return Path(told["Dir"])


def replacements(folder):
    """The `replace` lines of a module. Go ignores those of a dependency, yet it was built with
    them. Kubernetes replaces its parts by folders, which are published as v0.MINOR.PATCH."""
    staging = KUBERNETES.split(".", 1)[1]
    told = json.loads(go("mod", "edit", "-json", cwd=folder))
    for line in told.get("Replace") or ():
        old, new = line["Old"]["Path"], line["New"]
        if new["Path"].startswith("./staging/"):
            new = {"Path": old, "Version": f"v0.{staging}"}
        if "Version" in new:
            yield f"{old} => {new['Path']} {new['Version']}"


def write_module(target, folder):
    """go.mod of a module that has nothing but the target as its dependency."""
    source = module_folder(target.module, target.version)
    own = json.loads(go("mod", "edit", "-json", cwd=source))
    lines = ["module rowan.invalid/cluster", f"go {own['Go']}",
             f"require {target.module} {target.version}"]
    if own["Module"]["Path"] == "k8s.io/kubernetes":
        lines.append(f"godebug default=go{'.'.join(own['Go'].split('.')[:2])}")
    lines += [f"replace {line}" for line in replacements(source)]
    (folder / "go.mod").write_text("\n".join(lines) + "\n")
    (folder / "go.sum").unlink(missing_ok=True)


def is_there(target, name):
    path = BIN / name
    if not path.exists():
        return False
    told = go("version", "-m", path, cwd="/", check=False)
    module = target.others.get(name, target.module)
    version = "v" if name in target.others else f"{target.version}\t"
    return any(f"\t{kind}\t{module}\t{version}" in told for kind in ("mod", "dep"))


def build(name, target):
    missing = [one for one in target.programs if not is_there(target, one)]
    if not missing:
        return
    say(f"building {name} {target.version}: {', '.join(missing)}")
    folder = HOME / "build" / f"{name}-{target.version}"
    folder.mkdir(parents=True, exist_ok=True)
    for source in target.sources.glob("*.go") if target.sources else ():
        shutil.copy(source, folder)
    write_module(target, folder)
    for one in missing:
        go("build", "-trimpath", *target.flags, "-ldflags", target.ldflags, "-o", BIN / one,
           target.programs[one], cwd=folder)


def manifests(name):
    """Kept beside the programs: from inside of the cluster's network no proxy is reached."""
    target = TARGETS[name]
    return HOME / "manifests" / f"{name}-{target.version}" / Path(target.manifests).name


def keep_manifests(name, target):
    kept = manifests(name)
    if kept.exists():
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    source = module_folder(target.module, target.version) / target.manifests
    run("cp", "-rT", "--no-preserve=mode", source, f"{kept}.new")
    os.rename(f"{kept}.new", kept)


def build_all():
    BIN.mkdir(parents=True, exist_ok=True)
    for name, target in TARGETS.items():
        build(name, target)
        if target.manifests:
            keep_manifests(name, target)
    if not shutil.which("kubectl"):
        build("kubectl", KUBECTL)
    for name in ARGOCD_NAMES:
        if not (BIN / name).is_symlink():
            (BIN / name).symlink_to("argocd-repo-server")
