"""The registry names a version whose file is damaged."""

import time

import prometheus
import service
from faults import look, models
from faults.scene import SHIPPED_VERSION, fault
from stage import REFUSED as ALERT

NAME = "a bad model is named"
REFUSED = "ml_model_sync_refused_total"
REASON = "checksum"
PATIENCE = 120  # seconds more than the rule looks back


def refusals():
    """{pod: how often it has refused a version for that reason}"""
    return {look.name(pod): look.figure(pod, REFUSED, reason=REASON)
            for pod in service.ready_pods()}


def is_over(scene, named_back):
    """Long after: the alert has ended, and every pod has looked well."""
    well = scene.until("good looks of four pods", lambda: models.all_are_well(named_back))
    looks_back = scene.stage.plan.refused_seconds
    patience = looks_back + PATIENCE
    over = scene.until(f"the end of {ALERT}", lambda: not prometheus.alerts(ALERT), patience)
    scene.check("afterwards", "the alert ends, every pod's look is well", well and over,
                f"{ALERT} ended, it looks back {looks_back // 60} minutes")


@fault(NAME)
def bad_model(scene):
    known = models.registered(scene.stage)
    scene.until("good looks of four pods", models.all_are_well)
    before = refusals()
    try:
        with scene.load(models.LOAD_SECONDS):
            scene.strike(NAME)
            models.name_champion(scene.stage, known.damaged)
            scene.until("refusals of all", lambda: all(
                count > before[name] for name, count in refusals().items()))
            refused, counts = scene.since(), refusals()
            scene.until(ALERT, lambda: prometheus.alerts(ALERT, "firing"))
            fired = scene.since()
            stayed = models.all_follow(known.champion)
            models.name_champion(scene.stage, known.champion)
            named_back = time.time()
            scene.mark("the champion is named again")
    finally:
        models.name_champion(scene.stage, known.champion)
    scene.check("what became of it", f"each pod refuses it by its {REASON} and serves the champion",
                stayed and scene.asker.versions == {SHIPPED_VERSION}
                and len(counts) == service.REPLICAS_MIN,
                f"{len(counts)} pods refused it within {refused:.0f} s, {ALERT} fires after "
                f"{fired:.0f} s; answers of {', '.join(sorted(scene.asker.versions))} alone")
    scene.afterwards(lambda: is_over(scene, named_back))
    scene.tell("One bit of a new version is changed in the registry's store, and the alias names "
               f"it: every pod refuses it, within {refused:.0f} s, and serves what it served.")
