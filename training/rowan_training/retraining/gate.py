"""May the challenger take the champion's place? Each rule is one function of what `evaluate` measured."""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rowan_training.contract import Json
from rowan_training.errors import WorkError
from rowan_training.export.packed import ExportError
from rowan_training.export.verify import BINARY_VARIABLE, rowan_binary, verify
from rowan_training.retraining.settings import Settings, from_environment
from rowan_training.steps.results import read_result

log = logging.getLogger(__name__)

NOBODY = "none"


@dataclass(frozen=True)
class Check:
    """`value` is None where nothing was measured, or what was measured is no number: then it has not passed."""

    name: str
    value: float | str | None
    bound: str
    passed: bool


def gate(run: Path, settings: Settings) -> Json:
    """A refusal is an answer, not an error: gate.json has it, with its reasons."""
    evaluation = read_result(run, "evaluate")
    champion = read_result(run, "champion")
    checks = [*_compared(evaluation, champion["version"]), *_earlier(evaluation, champion.get("earlier", []), settings)]
    checks += [check for rule in RULES for check in rule(evaluation, settings)]
    proof = _golden_rows(run / "model")
    checks.append(proof)
    for check in checks:
        log.info("gate: %-45s %s, wanted %s: %s", check.name, _shown(check.value), check.bound, _verdict(check))
    reasons = [f"{check.name} is {_shown(check.value)}, wanted {check.bound}" for check in checks if not check.passed]
    passed = not reasons
    log.info("gate: %s", "the challenger may take the champion's place" if passed else "refused: " + "; ".join(reasons))
    return {"passed": passed, "reasons": reasons, "checks": [asdict(one) for one in checks]}


def _compared(evaluation: Json, held: str | None) -> Iterator[Check]:
    """What would be replaced is what was compared with, and no model that RETRAINING_CHAMPION names."""
    compared = (evaluation.get("champion") or {}).get("version")
    if held or compared:
        bound = f"{held or NOBODY}, which has the alias champion (is RETRAINING_CHAMPION set?)"
        yield Check("champion that was compared with", compared or NOBODY, bound, compared == held)


def _floors(evaluation: Json, settings: Settings) -> Iterator[Check]:
    """What every model must reach, whatever is served now."""
    floors = {
        "auc_roc": settings.min_auc_roc,
        "average_precision": settings.min_average_precision,
        "card_precision_100": settings.min_card_precision_100,
    }
    for metric, floor in floors.items():
        yield _at_least(metric, _number(evaluation["challenger"], metric), floor)


def _evidence(evaluation: Json, settings: Settings) -> Iterator[Check]:
    yield _at_least("frauds in the test", _number(evaluation["frauds"], "test"), settings.min_test_frauds)


def _calibration(evaluation: Json, settings: Settings) -> Iterator[Check]:
    """Thresholds of the service are probabilities, so that a model must not only order well."""
    challenger = evaluation["challenger"]
    error = _number(challenger, "calibration_error")
    bound = settings.max_calibration_error
    yield Check("calibration_error", error, f"at most {bound:g}", error is not None and error <= bound)
    mean, share = _number(challenger, "mean_probability"), _number(challenger, "fraud_share")
    ratio = mean / share if mean is not None and share else None
    most = settings.max_mean_ratio
    inside = ratio is not None and 1 / most <= ratio <= most
    yield Check("mean probability / share of frauds", ratio, f"{1 / most:.3g} to {most:g}", inside)


def _champion(evaluation: Json, settings: Settings) -> Iterator[Check]:
    """Not worse beyond chance, on the same rows; and not much worse, even where chance cannot be excluded."""
    if evaluation.get("champion") is None:
        return
    comparison = evaluation.get("comparison") or {}
    losses = {
        "average_precision": settings.max_loss_average_precision,
        "card_precision_100": settings.max_loss_card_precision_100,
    }
    for metric, loss in losses.items():
        found = comparison.get(metric) or {}
        yield _at_least(f"{metric}: upper end against the champion", _number(found, "high"), 0)
        yield _at_least(f"{metric}: difference to the champion", _number(found, "difference"), -loss)


def _earlier(evaluation: Json, champions: list[Json], settings: Settings) -> Iterator[Check]:
    """Each champion may lose a little against the one before; all of them together must not lose much."""
    known = [found for one in champions if (found := _number(one, "average_precision")) is not None]
    if known:
        name = f"average_precision beside the best of the last {len(known)} champions"
        least = max(known) - 2 * settings.max_loss_average_precision
        yield _at_least(name, _number(evaluation["challenger"], "average_precision"), least)


RULES: tuple[Callable[[Json, Settings], Iterator[Check]], ...] = (_evidence, _floors, _calibration, _champion)


def _golden_rows(model: Path) -> Check:
    """The server's own arithmetic, as it will judge the directory before it serves it."""
    name, bound = "golden rows that differ", "0 (rowan verify)"
    binary = _tool()
    try:
        log.info("gate: %s", verify(model, binary))
    except ExportError as error:
        log.warning("gate: %s", error)
        return Check(name, None, bound, False)
    return Check(name, 0, bound, True)


def _tool() -> str:
    try:
        binary = rowan_binary()
    except ExportError as error:
        raise WorkError(str(error)) from None
    if binary is None:
        raise WorkError(f"no rowan tool on the path, and no {BINARY_VARIABLE}: without it the gate proves nothing")
    return binary


def _at_least(name: str, value: float | None, bound: float) -> Check:
    return Check(name, value, f"at least {bound:g}", value is not None and value >= bound)


def _number(found: Json, name: str) -> float | None:
    value = found.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


def _shown(value: float | str | None) -> str:
    if isinstance(value, str):
        return value
    return "unknown" if value is None else f"{value:.4g}"


def _verdict(check: Check) -> str:
    return "yes" if check.passed else "NO"


run = from_environment(gate)
