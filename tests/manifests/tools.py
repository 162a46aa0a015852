"""Programs and sources of others, at pinned versions, from the Go module proxy."""

import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rowan"
PATIENCE = 600  # seconds, of what may have to be downloaded and built first; no measure of speed
VERSIONS = dict(line.split("=", 1) for line in (HERE / "versions.env").read_text().splitlines()
                if line and not line.startswith("#"))


def run(*command, **options):
    """To its end; the finished process, its output as text."""
    return subprocess.run([str(part) for part in command], text=True, capture_output=True,
                          timeout=PATIENCE, **options)


def output(*command, **options):
    """What a program that must succeed prints."""
    finished = run(*command, **options)
    assert finished.returncode == 0, f"{command}: {finished.stderr}{finished.stdout}"
    return finished.stdout


def go_tool(package, version):
    return Path(output(ROOT / "scripts/go-tool.sh", f"{package}@{version}").strip())


def go_module(path, version):
    """The folder of a module's source."""
    go = output(ROOT / "scripts/go.sh").strip()
    printed = json.loads(output(go, "mod", "download", "-json", f"{path}@{version}", cwd="/"))
    return Path(printed["Dir"])


def kustomize():
    return go_tool("sigs.k8s.io/kustomize/kustomize/v5", VERSIONS["KUSTOMIZE"])


def kubeconform():
    return go_tool("github.com/yannh/kubeconform/cmd/kubeconform", VERSIONS["KUBECONFORM"])
