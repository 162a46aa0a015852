"""MLflow is gone for a while, and a pod starts meanwhile."""

import time

import prometheus
import service
from faults import look, models
from faults.scene import SHIPPED_VERSION, fault
from kube import delete

ALERT = "ModelSyncFailing"
LOAD_SECONDS = 75  # a pod's start, a look of Prometheus, and 30 s of the shortened rule
UP = "ml_model_sync_registry_up"


def newcomers(scene):
    """Ready pods that were not there before."""
    return [pod for pod in service.ready_pods() if look.uid(pod) not in scene.before]


def is_over(scene, started):
    well = scene.until("the registry's version in four pods", lambda: models.all_are_well(started)
                       and models.all_follow(models.registered(scene.stage).champion))
    after = time.time() - started
    over = scene.until(f"the end of {ALERT}", lambda: not prometheus.alerts(ALERT))
    scene.check("afterwards", "all four follow the registry again, the alert ends",
                well and over, f"all follow it, seen {after:.0f} s after MLflow was back; "
                f"{ALERT} ended")


@fault("MLflow is gone")
def gone_registry(scene):
    state = "firing" if scene.stage.plan.alert_for else "pending"
    models.registered(scene.stage)
    scene.until("good looks of four pods", models.all_are_well)
    try:
        with scene.load(LOAD_SECONDS):
            scene.strike("MLflow is gone")
            scene.mlflow.stop()
            delete("pod", look.name(service.ready_pods()[0]), service.NAMESPACE, wait=False)
            [new] = scene.until("a new pod that is Ready", lambda: newcomers(scene))
            ready, leads_to = scene.since(), look.served(new)
            scene.until(f"{ALERT} {state}", lambda: prometheus.alerts(ALERT, state))
            alert = scene.since()
            asked = [look.figure(pod, UP) for pod in service.ready_pods()]
            scene.mlflow.start()
            away, started = scene.since(), time.time()
            scene.mark("MLflow is back")
            scene.wait_until_whole()
    finally:
        if scene.mlflow.process is None:
            scene.mlflow.start()
    scene.check("predictions", "go on with the champion",
                scene.asker.versions == {SHIPPED_VERSION},
                f"{len(scene.asker.answers)} answers, all of "
                f"{', '.join(sorted(scene.asker.versions))}, {away:.0f} s without MLflow")
    scene.check("a pod that starts meanwhile", "becomes Ready with the image's model",
                leads_to == look.SHIPPED and 0 in asked,
                f"Ready after {ready:.0f} s with {leads_to}; {asked.count(0)} pods say that the "
                "registry does not answer")
    scene.check("alert", f"{ALERT} {state}: at once for a pod that never had an answer", alert,
                f"{state} after {alert:.0f} s" + ("" if state == "firing" else
                                                  "; it would fire 5 minutes later"))
    scene.afterwards(lambda: is_over(scene, started))
    scene.tell(f"MLflow is stopped for {away:.0f} s: predictions go on with the champion, and a "
               "pod that starts meanwhile serves the image's model until the registry answers.")
