"""README.md of an exported model: what it is, how it was made, and what its owner must still write."""

import pandas as pd

from rowan_training.contract import Json
from rowan_training.export.packed import PackedModel


def model_note(contract: Json, packed: PackedModel, frame: pd.DataFrame, golden_rows: int) -> str:
    settings = contract["x-rowan"]
    answer = "a probability" if packed.is_probability else "a score that is no probability"
    sections = (
        f"# Model `{settings['model']}` {settings['version']}",
        f"{packed.type} with {len(packed.features)} inputs, exported by `rowan_training.export` from {packed.producer}. "
        + f"It gives {answer}.",
        _files(packed, golden_rows),
        _equality(packed),
        _fields(contract, frame),
        _TO_WRITE,
    )
    return "\n\n".join(sections) + "\n"


def _files(packed: PackedModel, golden_rows: int) -> str:
    return f"""| file | what it holds |
|---|---|
| `{packed.file_name}` | the model |
| `contract.json` | JSON Schema of a request; `x-rowan` says how a request becomes the model's inputs |
| `golden.jsonl` | {golden_rows} requests with the library's own numbers; Rowan refuses the model unless it gives the same |"""


def _equality(packed: PackedModel) -> str:
    if not packed.golden_ulps:
        return "The numbers are the library's bit for bit."
    return (
        f"The numbers may differ from the library's by {packed.golden_ulps} units in the last place: "
        "the library adds in another order, or rounds in another place, than the model file says."
    )


def _fields(contract: Json, frame: pd.DataFrame) -> str:
    rows = "\n".join(
        f"| `{name}` | {_type(schema['type'])} | {'yes' if name in contract['required'] else 'no'} |"
        for name, schema in contract["properties"].items()
    )
    return f"""## Request

| field | type | required |
|---|---|---|
{rows}

Taken from a frame of {len(frame)} rows. Ranges in the descriptions tell what training saw, and are not enforced: tighten the
contract (`minimum`, `maximum`) where your data allows it."""


def _type(kind: str | list[str]) -> str:
    return kind if isinstance(kind, str) else " or ".join(kind)


_TO_WRITE = """## Quality and limits

Not known to the export: write here how the model was evaluated, on which data, and what it must not be used for."""
