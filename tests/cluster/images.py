"""Images of one layer with one static program, as archives that `ctr images import` takes: no
daemon and no registry. Their names are those of upstream, so that upstream's manifests fit."""

import hashlib
import io
import json
import tarfile

from place import BIN, HERE, IMAGES, run, say
from versions import (ALERTMANAGER, KUBE_STATE_METRICS, METRICS_SERVER, PROMETHEUS,
                      PROMETHEUS_OPERATOR)

PAUSE = "localhost/pause:1"
NAMES = {
    "pause": PAUSE,
    "metrics-server": f"registry.k8s.io/metrics-server/metrics-server:v{METRICS_SERVER}",
    "kube-state-metrics":
        f"registry.k8s.io/kube-state-metrics/kube-state-metrics:v{KUBE_STATE_METRICS}",
    "operator": f"quay.io/prometheus-operator/prometheus-operator:v{PROMETHEUS_OPERATOR}",
    "prometheus-config-reloader":
        f"quay.io/prometheus-operator/prometheus-config-reloader:v{PROMETHEUS_OPERATOR}",
    "prometheus": f"quay.io/prometheus/prometheus:v{PROMETHEUS}",
    "alertmanager": f"quay.io/prometheus/alertmanager:v{ALERTMANAGER}",
}
ENTRIES = {"pause": "/pause", "metrics-server": "/metrics-server"}  # the others are in /bin
PASSWD = b"root:x:0:0::/:/none\nnobody:x:65534:65534::/:/none\n"
FOLDERS = {"tmp": 0o1777, "data": 0o1777, "etc": 0o755, "bin": 0o755}


def add(archive, name, content, mode=0o644):
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, io.BytesIO(content))


def layer(files):
    """`files`: path in the image -> bytes of a program."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, mode in FOLDERS.items():
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, mode
            archive.addfile(member)
        add(archive, "etc/passwd", PASSWD)
        for path, content in files.items():
            add(archive, path.lstrip("/"), content, 0o755)
    return packed.getvalue()


def write(path, name, entrypoint, files):
    """An archive in the format of `docker save`."""
    content = layer(files)
    digest = hashlib.sha256(content).hexdigest()
    configuration = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Entrypoint": entrypoint},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}).encode()
    identity = hashlib.sha256(configuration).hexdigest()
    manifest = json.dumps([{"Config": f"{identity}.json", "RepoTags": [name],
                            "Layers": [f"{digest}.tar"]}]).encode()
    with tarfile.open(path, "w") as archive:
        add(archive, f"{identity}.json", configuration)
        add(archive, f"{digest}.tar", content)
        add(archive, "manifest.json", manifest)
    return path


def build_all():
    IMAGES.mkdir(parents=True, exist_ok=True)
    if not (BIN / "pause").exists():
        run("cc", "-static", "-Os", "-s", "-o", BIN / "pause", HERE / "sources/pause/pause.c")
    for program, name in NAMES.items():
        archive = IMAGES / f"{program}.tar"
        if archive.exists() and archive.stat().st_mtime > (BIN / program).stat().st_mtime:
            continue
        say(f"image {name}")
        entry = ENTRIES.get(program, f"/bin/{program}")
        write(archive, name, [entry], {entry: (BIN / program).read_bytes()})
