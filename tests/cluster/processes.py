"""Daemons of the cluster: started once, known by a file with their pid, ended by it."""

import os
import signal
import subprocess
from pathlib import Path

from place import LOGS, RUN, eventually

GRACE = 5  # seconds between the polite signal and the other one
children = {}  # pid -> Popen of those that this process started, so that they can be reaped


def start_time(pid):
    """When a process began, in the kernel's own count; None when it is gone. A pid comes back
    with another process, this pair does not."""
    if pid in children:
        children[pid].poll()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


def record(name):
    return RUN / f"{name}.pid"


def read(name):
    """(pid, when it began, whether its group ends with it) of a daemon that lives, else None."""
    try:
        pid, began, *group = record(name).read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return (int(pid), began, bool(group)) if start_time(int(pid)) == began else None


def pid_of(name):
    """The pid of a daemon that lives, else None."""
    found = read(name)
    return found[0] if found else None


def names():
    return sorted(path.stem for path in RUN.glob("*.pid"))


def start(name, *command, env=None):
    if pid_of(name):
        return
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(LOGS / f"{name}.log", "ab") as log:
        process = subprocess.Popen([str(part) for part in command], env=env, stdout=log,
                                   stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    adopt(name, process)


def adopt(name, process, group=False):
    """A process that somebody else started is ended with the others. `group`: it leads one, which
    ends with it."""
    children[process.pid] = process
    record(name).write_text(f"{process.pid} {start_time(process.pid)}{' group' * group}\n")


def forget(name):
    """Who adopted it ends it by other means."""
    record(name).unlink(missing_ok=True)


def send(name, number):
    if found := read(name):
        pid, _, group = found
        (os.killpg if group else os.kill)(pid, number)


def stop(*which):
    """Ends daemons, all at once: first politely, then for sure."""
    living = [name for name in which if pid_of(name)]
    for kind in (signal.SIGTERM, signal.SIGKILL):
        for name in living:
            send(name, kind)
        eventually(lambda: not any(pid_of(name) for name in living), GRACE, every=0.1)
    for name in which:
        forget(name)


def fallen():
    """Daemons that should live and do not, with the end of what they said."""
    return [f"{name} has ended: {tail(name)}" for name in names() if not pid_of(name)]


def tail(name, size=600):
    path = LOGS / f"{name}.log"
    return path.read_text(errors="replace")[-size:].strip() if path.exists() else ""
