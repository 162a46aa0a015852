#!/usr/bin/env python3
"""Lays the image's root filesystem out of what build-programs.sh has built, and writes it as
one archive (BUILD/rowan.oci.tar) or, for the Dockerfile, as folders (BUILD/root/LAYER)."""

import argparse
import os
import platform
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import oci
from config import NAME, configuration, labels
from sbom import project_version
from tree import ROOT, layers

SIZE_MAX = 15_000_000  # bytes of the root filesystem, the goal; more is a failure


def git(*arguments):
    process = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True)
    return process.stdout.strip() if process.returncode == 0 else ""


def revision():
    commit = os.environ.get("REVISION") or git("rev-parse", "HEAD") or "unknown"
    return commit + ("-dirty" if git("status", "--porcelain") else "")


def source_time():
    """Seconds since 1970 of what is built: of the commit, unless the environment says it."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct") or 0)


def write_folders(target, all_layers, time):
    """A folder a layer, and one of what is the user's, since COPY gives all to one owner."""
    shutil.rmtree(target, ignore_errors=True)
    for name, entries in all_layers:
        places = [target / ("user" if entry.owner else name) / entry.path for entry in entries]
        for entry, path in zip(entries, places):
            path.parent.mkdir(parents=True, exist_ok=True)
            if entry.target is not None:
                path.symlink_to(entry.target)
            elif entry.content is None:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(entry.content)
            if entry.target is None:
                path.chmod(entry.mode)
        for path in reversed(places):  # a folder's time changes with what is put into it
            os.utime(path, (time, time), follow_symlinks=False)


def print_sizes(all_layers):
    """The size of the root filesystem: of each layer, and of all."""
    total = 0
    for name, entries in all_layers:
        size = sum(len(entry.content or b"") for entry in entries)
        total += size
        print(f"{name:10} {size / 1e6:6.2f} MB")
    print(f"{'all':10} {total / 1e6:6.2f} MB, at most {SIZE_MAX / 1e6:.0f} MB")
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build/image")
    parser.add_argument("--folders", action="store_true", help="BUILD/root instead of an archive")
    arguments = parser.parse_args()
    all_layers, time = layers(arguments.build), source_time()
    size = print_sizes(all_layers)
    if arguments.folders:
        write_folders(arguments.build / "root", all_layers, time)
    else:
        created = datetime.fromtimestamp(time, timezone.utc).isoformat()
        config = configuration(labels(project_version(), revision(), created))
        path = arguments.build / "rowan.oci.tar"
        digest = oci.write_image(path, NAME, all_layers, config, time, platform.machine())
        print(f"{os.path.relpath(path)}: "
              f"{NAME}, {path.stat().st_size / 1e6:.2f} MB, {digest}")
    return 0 if size <= SIZE_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
