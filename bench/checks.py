"""Do all engines give the same scores?  Nothing is timed before this is known.

Rowan must equal the training library bit for bit.  The others may differ, by how much
is told; an engine that is farther off than BOUND has another model before it and is left out.
"""

from dataclasses import dataclass

import models
import numpy as np
import peers

# One ulp of a float32 probability in [0.5, 1).  Converters and engines sum in another
# order or type, so that tiny probabilities differ by many ulps of their own.
UNIT = 2.0**-24
BOUND = 32  # units: 1.9e-6


@dataclass
class Check:
    text: str
    passed: bool


def same_bits(a: np.ndarray, b: np.ndarray) -> int:
    """How many rows differ."""
    return int(np.count_nonzero(a.view(np.uint64) != b.view(np.uint64)))


def units(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.max(np.abs(a - b)) / UNIT)


def _against_library(model: str, library: peers.Engine, rowan: np.ndarray) -> Check:
    try:
        differ = same_bits(rowan, library.scores(model))
    except peers.Failed as failure:
        return Check(f"{model}: {library.name} cannot be asked: {failure}", False)
    return Check(f"{model}: Rowan equals {library.name} bit for bit on {len(rowan):,} rows"
                 + (f"; {differ:,} DIFFER" if differ else ""), differ == 0)


def _against_sklearn(model: str, path, rowan: np.ndarray) -> Check:
    off = units(rowan, np.fromfile(path))
    return Check(f"{model}: Rowan is within {off:.1f} x 2^-24 of scikit-learn's forest "
                 f"(float32 sums for double ones; {BOUND} allowed)", off <= BOUND)


def of_rowan(model: str, rowan: np.ndarray, engines: list[peers.Engine], folder) -> list[Check]:
    libraries = [engine for engine in engines if model in engine.same_bits]
    checks = [_against_library(model, library, rowan) for library in libraries]
    if not libraries:
        checks.append(Check(f"{model}: the library that trained it is not there to ask", False))
    forest = folder / f"{model}.sklearn.f64"
    if forest.exists():
        checks.append(_against_sklearn(model, forest, rowan))
    return checks


def reference(model: str, rowan: np.ndarray | None, engines: list[peers.Engine]) -> np.ndarray:
    """Rowan's scores, or those of the training library where Rowan has none."""
    if rowan is not None:
        return rowan
    library = next(engine for engine in engines if model in engine.same_bits)
    return library.scores(model)


def distance(engine: peers.Engine, model: str, expected: np.ndarray) -> float:
    """Units from what is expected; an engine beyond the bound is not to be timed."""
    scores = engine.scores(model)
    if len(scores) != models.SCORED_ROWS:
        raise peers.Failed(f"{len(scores)} scores for {models.SCORED_ROWS} rows")
    off = units(scores, expected)
    if not off <= BOUND:
        raise peers.Failed(f"its scores of {model} are {off * UNIT:.2g} off")
    return off
