"""One of three brokers is killed, the one that hurts most."""

import socket

from faults import group
from faults.scene import CALM_SECONDS, fault

AWAY_SECONDS = 20
LOAD_SECONDS = 75  # away, started again, and in step with the others


def answers(cluster, number):
    try:
        socket.create_connection((cluster.host, cluster.ports[number - 1]), 1).close()
    except OSError:
        return False
    return True


@fault("one of three brokers is killed")
def killed_broker(scene):
    cluster = scene.kafka
    with scene.load(LOAD_SECONDS):
        victim = scene.until("the group's coordinator", lambda: group.coordinator(cluster))
        led = group.leaders(cluster).count(victim)
        scene.strike("one of three brokers is killed")
        cluster.kill(victim)
        try:
            scene.until("leaders among the others", lambda: (found := group.leaders(cluster))
                        and not {victim, -1} & set(found))
            moved = scene.since()
            other = scene.until("another coordinator", lambda: (
                found := group.coordinator(cluster)) not in (None, victim) and found)
            scene.until("the end of its time", lambda: scene.since() > AWAY_SECONDS)
            reached = answers(cluster, victim)
        finally:
            cluster.restart(victim)  # returns when every replica is in step again
        back = scene.since()
        scene.mark("the broker is back, its replicas in step")
        scene.wait_until_whole()
    again = scene.restarted()
    scene.check("what became of it", "its partitions and the group go to the others; it comes back "
                "under load; no container is started again",
                led > 0 and not reached and other != victim and again == "none"
                and back + CALM_SECONDS < LOAD_SECONDS,
                f"broker {victim}, coordinator of the group and leader of {led} of the input's "
                f"partitions: others lead after {moved:.1f} s, broker {other} coordinates; back in "
                f"step after {back:.0f} s of load; containers restarted: {again}")
    scene.tell(f"The broker that coordinates the group and leads {led} of 24 partitions is killed "
               f"for {AWAY_SECONDS} s; others lead them after {moved:.1f} s.")
