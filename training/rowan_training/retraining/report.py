"""What became of a run, told to Pushgateway and in report.json; of runs that failed, too."""

import logging
import os
import time
from pathlib import Path

from rowan_training.retraining.files import Json, read_if_there, write
from rowan_training.retraining.pushgateway import Gauges, Pushgateway
from rowan_training.retraining.settings import Settings

log = logging.getLogger(__name__)

OUTCOMES = ("promoted", "refused", "failed", "rolled-back")
ENDED_WELL = ("promoted", "refused")
SCORES = ("auc_roc", "average_precision", "card_precision_100")
# What each step leaves, in their order. The command line removes a step's file before it runs it again.
FILES = {
    "kafka": "kafka.json",
    "extract": "extract.json",
    "validate": "validate.json",
    "train": "train.json",
    "champion": "champion.json",
    "evaluate": "evaluate.json",
    "gate": "gate.json",
    "register": "registered.json",
    "canary": "canary.json",
    "promote": "promote.json",
    "watch": "watch.json",
}
BEGUN = "RETRAINING_BEGUN"  # Unix time at which the run began, from the scheduler


def report(run: Path, settings: Settings) -> Json:
    outcome, reason = _outcome(run)
    found = {"outcome": outcome, "reason": reason, "ended_at": time.time(), "seconds": _duration(run)}
    log.info("this retraining: %s%s", outcome, f" ({reason})" if reason else "")
    gateway = Pushgateway(settings)
    gateway.push_run(_gauges(run, found))
    queue = read_if_there(run, FILES["kafka"])
    if queue and queue["checked"]:
        gateway.push_kafka(queue)
    return write(run, "report.json", found)


def _outcome(run: Path) -> tuple[str, str | None]:
    """By the first step that has not left its file, or that says how the run ended."""
    for step, name in FILES.items():
        left = read_if_there(run, name)
        if left is None:
            return "failed", f"at the step {step}: its log says why"
        if step == "gate" and not left["passed"]:
            return "refused", "; ".join(left["reasons"])
        if left.get("outcome") == "rolled-back":
            return "rolled-back", left["reason"]
    return "promoted", None


def _duration(run: Path) -> float:
    """From the begin that the scheduler tells, or the first file of the run, to now."""
    begun = os.environ.get(BEGUN)
    files = [path.stat().st_mtime for name in FILES.values() if (path := run / name).exists()]
    first = float(begun) if begun else min(files, default=time.time())
    return max(time.time() - first, 0.0)


def _gauges(run: Path, found: Json) -> Gauges:
    gauges = Gauges()
    gauges.tell("ml_retraining_last_run_timestamp_seconds", found["ended_at"])
    if found["outcome"] in ENDED_WELL:
        gauges.tell("ml_retraining_last_success_timestamp_seconds", found["ended_at"])
    gauges.tell("ml_retraining_duration_seconds", found["seconds"])
    for outcome in OUTCOMES:
        gauges.tell("ml_retraining_outcome", outcome == found["outcome"], outcome=outcome)
    evaluation = read_if_there(run, FILES["evaluate"])
    if evaluation:
        _tell_evaluation(gauges, evaluation)
    return gauges


def _tell_evaluation(gauges: Gauges, evaluation: Json) -> None:
    for role in ("champion", "challenger"):
        for metric in SCORES if evaluation[role] else ():
            gauges.tell("ml_retraining_score", evaluation[role][metric], role=role, metric=metric)
    for split in ("train", "test"):
        gauges.tell("ml_retraining_rows", evaluation["rows"][split], split=split)
        gauges.tell("ml_retraining_frauds", evaluation["frauds"][split], split=split)
