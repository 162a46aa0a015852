"""Reads what onnx_files.py wrote, and compares numbers bit by bit."""

from pathlib import Path

import numpy as np

from rowan_ctypes import Model


def ordered(values: np.ndarray) -> np.ndarray:
    """Floats as integers in the same order, neighbours one apart."""
    kind = np.int32 if values.dtype == np.float32 else np.int64
    bits = np.ascontiguousarray(values).view(kind).astype(np.int64)
    return np.where(bits < 0, -(bits & np.iinfo(kind).max), bits)


def ulps(ours: np.ndarray, theirs: np.ndarray) -> int:
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    return int(np.max(np.where(same, 0, np.abs(ordered(ours) - ordered(theirs)))))


def codes(texts: np.ndarray, categories: list[str]) -> np.ndarray:
    known = {text: float(code) for code, text in enumerate(categories)}
    return np.array([[known.get(text, np.nan) for text in row] for row in texts])


def read_model(path: Path) -> tuple:
    """The model, its rows, ONNX Runtime's results and the library's own (or None)."""
    arrays = np.load(path.with_suffix(".npz"))
    model, columns = Model(path), []
    for i in range(sum(name.startswith("in_") for name in arrays.files)):
        values = arrays[f"in_{i}"]
        if values.dtype.kind == "U":
            values = codes(values, model.feature_categories[sum(c.shape[1] for c in columns)])
        columns.append(values.astype(np.float64))
    own = arrays["own"] if "own" in arrays.files else None
    return model, np.hstack(columns), arrays["expected"], own
