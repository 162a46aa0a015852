"""The network of one pod is cut, in both directions, and comes back."""

import json
import os
import time
from contextlib import contextmanager

import service
from faults import group, look
from faults.scene import fault
from kube import get, is_ready
from place import Failed, run

SECONDS = 30
BRIDGE = "cni0"  # of tests/cluster/conf/cni
NAMESPACES = "/run/netns"


def links(*arguments):
    return json.loads(run("ip", *arguments, "-j", "addr").stdout)


def has_address(link, address):
    return any(one["local"] == address for one in link["addr_info"])


def outer_link(address):
    """The node's end of the pod's cable: the pod's own end says which number it has."""
    for namespace in os.listdir(NAMESPACES):
        if not namespace.startswith("cni-"):
            continue
        for link in links("-n", namespace):
            if has_address(link, address):
                return next(one["ifname"] for one in links()
                            if one["ifindex"] == link["link_index"])
    raise Failed(f"no pod's network has the address {address}")


@contextmanager
def cut(address):
    """Out of the bridge: what either side sends is lost without a word. Addresses and routes of the
    pod stay, as with a real cable."""
    link = outer_link(address)
    run("ip", "link", "set", link, "nomaster")
    try:
        yield link
    finally:
        run("ip", "link", "set", link, "master", BRIDGE)
        run("ip", "link", "set", link, "type", "bridge_slave", "hairpin", "on")


def is_endpoint(address):
    """Whether the Service sends requests to it."""
    slices = get("endpointslices", namespace=service.NAMESPACE,
                 selector=f"kubernetes.io/service-name={service.SERVICE}")
    return any(address in one["addresses"] and one["conditions"].get("ready")
               for found in slices for one in found.get("endpoints") or ())


@fault("a pod's network is cut")
def cut_network(scene):
    with scene.load():
        victim = service.ready_pods()[0]
        address, name = look.address(victim), look.name(victim)
        out = left = None
        scene.strike("a pod's network is cut")
        with cut(address):
            while scene.since() < SECONDS:
                if out is None and not is_endpoint(address):
                    out = scene.since()
                members = group.members(scene.kafka)
                if left is None and members and address not in members:
                    left = scene.since()
                time.sleep(0.3)
        scene.mark("the network is back")
        scene.wait_until_whole()
    now = get("pod", name, service.NAMESPACE)
    again = scene.restarted()
    scene.check("out of service", f"no endpoint and no member of the group, within {SECONDS} s",
                out is not None and left is not None,
                f"no endpoint after {out or -1:.0f} s, its partitions given to others after "
                f"{left or -1:.0f} s")
    scene.check("back again", "the same pod is Ready, and has partitions",
                now and look.uid(now) == look.uid(victim) and is_ready(now),
                f"{scene.whole_after - SECONDS:.0f} s after the cut's end; containers restarted: "
                f"{again}")
    scene.tell(f"One of four pods can be reached by nobody for {SECONDS} s, and reaches nobody: "
               f"after {out or 0:.0f} s it got no more requests, after {left or 0:.0f} s others "
               f"read its partitions, and it came back by itself; containers started "
               f"again: {again}.")
