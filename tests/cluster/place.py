"""Where the cluster test keeps its things, and how it runs programs."""

import os
import subprocess
import sysconfig
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rowan"
HOME = CACHE / "cluster"  # the only folder written, but for what node.py names

BIN = HOME / "bin"        # what was built
PACKAGES = HOME / "root"  # Debian's packages, unpacked
IMAGES = HOME / "images"
RUN = HOME / "run"
LOGS = HOME / "log"
STATE = HOME / "var"
LIBRARIES = PACKAGES / "usr/lib" / sysconfig.get_config_var("MULTIARCH")

PATIENCE = 180  # seconds until something that must come counts as absent; no measure of speed

PATH = f"{BIN}:{PACKAGES}/usr/bin:{PACKAGES}/usr/sbin:{os.environ['PATH']}:/usr/sbin:/sbin"
# Only for programs of PACKAGES: others would be given libraries that they were not built with.
PACKAGED = {**os.environ, "PATH": PATH, "LD_LIBRARY_PATH": str(LIBRARIES),
            "XTABLES_LIBDIR": str(LIBRARIES / "xtables")}


class Failed(Exception):
    """A program failed, or something did not come. The text is for people."""


def run(*command, env=None, input=None, check=True, **options):
    """Runs a program to its end; the finished process, its output as text."""
    process = subprocess.run([str(part) for part in command], input=input, text=True,
                             capture_output=True, env=env or {**os.environ, "PATH": PATH},
                             **options)
    if check and process.returncode != 0:
        shown = " ".join(str(part) for part in command)[:200]
        said = process.stderr.strip()[-1500:]
        raise Failed(f"{shown}: status {process.returncode}: {said}")
    return process


def eventually(condition, patience=PATIENCE, every=0.3):
    """The first true value of `condition`, or its last one."""
    deadline = time.monotonic() + patience
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(every)
    return value


def wait_for(what, condition, patience=PATIENCE):
    """As `eventually`, and fails with `what` when it does not come."""
    value = eventually(condition, patience)
    if not value:
        raise Failed(f"{what} did not come within {patience} s")
    return value


def say(text):
    """Progress goes to standard error; standard output is for the table."""
    os.write(2, f"   {text}\n".encode())
