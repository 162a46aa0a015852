"""What Python's json and pydantic 2 say to the same body under the same contract."""

import json
from typing import Annotated, Literal, Optional

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import (AllowInfNan, BeforeValidator, ConfigDict, Field, StrictBool, TypeAdapter,
                      ValidationError, create_model)
from pydantic_core import PydanticCustomError

KINDS = {
    "string": (str, str, "string_type"),
    "integer": (int, (int, float), "int_type"),
    "number": (float, (int, float), "float_type"),
    "boolean": (StrictBool, bool, "bool_type"),
}
BOUNDS = {"minimum": Ge, "exclusiveMinimum": Gt, "maximum": Le, "exclusiveMaximum": Lt,
          "minLength": MinLen, "maxLength": MaxLen}


class NotJson(Exception):
    pass


def of_type(kind, nullable):
    """JSON Schema's types are strict: no "5" and no true for a number."""
    _, classes, error = KINDS[kind]

    def check(value):
        if value is None and nullable:
            return value
        if not isinstance(value, classes) or (isinstance(value, bool) and kind != "boolean"):
            raise PydanticCustomError(error, "wrong type")
        return value

    return BeforeValidator(check)


def annotation(schema):
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    nullable = "null" in kinds
    kinds = [kind for kind in kinds if kind != "null"]
    if not kinds:
        return None
    python = KINDS[kinds[0]][0]
    if "enum" in schema:
        python = Literal[tuple(value for value in schema["enum"] if value is not None)]
    bounds = [make(schema[key]) for key, make in BOUNDS.items() if key in schema]
    if python is float:
        bounds.append(AllowInfNan(False))
    if bounds:
        python = Annotated[(python, *bounds)]
    if nullable:
        python = Optional[python]
    return Annotated[python, of_type(kinds[0], nullable)]


class Reference:
    def __init__(self, contract):
        fields = {}
        for name, schema in contract["properties"].items():
            default = ... if name in contract["required"] else None
            fields[name] = (annotation(schema), Field(default))
        extra = "ignore" if contract.get("additionalProperties", True) else "forbid"
        model = create_model("Transaction", __config__=ConfigDict(extra=extra), **fields)
        self.one = TypeAdapter(model)
        self.many = TypeAdapter(list[model])

    def violations(self, body):
        """[(loc, type)], empty if the body is accepted; NotJson if it is no JSON."""
        value = parse(body)
        adapter = self.many if isinstance(value, list) else self.one
        try:
            adapter.validate_python(value, from_attributes=True)
        except ValidationError as error:
            return [(("body", *e["loc"]), e["type"]) for e in error.errors(include_input=False)]
        return []


def refuse_constant(name):
    raise NotJson(f"{name} is no JSON")


def refuse_surrogates(pairs):
    for key, value in pairs:
        check_text(key)
        check_text(value)
    return dict(pairs)


def check_text(value):
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise NotJson("a lone surrogate") from error
    elif isinstance(value, list):
        for item in value:
            check_text(item)


def parse(body):
    """json.loads, without what it accepts beyond RFC 8259 (see test_differences.py)."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=refuse_constant,
                           object_pairs_hook=refuse_surrogates)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise NotJson(str(error)) from error
    check_text(value)
    return value
