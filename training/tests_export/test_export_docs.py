"""Every example of docs/export.md runs as it stands there."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from .conftest import ROOT, contract_of

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "export.md").read_text(encoding="utf-8"), re.DOTALL)


def name_of(example: str) -> str:
    return str(re.search(r'"models/(\w+)"', example)[1])  # type: ignore[index]


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_exports_a_directory(
    example: str, categories: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {"frame": categories.astype({"fraud": float})}
    if name_of(example) == "spark":
        known["spark"] = request.getfixturevalue("spark")
    exec(compile(example, "docs/export.md", "exec"), known)
    assert contract_of(tmp_path / "models" / name_of(example))["x-rowan"]["id"] == "payment"


def test_there_is_an_example_for_every_library() -> None:
    assert [name_of(example) for example in EXAMPLES] == ["xgboost", "lightgbm", "sklearn", "catboost", "spark"]
