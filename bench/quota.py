"""A share of the CPUs for a program and its children, as a pod with a CPU limit has it.

Groups are cgroups (version 1 or 2), which only root can make. What a killed run has left is
removed by the next one.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

TOP = Path("/sys/fs/cgroup")
NAME = "rowan-bench-"
# Shorter than Kubernetes' 100 ms: a program with a tenth of a CPU would stand still for 90 ms in
# each of them, and what is measured would be the waiting of its clients.
PERIOD_US = 10_000
PATIENCE = 10  # seconds until a killed process has left its group
# Joins the groups, then becomes the program: nothing of it runs outside.
JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@"'


class Unavailable(Exception):
    """This machine gives us no cgroup; says why."""


def is_v2():
    return (TOP / "cgroup.controllers").exists()


def _controllers():
    """The folders in which a group needs a folder of its own."""
    if is_v2():
        (TOP / "cgroup.subtree_control").write_text("+cpu")
        return [TOP]
    return sorted({(TOP / name).resolve(strict=True) for name in ("cpu", "cpuacct")})


def _remove_left(folder):
    """Groups of runs that are over."""
    for left in folder.glob(f"{NAME}*"):
        if not Path("/proc", left.name.removeprefix(NAME).split("-")[0]).exists():
            with suppress(OSError):  # a process of that run lives on
                left.rmdir()


class Group:
    """`share`: CPUs that it may use, 0.1 for a tenth of one; None: all there are."""

    made = 0

    def __init__(self, share=None):
        Group.made += 1
        self.share = share
        self.name = f"{NAME}{os.getpid()}-{Group.made}"
        self.folders = []

    def __enter__(self):
        try:
            for controller in _controllers():
                _remove_left(controller)
                (controller / self.name).mkdir()
                self.folders.append(controller / self.name)
            if self.share is not None:
                self._limit(round(self.share * PERIOD_US))
        except OSError as error:
            self.__exit__()
            raise Unavailable(f"no cgroup with a CPU quota can be made ({error}): root is needed, "
                              "and /sys/fs/cgroup that can be written") from None
        return self

    def __exit__(self, *_):
        """What still runs in it is killed."""
        for folder in self.folders:
            deadline = time.monotonic() + PATIENCE
            while folder.exists() and time.monotonic() < deadline:
                with suppress(OSError):
                    for pid in (folder / "cgroup.procs").read_text().split():
                        os.kill(int(pid), signal.SIGKILL)
                    folder.rmdir()
                    break
                time.sleep(0.02)
        self.folders = []

    def _file(self, name):
        return next(folder / name for folder in self.folders if (folder / name).exists())

    def _limit(self, quota_us):
        if is_v2():
            self._file("cpu.max").write_text(f"{quota_us} {PERIOD_US}")
        else:
            self._file("cpu.cfs_period_us").write_text(str(PERIOD_US))
            self._file("cpu.cfs_quota_us").write_text(str(quota_us))

    def add(self, pid):
        """A process that runs already, with its threads, without its children."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def command(self, command):
        """The command, within the group from its first instruction."""
        files = [folder / "cgroup.procs" for folder in self.folders]
        return ["sh", "-c", JOIN, "sh", *map(str, files), "--", *map(str, command)]

    def cpu_seconds(self):
        """Of all that has run in it."""
        if is_v2():
            usage = self._file("cpu.stat").read_text().split()
            return int(usage[usage.index("usage_usec") + 1]) / 1e6
        return int(self._file("cpuacct.usage").read_text()) / 1e9


class Machine:
    """How busy all CPUs of the machine were since this was made."""

    def __init__(self):
        self.begun = self._read()

    @staticmethod
    def _read():
        """(all ticks, those in which nothing ran); what a hypervisor took counts as busy."""
        line = Path("/proc/stat").read_text().split("\n", 1)[0]
        ticks = [int(word) for word in line.split()[1:9]]
        return sum(ticks), ticks[3] + ticks[4]

    def busy(self):
        every, idle = (now - then for now, then in zip(self._read(), self.begun, strict=True))
        return 1 - idle / every if every else 0.0
