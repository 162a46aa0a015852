"""Measures the trained model on the test weeks, beside the champion on the same rows, and writes the model card."""

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from rowan_training.assessment import assess
from rowan_training.bootstrap import compare
from rowan_training.contract import Json
from rowan_training.data.counts import Counts
from rowan_training.errors import WorkError
from rowan_training.plots import plot_all
from rowan_training.prepared import prepare
from rowan_training.requests import request_frame
from rowan_training.scoring import ID, score
from rowan_training.steps import extract
from rowan_training.steps.engines import spark_of
from rowan_training.steps.results import read_result, write_text
from rowan_training.steps.settings import Settings
from rowan_training.steps.train import MODEL, weeks_of
from rowan_training.trained_card import trained_card

CHAMPION = "champion"

log = logging.getLogger(__name__)


def run(run: Path, settings: Settings) -> Json:
    trained = read_result(run, "train")
    spark = spark_of(trained["engine"])
    weeks = weeks_of(trained)
    prepared = spark.prepare(run, weeks) if spark else prepare(extract.read(run), weeks)
    test, features = prepared.test()
    Counts("rows of the test").start(prepared.counts["test"]).end(test)
    requests = request_frame(test, features)
    champion = _champion(run, settings)
    scores = {"challenger": _scores(run / MODEL, requests, test)}
    if champion is not None:
        scores[CHAMPION] = _scores(champion, requests, test)
    result = {
        "challenger": {"version": trained["version"], **assess(test, scores["challenger"])},
        "champion": None if champion is None else {"version": _version(champion), **assess(test, scores[CHAMPION])},
        "comparison": _comparison(test, scores, settings.seed),
        "rows": {part: prepared.counts[part][0] for part in ("train", "test")},
        "frauds": {part: prepared.counts[part][1] for part in ("train", "test")},
        "blocked": dict(zip(("rows", "frauds"), prepared.counts["blocked"])),
    }
    _write_card(run, trained, result, test, scores)
    return result


def _scores(directory: Path, requests: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    """In the order of `test`. Labels go by id, not by place: each row, and each fraud, must have a score of its own."""
    ids = requests[ID].to_numpy()
    found = score(directory, requests)
    Counts(f"scores of {directory}").start(test).end(test[np.isin(ids, found.index)])
    return found.loc[ids].to_numpy()


def _champion(run: Path, settings: Settings) -> Path | None:
    """The model directory to compare with; one that the user named must be there."""
    directory = settings.champion or run / CHAMPION
    if (directory / "contract.json").is_file():
        return directory
    if settings.champion is not None:
        raise WorkError(f"the champion {directory} is no model directory (it has no contract.json): name another one")
    log.info("no champion in %s: the model is compared with none", directory)
    return None


def _comparison(test: pd.DataFrame, scores: dict[str, np.ndarray], seed: int) -> Json | None:
    return compare(test, scores["challenger"], scores[CHAMPION], seed) if CHAMPION in scores else None


def _version(directory: Path) -> str:
    contract: Json = json.loads((directory / "contract.json").read_text(encoding="utf-8"))
    return str(contract["x-rowan"]["version"])


def _write_card(run: Path, trained: Json, result: Json, test: pd.DataFrame, scores: dict[str, np.ndarray]) -> None:
    labels = test["TX_FRAUD"].to_numpy()
    plots = plot_all(run / MODEL / "plots", labels, scores, trained["importance"])
    card = trained_card(trained, read_result(run, "extract"), result, plots)
    write_text(run / MODEL / "README.md", card)
