"""What became of a run, told to Pushgateway and in report.json; of runs that failed, too."""

import logging
import shutil
import time
from pathlib import Path

from rowan_training.contract import Json
from rowan_training.retraining.pushgateway import Gauges, Pushgateway
from rowan_training.retraining.results import result_if_there
from rowan_training.retraining.settings import Settings, from_environment

log = logging.getLogger(__name__)

OUTCOMES = ("promoted", "refused", "failed", "rolled-back")
ENDED_WELL = ("promoted", "refused")
SCORES = ("auc_roc", "average_precision", "card_precision_100")
# In their order. Each leaves its result; the command line removes it before it runs the step again.
STEPS = (
    "kafka",
    "extract",
    "validate",
    "train",
    "champion",
    "evaluate",
    "gate",
    "register",
    "canary",
    "promote",
    "watch",
)


def report(run: Path, settings: Settings) -> Json:
    outcome, reason = _outcome(run)
    found = {"outcome": outcome, "reason": reason, "ended_at": time.time(), "seconds": _duration(run)}
    log.info("this retraining: %s%s", outcome, f" ({reason})" if reason else "")
    gateway = Pushgateway(settings)
    gateway.push_run(_gauges(run, found))
    queue = result_if_there(run, "kafka")
    if queue and queue["checked"]:
        gateway.push_kafka(queue)
    _remove_old(run, settings)
    return found


def _remove_old(run: Path, settings: Settings) -> None:
    """The folders of older runs of the same DAG; a folder of something else stays."""
    if not settings.keep or not settings.home or Path(settings.home).resolve() != run.resolve().parent.parent:
        return
    others = [one for one in run.resolve().parent.iterdir() if one != run.resolve() and _last_result(one)]
    for old in sorted(others, key=_last_result, reverse=True)[max(settings.keep - 1, 0) :]:
        log.info("removing the folder of an old run, %s (RETRAINING_KEEP=%d)", old, settings.keep)
        shutil.rmtree(old, ignore_errors=True)


def _last_result(folder: Path) -> float:
    """When its last step ended; 0 if it is no folder of a run."""
    if folder.is_symlink():
        return 0.0
    return max((path.stat().st_mtime for step in (*STEPS, "report") if (path := folder / f"{step}.json").exists()), default=0.0)


def _outcome(run: Path) -> tuple[str, str | None]:
    """By the first step that has not left its file, or that says how the run ended."""
    for step in STEPS:
        left = result_if_there(run, step)
        if left is None:
            return "failed", f"at the step {step}: its log says why"
        if step == "gate" and not left["passed"]:
            return "refused", "; ".join(left["reasons"])
        if left.get("outcome") == "rolled-back":
            return "rolled-back", left["reason"]
    return "promoted", None


def _duration(run: Path) -> float:
    """From the end of the first step to now."""
    ended = [path.stat().st_mtime for step in STEPS if (path := run / f"{step}.json").exists()]
    return max(time.time() - min(ended, default=time.time()), 0.0)


def _gauges(run: Path, found: Json) -> Gauges:
    gauges = Gauges()
    gauges.tell("ml_retraining_last_run_timestamp_seconds", found["ended_at"])
    if found["outcome"] in ENDED_WELL:
        gauges.tell("ml_retraining_last_success_timestamp_seconds", found["ended_at"])
    gauges.tell("ml_retraining_duration_seconds", found["seconds"])
    for outcome in OUTCOMES:
        gauges.tell("ml_retraining_outcome", outcome == found["outcome"], outcome=outcome)
    evaluation = result_if_there(run, "evaluate")
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


run = from_environment(report)
