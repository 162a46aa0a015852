"""Act three: faults, each under a load of real clients and of kafka-load-test."""

import traceback

import stage as _  # noqa: F401  (first: it says where the parts of the other tests are)

from faults import scene as scenes

# In the order in which they are played. The bad model's alert is one that still fires when
# Prometheus is killed, and is over when all have been played: it looks back for minutes.
from faults import bad_model  # noqa: F401
from faults import killed_prometheus  # noqa: F401
from faults import killed_pod  # noqa: F401
from faults import gone_registry  # noqa: F401
from faults import killed_broker  # noqa: F401
from faults import swapped_model  # noqa: F401
from faults import drained_node  # noqa: F401
from faults import cut_network  # noqa: F401


def attempt(stage, name, what, function):
    """One that breaks off is a failed check, and the next is played."""
    try:
        function()
    except Exception as error:  # of a server, a client, the check itself: all the same here
        traceback.print_exc()
        stage.record.check(f"{name}: {what}", "plays to its end", False,
                           f"{type(error).__name__}: {error}")


def play(stage):
    later = []
    with stage.record.act("Act three: faults under load"):
        stage.calm()
        for one in scenes.faults:
            if scenes.is_played(one.name):
                scene = scenes.Scene(stage, one.name, later)
                attempt(stage, one.name, "the fault", lambda: one.function(scene))
        for scene, function in later:
            attempt(stage, scene.name, "afterwards", function)
