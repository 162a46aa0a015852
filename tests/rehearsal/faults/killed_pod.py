"""A pod is killed, without grace."""

import service
from faults import group, look
from faults.scene import fault
from kube import delete


@fault("a pod is killed")
def killed_pod(scene):
    with scene.load():
        victim = service.ready_pods()[0]
        address = look.address(victim)
        had = group.members(scene.kafka).get(address, 0)
        scene.strike("a pod is killed")
        delete("pod", look.name(victim), service.NAMESPACE, "--force", "--grace-period=0")
        scene.until("a group without the pod", lambda: (found := group.members(scene.kafka))
                    and address not in found)
        left = scene.since()
        scene.wait_until_whole()
    new, gone = scene.changed()
    scene.check("what became of it", "another pod takes its place, the others stay",
                gone == {look.uid(victim)} and len(new) == 1 and had > 0,
                f"{len(gone)} gone, {len(new)} new; its {had} partitions were given to others "
                f"within {left:.0f} s; 4 settled after {scene.whole_after:.0f} s")
    scene.tell("One of four pods is deleted without grace.")
