"""A share of the CPUs for a program and its children, as a pod with a CPU limit has it.

Groups are cgroups (version 1 or 2), which only root can make. What a killed run has left is
removed by the next one.
"""

import math
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
LEAST_QUOTA_US = 1_000  # that the kernel takes: a smaller share has a longer period
PATIENCE = 10  # seconds until a killed process has left its group
# Joins the groups, then becomes the program: nothing of it runs outside.
JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit 1; shift; done; shift; exec "$@"'


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


def is_over(name, prefix):
    """Whether the run is over whose process id the name has after the prefix."""
    pid = name.removeprefix(prefix).split("-")[0]
    return pid.isdigit() and not Path("/proc", pid).exists()


def _kill_all(folder):
    for pid in map(int, (folder / "cgroup.procs").read_text().split()):
        if pid:  # 0 is one that this container cannot see
            os.kill(pid, signal.SIGKILL)


def _remove(folder):
    """The group, and what still runs in it."""
    deadline = time.monotonic() + PATIENCE
    while folder.exists() and time.monotonic() < deadline:
        with suppress(OSError):
            _kill_all(folder)
            folder.rmdir()
            break
        time.sleep(0.02)


def _remove_left(folder):
    """Groups of runs that are over: a run that was killed leaves its brokers."""
    for left in folder.glob(f"{NAME}*"):
        if is_over(left.name, NAME):
            _remove(left)


def quota(share):
    """(us of CPU time, in each period of so many us)"""
    period = max(PERIOD_US, math.ceil(LEAST_QUOTA_US / share))
    return max(round(share * period), LEAST_QUOTA_US), period


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
                self._limit(*quota(self.share))
        except OSError as error:
            self.__exit__()
            raise Unavailable(f"no cgroup with a CPU quota can be made ({error}): root is needed, "
                              "and /sys/fs/cgroup that can be written") from None
        return self

    def __exit__(self, *_):
        """What still runs in it is killed."""
        for folder in self.folders:
            _remove(folder)
        self.folders = []

    def _file(self, name):
        return next(folder / name for folder in self.folders if (folder / name).exists())

    def _limit(self, quota_us, period_us):
        if is_v2():
            self._file("cpu.max").write_text(f"{quota_us} {period_us}")
        else:
            self._file("cpu.cfs_period_us").write_text(str(period_us))
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
