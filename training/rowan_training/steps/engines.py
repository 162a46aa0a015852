"""Which steps another engine does in its own way; its module is imported only when it is asked for."""

import importlib
from typing import Any

from rowan_training.errors import WorkError


def spark_of(engine: str) -> Any:
    """rowan_training.spark.steps for the engine "spark", None for the local one."""
    if engine != "spark":
        return None
    try:
        return importlib.import_module("rowan_training.spark.steps")
    except ModuleNotFoundError as error:
        raise WorkError(f"the engine spark needs {error.name}: pip install pyspark pyarrow") from error
