"""containerd: images and the processes of containers, as the node sees them."""

import hashlib
from pathlib import Path

from place import PACKAGED, RUN, run

SOCKET = RUN / "containerd.sock"
NAMESPACE = "k8s.io"  # kubelet's


def ctr(*arguments, **options):
    return run("ctr", "-a", SOCKET, "-n", NAMESPACE, *arguments, env=PACKAGED, **options)


def import_image(archive):
    """Imports an archive (OCI or docker); the names of the images that it had."""
    told = ctr("images", "import", archive).stdout
    return [line.split()[1] for line in told.splitlines() if line.startswith("unpacking ")]


def tag(old, new):
    ctr("images", "tag", "--force", old, new)


def tasks():
    """Container -> pid of its first process."""
    rows = [line.split() for line in ctr("tasks", "ls").stdout.splitlines()[1:]]
    return {row[0]: int(row[1]) for row in rows if row[2] == "RUNNING"}


def main_pid(pod, container):
    """The pid, on this machine, of the first process of a pod's container; None while it has
    none."""
    for status in (pod["status"].get("containerStatuses") or ()):
        if status["name"] == container and status.get("containerID"):
            return tasks().get(status["containerID"].removeprefix("containerd://"))
    return None


def identities():
    return ctr("containers", "ls", "-q").stdout.split()


def shim_socket(container):
    """Where containerd puts the socket of a container's shim: its name says whose it is."""
    name = f"{SOCKET}/{NAMESPACE}/{container}"
    return Path("/run/containerd/s") / hashlib.sha256(name.encode()).hexdigest()


def remove_all():
    """Kills and forgets every container."""
    for container in tasks():
        ctr("tasks", "kill", "-s", "SIGKILL", container, check=False)
    for container in ctr("tasks", "ls", "-q").stdout.split():
        ctr("tasks", "delete", "-f", container, check=False)
    for container in identities():
        ctr("containers", "rm", container, check=False)
