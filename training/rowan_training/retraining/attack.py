"""A simulated attack on Kafka: `kafka-load-test --attack`, or the same shape with lower rates and for less time."""

import json
import logging
import shutil
import subprocess
import time
from pathlib import Path

from rowan_training.contract import Json
from rowan_training.errors import ServerAway, WorkError
from rowan_training.retraining.pushgateway import Gauges, Pushgateway
from rowan_training.retraining.settings import Settings, from_environment

log = logging.getLogger(__name__)

# Messages a second and seconds of each phase of --attack.
PHASES = ((500, 60), (1000, 120), (2000, 180), (5000, 300))
RATE = 5000.0
SECONDS = 660.0
# What became of the messages, by --verify: docs/kafka-load-test.md, "What is proved".
ANSWERS = ("once", "missing", "doubled", "misplaced", "unknown", "unreadable")
REPORT, PICTURE = "load-test.json", "load-test.svg"


def attack(run: Path, settings: Settings) -> Json:
    settings.need("brokers")
    report = run / REPORT
    report.unlink(missing_ok=True)
    command = [_tool(settings), *pattern(settings), *_proof(settings), "--json", str(report), "--svg", str(run / PICTURE)]
    log.info("$ %s", " ".join(command))
    returncode = subprocess.run(command, check=False).returncode
    if not report.exists():
        text = f"{settings.load_test} ended with {returncode} and without a report: its lines above say why"
        # A wrong command line is 2; what else ends it before it has sent anything is a broker that is away.
        raise WorkError(text) if returncode == 2 else ServerAway(text)
    found = _figures(json.loads(report.read_text(encoding="utf-8")))
    if settings.pushgateway_url:
        Pushgateway(settings).push_attack(_gauges(found), settings.topic)
    if returncode != 0:
        raise WorkError(f"{_shortfall(found, returncode)}; {report} has every second")
    return found


def pattern(settings: Settings) -> list[str]:
    """`--attack` itself where all of it is asked for."""
    rate, seconds = settings.attack_rate, settings.attack_seconds
    if not (0 < rate <= RATE and 0 < seconds <= SECONDS):
        raise WorkError(f"ATTACK_RATE is {rate:g} and ATTACK_SECONDS {seconds:g}: at most {RATE:g} and {SECONDS:g}, above 0")
    if (rate, seconds) == (RATE, SECONDS):
        return ["--attack"]
    phases = [f"{each * rate / RATE:.6g}x{length * seconds / SECONDS:.6g}" for each, length in PHASES]
    return ["--phases", ",".join(phases)]


def _proof(settings: Settings) -> list[str]:
    return ["--verify"] if settings.attack_verify else []


def _shortfall(found: Json, returncode: int) -> str:
    """What the load test did not see to its end."""
    if not found["complete"]:
        return (
            f"the attack was not acknowledged whole: {found['acknowledged']} of {found['sent']} messages, "
            f"{found['failed']} failed"
        )
    if found["verified"] is False:
        return (
            f"the attack was not answered whole: {found['once']} of {found['sent']} messages once, "
            f"{found['missing']} missing, {found['doubled']} doubled, {found['misplaced']} misplaced, "
            f"{found['unknown']} unknown, {found['unreadable']} unreadable{_unread(found)}"
        )
    return f"all was sent and acknowledged, but the load test ended with {returncode}: its reports could not be written"


def _unread(found: Json) -> str:
    """Each message has its answer, and nothing else was found: a second one may be in what was not read."""
    whole = found["once"] == found["sent"] and not found["unknown"] and not found["unreadable"]
    return "; the topics were not read to their end" if whole else ""


def _tool(settings: Settings) -> str:
    found = shutil.which(settings.load_test)
    if found is None:
        raise WorkError(f"ATTACK_PROGRAM is {settings.load_test}, which is no program: name kafka-load-test")
    return found


def _figures(report: Json) -> Json:
    seconds = report["acknowledged_seconds"]
    lags = [second["lag"] for second in report["seconds"] if second["lag"] is not None]
    return {
        "complete": report["complete"],
        "sent": report["sent"],
        "acknowledged": report["acknowledged"],
        "failed": report["failed"],
        "acknowledged_per_second": report["acknowledged"] / seconds if seconds else 0.0,
        "acknowledged_p99_seconds": _p99(report),
        "lag_max": max(lags, default=None),
        **_answers(report),
        "ended_at": time.time(),
    }


def _answers(report: Json) -> Json:
    """What --verify found, of the messages that were sent; None, each, where it was not asked for."""
    found = report.get("verification", {})
    visible = found.get("visible", {}).get("p99")
    return {
        "verified": report["verified"],
        **{answer: found.get(answer) for answer in ANSWERS},
        "visible_p99_seconds": None if visible is None else visible / 1e3,
    }


def _p99(report: Json) -> float | None:
    """The worst phase's."""
    found = [phase["acknowledged"].get("p99") for phase in report["phases"]]
    return max((value / 1e3 for value in found if value is not None), default=None)


def _gauges(found: Json) -> Gauges:
    gauges = Gauges()
    gauges.tell("attack_simulation_last_run_timestamp_seconds", found["ended_at"])
    gauges.tell("attack_simulation_complete", found["complete"])
    for result in ("sent", "acknowledged", "failed", *ANSWERS):
        if found[result] is not None:
            gauges.tell("attack_simulation_messages", found[result], result=result)
    for name in ("verified", "acknowledged_per_second", "acknowledged_p99_seconds", "visible_p99_seconds", "lag_max"):
        if found[name] is not None:
            gauges.tell(f"attack_simulation_{name}", found[name])
    return gauges


run = from_environment(attack)
