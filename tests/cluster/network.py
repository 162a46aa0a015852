"""The network of the cluster: a network namespace of its own, with no way out.

The test itself moves into it (`enter`), and so does everything that it starts from then on: no
port of this machine is taken, and a broker or a browser in it needs no port forwarding. Not
`ip netns exec`, which hides the cgroups from what it starts.
"""

import ctypes
import os
import shutil
from pathlib import Path

from place import PATH, run

NAME = "k8s"
NODE = "10.90.0.1"
PODS = "10.244.0.0/24"
CLUSTER = "10.244.0.0/16"
SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"  # the first address of SERVICES
CLONE_NEWNET = 0x40000000
NAMESPACE = Path("/run/netns") / NAME
SETTINGS = {"net/ipv4/ip_forward": 1, "net/ipv4/conf/all/rp_filter": 0,
            "net/bridge/bridge-nf-call-iptables": 1}


def exists():
    return NAMESPACE.exists()


def enter():
    """This thread, and every process and thread that it starts from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(NAMESPACE) as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {NAMESPACE}")


def up():
    """Makes the namespace, and enters it."""
    if not exists():
        run("ip", "netns", "add", NAME)
    if shutil.which("modprobe", path=PATH):  # else it is built into the kernel
        run("modprobe", "br_netfilter", check=False)
    enter()
    run("ip", "link", "set", "lo", "up")
    if not Path("/proc/self/net/dev").read_text().count("node0:"):
        run("ip", "link", "add", "node0", "type", "bridge")
    run("ip", "addr", "replace", f"{NODE}/24", "dev", "node0")
    run("ip", "link", "set", "node0", "up")
    # A Service's address needs some route, before it becomes a pod's.
    run("ip", "route", "replace", "default", "dev", "node0")
    for name, value in SETTINGS.items():
        path = Path("/proc/sys") / name
        if path.exists():
            path.write_text(f"{value}\n")


def down():
    for name in os.listdir(NAMESPACE.parent) if NAMESPACE.parent.exists() else ():
        if name.startswith("cni-") and pods_left(name):
            run("ip", "netns", "del", name, check=False)
    if exists():
        run("ip", "netns", "del", NAME, check=False)


def pods_left(name):
    """Whether the namespace of a pod is one of ours: its address says it."""
    told = run("ip", "-n", name, "-4", "-o", "addr", check=False)
    return told.returncode != 0 or f" {PODS.rsplit('.', 1)[0]}." in told.stdout
