"""Debian's containerd, runc, CNI plugins, nft and redis, unpacked and never installed: no service
is started, and a container engine of this machine stays as it is."""

import hashlib

from place import HOME, PACKAGES, run, say
from versions import DEBIAN_PACKAGES

COMPLETE = PACKAGES / ".complete"
SBIN = PACKAGES / "usr/sbin"
# In an installed package, maintainer scripts make these.
ALTERNATIVES = ("iptables", "ip6tables", "iptables-save", "ip6tables-save", "iptables-restore",
                "ip6tables-restore")


def wanted():
    return hashlib.sha256(" ".join(DEBIAN_PACKAGES).encode()).hexdigest()


def unpack():
    if COMPLETE.exists() and COMPLETE.read_text() == wanted():
        return
    say(f"Debian packages into {PACKAGES}")
    archives = HOME / "debs"
    archives.mkdir(parents=True, exist_ok=True)
    PACKAGES.mkdir(exist_ok=True)
    for old in archives.glob("*.deb"):
        old.unlink()
    download = run("apt-get", "download", "-qq", *DEBIAN_PACKAGES, cwd=archives, check=False)
    if download.returncode != 0:  # package lists that are missing or old
        run("apt-get", "update", "-qq")
        run("apt-get", "download", "-qq", *DEBIAN_PACKAGES, cwd=archives)
    for archive in sorted(archives.glob("*.deb")):
        run("dpkg", "-x", archive, PACKAGES)
    for name in ALTERNATIVES:
        link = SBIN / name
        link.unlink(missing_ok=True)
        link.symlink_to("xtables-nft-multi")
    COMPLETE.write_text(wanted())
