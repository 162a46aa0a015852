"""The control groups of processes, of version 1 or 2: where the kernel counts and bounds what a
container uses."""

from pathlib import Path

TOP = Path("/sys/fs/cgroup")


def folder(pid, controller):
    """The folder of the process's group of one controller, such as `memory`."""
    paths = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path.lstrip("/")))
    # Version 2 has one group for all controllers.
    return TOP / controller / paths[controller] if controller in paths else TOP / paths[""]
