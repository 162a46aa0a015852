"""The node is drained, as before its maintenance."""

import time
from concurrent.futures import ThreadPoolExecutor

import node
import service
from faults.scene import fault
from kube import get, kubectl

PATIENCE = 35  # seconds that kubectl goes on asking: the first pod is gone before


def drain():
    """kubectl's own, of the service's pods alone: Prometheus has no other node to go to."""
    return kubectl("drain", node.NAME, "--ignore-daemonsets", "--delete-emptydir-data",
                   f"--pod-selector={service.SELECTOR}", f"--timeout={PATIENCE}s",
                   check=False)


def watch_drain(ready, pending):
    """The drain to its end; meanwhile the numbers of pods that are Ready, and of those that wait
    for a node."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(drain)
        while not asked.done():
            ready.append(len(service.ready_pods()))
            pending.append(sum(pod["status"]["phase"] == "Pending" for pod in service.pods()))
            time.sleep(1)
    return asked.result()


def is_cordoned():
    return bool(get("node", node.NAME)["spec"].get("unschedulable"))


@fault("the node is drained")
def drained_node(scene):
    ready, pending = [], []
    with scene.load():
        scene.strike("the node is drained")
        try:
            told = watch_drain(ready, pending)
            cordoned = is_cordoned()
        finally:
            kubectl("uncordon", node.NAME)
        scene.mark("the node may be used again")
        freed = scene.since()
        scene.wait_until_whole()
    new, gone = scene.changed()
    refused = told.stderr.count("disruption budget")
    scene.check("what became of it",
                "one pod goes, its place waits for a node, the budget refuses the others: 3 serve",
                cordoned and told.returncode != 0 and refused > 0 and min(ready) == 3
                and max(pending) == 1 and len(gone) == len(new) == 1,
                f"{len(gone)} evicted, {refused} times refused, {min(ready)} Ready at least, "
                f"{max(pending)} Pending; uncordoned after {freed:.0f} s, 4 settled "
                f"{scene.whole_after - freed:.0f} s later")
    scene.tell("The one node is drained: the PodDisruptionBudget lets one pod go, whose "
               "replacement finds no node, so the other three stay and serve; with more nodes the "
               "replacement starts there, and the drain goes on pod by pod.")
