"""contract.json out of the training frame: a field for each column, typed as the column is."""

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from rowan_training.contract import SCHEMA_DIALECT, THRESHOLDS, Json
from rowan_training.export.packed import ExportError, Feature, PackedModel

Kind = Literal["string", "integer", "number", "boolean"]

# The server's bounds: a name's bytes, and the values of an enum (src/contract/schema.h).
NAME_MAX_BYTES = 256
ENUM_MAX_VALUES = 4096
# Categories that a description lists.
LISTED_CATEGORIES = 20


def build_contract(
    packed: PackedModel,
    frame: pd.DataFrame,
    *,
    name: str,
    version: str,
    thresholds: Mapping[str, float] | None,
    id_field: str | None,
    ids: "pd.Series[str]",
) -> Json:
    columns = {feature.column: feature for feature in packed.features}
    properties = {column: _property(frame[column], feature, packed) for column, feature in columns.items()}
    if id_field is not None:
        properties = {id_field: _id_property(ids), **properties}
    for field_name in properties:
        _check_name(field_name)
    settings: Json = {
        "model": name,
        "version": version,
        "type": packed.type,
        "model_file": packed.file_name,
        "id": id_field,
        "iterations": packed.iterations,
        "golden_ulps": packed.golden_ulps or None,
        "features": [{"name": feature.name, feature.transform: feature.column} for feature in packed.features],
        "positive_class": packed.positive_class if packed.is_probability else None,
        "thresholds": _thresholds(thresholds) if packed.is_probability else None,
    }
    return {
        "$schema": SCHEMA_DIALECT,
        "title": name,
        "description": f"A request to the model {name}: a field for each of its inputs. "
        "A field that allows null may be left out; it is then missing.",
        "type": "object",
        "required": [field for field, schema in properties.items() if not isinstance(schema["type"], list)],
        "properties": properties,
        "x-rowan": {key: value for key, value in settings.items() if value is not None},
    }


def kind_of(column: pd.Series) -> Kind:
    """The JSON type of a column's values."""
    values = column.dropna()
    types = pd.api.types
    if isinstance(column.dtype, pd.CategoricalDtype):
        return kind_of(pd.Series(column.dtype.categories, name=column.name))
    if types.is_string_dtype(values.dtype):
        return "string"
    if types.is_bool_dtype(values.dtype) or (len(values) and all(isinstance(value, bool) for value in values)):
        return "boolean"
    if types.is_integer_dtype(values.dtype):
        return "integer"
    if types.is_float_dtype(values.dtype):
        return "number"
    raise ExportError(
        f"column {column.name!r} has the type {column.dtype}, which no JSON value becomes: "
        "train on numbers, booleans or text (a time as seconds since 1970)"
    )


def json_value(value: Any, kind: Kind) -> Any:
    """A value of a column as a client writes it; float32 values keep every bit as doubles."""
    return {"string": str, "integer": int, "number": float, "boolean": bool}[kind](value)


def _property(column: pd.Series, feature: Feature, packed: PackedModel) -> Json:
    kind = kind_of(column)
    nullable = feature.column in packed.nullable
    if kind == "string" and feature.categories is None:
        raise ExportError(
            f"column {feature.column!r} holds text that the model cannot read: encode it in training "
            "(pandas 'category' for XGBoost and LightGBM, OneHotEncoder or OrdinalEncoder for scikit-learn)"
        )
    schema: Json = {"type": [kind, "null"] if nullable else kind}
    if feature.categories is not None and feature.transform == "from":
        if len(feature.categories) + nullable > ENUM_MAX_VALUES:
            raise ExportError(f"column {feature.column!r} has more than {ENUM_MAX_VALUES} categories: group rare ones")
        schema["enum"] = [*feature.categories, *([None] if nullable else [])]
    schema["description"] = _description(column, kind, feature)
    example = _example(column, kind, feature)
    if example is not None:
        schema["examples"] = [example]
    return schema


def _description(column: pd.Series, kind: Kind, feature: Feature) -> str:
    values = column.dropna()
    missing = column.isna().mean()
    text = f"Input {feature.name} of the model"
    if kind in ("integer", "number") and feature.categories is None and len(values):
        low, high = json_value(values.min(), kind), json_value(values.max(), kind)
        text += f"; in training from {low:.6g} to {high:.6g}"
    if feature.categories is not None and feature.transform == "category":
        listed = ", ".join(map(str, feature.categories[:LISTED_CATEGORIES]))
        more = ", ..." if len(feature.categories) > LISTED_CATEGORIES else ""
        text += f"; known values: {listed}{more}; any other is missing"
    if missing:
        text += f"; missing in {100 * missing:.2g} % of the training rows"
    return text + "."


def _example(column: pd.Series, kind: Kind, feature: Feature) -> Any:
    values = column.dropna()
    if values.empty:
        return feature.categories[0] if feature.categories else None
    if kind in ("string", "boolean") or feature.categories is not None:
        return json_value(values.mode().iloc[0], kind)
    return json_value(values.sort_values().iloc[len(values) // 2], kind)


def _id_property(ids: "pd.Series[str]") -> Json:
    return {
        "type": "string",
        "description": "The caller's name of the request; the reply repeats it.",
        "examples": [ids.iloc[0]],
    }


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ExportError(f"the column {name!r} is no text, so it cannot be a JSON key: rename it")
    if not 1 <= len(name.encode()) <= NAME_MAX_BYTES or "\0" in name:
        raise ExportError(f"the column {name[:40]!r} must have 1 to {NAME_MAX_BYTES} bytes and no zero byte: rename it")


def _thresholds(given: Mapping[str, float] | None) -> Json:
    thresholds = {**THRESHOLDS, **(given or {})}
    unknown = thresholds.keys() - THRESHOLDS.keys()
    if unknown:
        raise ExportError(f"no threshold is called {', '.join(sorted(unknown))}: use {', '.join(THRESHOLDS)}")
    if thresholds["medium"] > thresholds["high"]:
        raise ExportError("the threshold medium is above high: exchange them")
    return thresholds
