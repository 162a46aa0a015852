"""What is broken never becomes Ready, the pods before it go on serving, and git heals it."""

import json
from base64 import b64encode

import argocd
import containers
import images
import service
from kube import is_ready, kubectl
from load import Load
from place import IMAGES, ROOT, wait_for
from table import check

MISSING_TAG = "never-built"
BROKEN_TAG = "cannot-start"
BAD_MODEL = "bad-model"
BAD_MOUNT = "/models/bad"
GOLDEN_ROWS = 20
FAILURES = 2  # times that the container of a new pod must have ended
# What kubelet calls a container that cannot start.
NO_IMAGE = ("ErrImagePull", "ImagePullBackOff")
FALLEN = ("RunContainerError", "CrashLoopBackOff")
WORDS_MAX = 220  # characters of a log's last line


def names(pods):
    return {pod["metadata"]["name"] for pod in pods}


def failure(pod):
    """Why a pod does not start; None as long as that is open."""
    for one in pod["status"].get("containerStatuses") or ():
        reason = one["state"].get("waiting", {}).get("reason")
        if reason in NO_IMAGE:
            return reason
        if reason in FALLEN and one["restartCount"] >= FAILURES:
            code = one["lastState"]["terminated"]["exitCode"]
            return f"{reason}, exit code {code}{last_words(pod, one['name'])}"
    return None


def last_words(pod, container):
    """The last line of the container's log."""
    told = kubectl("logs", pod["metadata"]["name"], "-n", service.NAMESPACE, "-c", container,
                   "--previous", "--tail=1", check=False)
    said = told.stdout.strip()[:WORDS_MAX] if told.returncode == 0 else ""
    return f' ("{said}")' if said else ""


class Rollout:
    """Looks at the new pods while they fail."""

    def __init__(self):
        self.old = names(service.pods())
        self.became_ready = set()

    def new_pods(self):
        found = [pod for pod in service.pods() if pod["metadata"]["name"] not in self.old]
        self.became_ready |= names(filter(is_ready, found))
        return found

    def why(self):
        return next(filter(None, map(failure, self.new_pods())), None)


def break_it(message, **changes):
    """Commits something broken under load, waits until its pods have failed, and reverts."""
    service.wait_until_settled()
    rollout = Rollout()
    with Load(service.url("/predict"), service.request_file(), service.ANSWER, 2, 2) as load:
        with service.committed(message, **changes):
            argocd.refresh(service.APPLICATION)
            why = wait_for("a pod that cannot start", rollout.why)
            kept = len(rollout.old & names(service.ready_pods()))
        healed = argocd.state(service.APPLICATION)
    passed = (kept == len(rollout.old) == 4 and not rollout.became_ready and load.failed == 0
              and healed == "Synced Healthy")
    return passed, (f"{why}; {len(rollout.became_ready)} became Ready, {kept} of 4 old ones Ready; "
                    f"{load.describe()}; after the revert {healed}")


EXPECTED = "none becomes Ready, 4 old pods serve, 0 failed; a revert heals"


@check("an image that does not exist", EXPECTED)
def missing_image():
    return break_it("a tag that nobody built", tag=MISSING_TAG)


@check("an image that cannot start", EXPECTED)
def broken_image():
    name = f"{service.FULL_NAME}:{BROKEN_TAG}"
    archive = images.write(IMAGES / f"{BROKEN_TAG}.tar.broken", name, ["/no-such-program"], {})
    containers.import_image(archive)
    archive.unlink()
    return break_it("an image without a program", tag=BROKEN_TAG)


@check("a setting that is no good", EXPECTED)
def bad_setting():
    return break_it("a port that is none", config={"API_PORT": "eighty"})


@check("a model that is not there", EXPECTED)
def missing_model():
    return break_it("a model that is not there", config={"MODEL_DIR": "/models/none"})


def bad_model():
    """A ConfigMap with the default model, one golden row of which says another number."""
    folder = ROOT / "models/fraud"
    rows = [json.loads(line) for line in (folder / "golden.jsonl").open()][:GOLDEN_ROWS]
    rows[-1]["fraud_probability"] = 0.5
    return {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": BAD_MODEL, "namespace": service.NAMESPACE},
            "data": {"contract.json": (folder / "contract.json").read_text(),
                     "golden.jsonl": "".join(json.dumps(row) + "\n" for row in rows)},
            "binaryData": {"model.ubj": b64encode((folder / "model.ubj").read_bytes()).decode()}}


@check("a model that fails a golden row", EXPECTED)
def failing_model():
    mounted = service.deployment_patch(
        containers=[{"name": "api", "volumeMounts": [{"name": BAD_MODEL, "mountPath": BAD_MOUNT}]}],
        volumes=[{"name": BAD_MODEL, "configMap": {"name": BAD_MODEL}}])
    return break_it("a model with a wrong golden row", config={"MODEL_DIR": BAD_MOUNT},
                    patches=[mounted], resources=[bad_model()])
