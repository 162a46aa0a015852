"""What a user can set of a run: one table, from which options, environment and help are made."""

import argparse
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

from rowan_training.contract import Json
from rowan_training.features import LABEL_DELAY_DAYS
from rowan_training.models.registry import ENGINES, MODELS
from rowan_training.split import DELAYED, LABELS, TEST_DAYS, TRAIN_DAYS

ENVIRONMENT_PREFIX = "RETRAINING_"


def _json_object(text: str) -> Json:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def _days(text: str) -> int:
    days = int(text)
    if days < 1:
        raise ValueError("not above 0")
    return days


def _seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed < 2**31:
        raise ValueError("not from 0 to 2147483647")
    return seed


def _setting(default: Any, parse: Callable[[str], Any], metavar: str, text: str) -> Any:
    metadata = {"parse": parse, "metavar": metavar, "help": text}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Each is an option (`--train-days`) and a variable of the environment (`RETRAINING_TRAIN_DAYS`)."""

    data: str | None = _setting(None, str, "SOURCE", "CSV, Parquet, a folder of either, or s3://bucket/path")
    since: date | None = _setting(None, date.fromisoformat, "DAY", "first day to read, YYYY-MM-DD (the first there is)")
    until: date | None = _setting(None, date.fromisoformat, "DAY", "last day to read (the last full one)")
    model: str = _setting("xgboost", str, "|".join(MODELS), "kind of model (xgboost)")
    engine: str = _setting("local", str, "|".join(ENGINES), "where it is trained (local)")
    seed: int = _setting(0, _seed, "N", "of all random choices (0)")
    train_days: int = _setting(TRAIN_DAYS, _days, "N", f"days to train on ({TRAIN_DAYS})")
    test_days: int = _setting(TEST_DAYS, _days, "N", f"days to test on ({TEST_DAYS})")
    labels: str = _setting(
        DELAYED,
        str,
        "|".join(LABELS),
        f"of the newest {LABEL_DELAY_DAYS} days: not known yet, so not tested on, or complete, as of old data (delayed)",
    )
    parameters: Json = _setting({}, _json_object, "JSON", 'parameters of the model to change, as {"max_depth": 4}')
    champion: Path | None = _setting(None, Path, "DIR", "model directory to compare with (DIR/champion, if there)")
    name: str = _setting("fraud", str, "NAME", "of the model in replies and metrics (fraud)")


def add_options(parser: argparse.ArgumentParser) -> None:
    for entry in fields(Settings):
        variable = variable_of(entry.name)
        parser.add_argument(
            f"--{entry.name.replace('_', '-')}",
            metavar=entry.metadata["metavar"],
            help=f"{entry.metadata['help']}; ${variable}",
        )


def settings_of(options: argparse.Namespace, environment: Mapping[str, str] | None = None) -> Settings:
    """Options win over the environment, and an empty text counts as not set. Raises `ValueError` that names the setting."""
    given = os.environ if environment is None else environment
    values = {}
    for entry in fields(Settings):
        text, where = getattr(options, entry.name, None), f"--{entry.name.replace('_', '-')}"
        if not text:
            text, where = given.get(variable_of(entry.name)), variable_of(entry.name)
        if text:
            values[entry.name] = _parsed(text, where, entry.metadata["parse"], entry.metadata["metavar"])
    settings = Settings(**values)
    for name, known in (("model", MODELS), ("engine", ENGINES), ("labels", LABELS)):
        if getattr(settings, name) not in known:
            raise ValueError(f"{name} is {getattr(settings, name)!r}: choose one of {', '.join(known)}")
    return settings


def variable_of(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.upper()


def _parsed(text: str, where: str, parse: Callable[[str], Any], metavar: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{where} is {text!r}, which is no {metavar} ({error})") from error
