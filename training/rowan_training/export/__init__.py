"""A fitted model and its training frame become a model directory that Rowan serves: one call, `export`."""

from rowan_training.export.directory import export
from rowan_training.export.packed import ExportError

__all__ = ["ExportError", "export"]
