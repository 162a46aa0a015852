"""Uses up the memory of a container, until the kernel kills its first process.

The eater is a process of the node that joins the container's cgroup: the pod itself has no shell,
and its service bounds what a request can make it use.
"""

import subprocess
import sys
from pathlib import Path

from place import eventually, wait_for
from processes import start_time

STEP = 1 << 20
TOP = Path("/sys/fs/cgroup")
EAT = f"""
import sys
sys.stdin.readline()
eaten = []
while True:
    eaten.append(bytearray(b"x" * {STEP}))
"""


def cgroup(pid):
    """The folder of the process's memory cgroup, of version 1 or 2."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    paths = {controllers: path.lstrip("/")
             for _, controllers, path in (line.split(":", 2) for line in lines)}
    return TOP / "memory" / paths["memory"] if "memory" in paths else TOP / paths[""]


def processes(folder):
    return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]


def prefer(folder):
    """The kernel kills these first, and the eater last: it may raise this figure, not lower it."""
    for pid in processes(folder):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")


def is_over(first, began, eater):
    return start_time(first) != began or eater.poll() is not None


def eat(first, began, folder):
    """One eater, until it or the container is gone."""
    eater = subprocess.Popen([sys.executable, "-c", EAT], stdin=subprocess.PIPE)
    try:
        (folder / "cgroup.procs").write_text(str(eater.pid))
        eater.stdin.write(b"\n")
        eater.stdin.flush()
        eventually(lambda: is_over(first, began, eater), every=0.01)
    finally:
        eater.kill()  # at once: the cgroup cannot go while a process is in it
        eater.wait()


def exhaust(first):
    """`first`: the pid of the container's first process."""
    folder, began = cgroup(first), start_time(first)
    prefer(folder)

    def killed():
        if start_time(first) == began:
            eat(first, began, folder)
        return start_time(first) != began
    wait_for("the end of a container without memory", killed)
