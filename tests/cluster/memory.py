"""Uses up the memory of a container, until the kernel kills its first process, or a share of it.

The eater is a process of the node that joins the container's cgroup: the pod itself has no shell,
and its service bounds what a request can make it use.
"""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import cgroups
from place import Failed, eventually, wait_for
from processes import start_time

STEP = 1 << 20
EAT = f"""
import sys
sys.stdin.readline()
eaten = []
while len(eaten) < {{steps}}:
    eaten.append(bytearray(b"x" * {STEP}))
sys.stdin.readline()
"""
# In version 1 and 2 of cgroups.
USED = ("memory.usage_in_bytes", "memory.current")
LIMIT = ("memory.limit_in_bytes", "memory.max")


def processes(folder):
    return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]


def prefer(folder):
    """The kernel kills these first, and the eater last: it may raise this figure, not lower it."""
    for pid in processes(folder):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")


def is_over(first, began, eater):
    return start_time(first) != began or eater.poll() is not None


def figure(folder, names):
    return int(next((folder / name) for name in names if (folder / name).exists()).read_text())


@contextmanager
def eater_in(folder, steps="float('inf')"):
    """A process in a container's cgroup that takes so many steps of memory, and keeps them."""
    command = [sys.executable, "-c", EAT.format(steps=steps)]
    eater = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        (folder / "cgroup.procs").write_text(str(eater.pid))
        eater.stdin.write(b"\n")
        eater.stdin.flush()
        yield eater
    finally:
        eater.kill()  # at once: the cgroup cannot go while a process is in it
        eater.wait()


def eat(first, began, folder):
    """One eater, until it or the container is gone."""
    with eater_in(folder) as eater:
        eventually(lambda: is_over(first, began, eater), every=0.01)


@contextmanager
def held(first, share):
    """As long as this lasts, a container's use of memory is above this share of its limit."""
    folder = cgroups.folder(first, "memory")
    wanted = int(figure(folder, LIMIT) * share)
    with eater_in(folder, -(-(wanted - figure(folder, USED)) // STEP)) as eater:
        wait_for("memory in use", lambda: figure(folder, USED) >= wanted)
        yield
        if eater.poll() is not None:
            raise Failed(f"the process that held memory has ended: status {eater.returncode}")


def exhaust(first):
    """`first`: the pid of the container's first process."""
    folder, began = cgroups.folder(first, "memory"), start_time(first)
    prefer(folder)

    def killed():
        if start_time(first) == began:
            eat(first, began, folder)
        return start_time(first) != began
    wait_for("the end of a container without memory", killed)
