#!/usr/bin/env python3
"""Makes the binary seeds of the fuzz targets, so that none is committed.

usage: make_corpus.py CORPUS OUT

CORPUS/model_json/*.json become OUT/model_ubjson/*.ubj, CORPUS/model_onnx/*.json (see
protobuf) OUT/model_onnx/*.onnx, OUT/image and OUT/graph get patches of each field of a
small image (see fuzz_image.c, fuzz_graph.c), and OUT/metrics_page pages of metrics.
"""

import json
import struct
import sys
from pathlib import Path

# Members that XGBoost writes as arrays of one type, and that type.
TYPED = {
    "left_children": "l", "right_children": "l", "parents": "l", "split_indices": "l",
    "split_conditions": "d", "base_weights": "d", "loss_changes": "d", "sum_hessian": "d",
    "default_left": "U", "split_type": "U", "categories": "l", "categories_nodes": "l",
    "categories_segments": "L", "categories_sizes": "L", "weight_drop": "d",
}
FORMATS = {"U": "B", "i": "b", "I": ">h", "l": ">i", "L": ">q", "d": ">f", "D": ">d"}


def number(value: int | float, marker: str) -> bytes:
    return struct.pack(FORMATS[marker], value if marker in "dD" else int(value))


def length(value: int) -> bytes:
    return b"L" + number(value, "L")


def text(value: str) -> bytes:
    encoded = value.encode()
    return length(len(encoded)) + encoded


def integer(value: int) -> bytes:
    for marker, bits in (("i", 7), ("I", 15), ("l", 31)):
        if -(1 << bits) <= value < 1 << bits:
            return marker.encode() + number(value, marker)
    return b"L" + number(value, "L")


def array(values: list, key: str) -> bytes:
    if key in TYPED:
        marker = TYPED[key]
        return (b"[$" + marker.encode() + b"#" + length(len(values))
                + b"".join(number(value, marker) for value in values))
    return b"[#" + length(len(values)) + b"".join(ubjson(value) for value in values)


def ubjson(value: object, key: str = "") -> bytes:
    """As XGBoost writes it: objects end with a marker, arrays state their length."""
    if value is None:
        return b"Z"
    if isinstance(value, bool):
        return b"T" if value else b"F"
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, float):
        return b"d" + number(value, "d")
    if isinstance(value, str):
        return b"S" + text(value)
    if isinstance(value, list):
        return array(value, key)
    members = b"".join(text(name) + ubjson(member, name) for name, member in value.items())
    return b"{" + members + b"}"


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def protobuf(fields: list) -> bytes:
    """A message as a list of [number of a field, its value]: an integer, a float, a text, a
    message (a list), or raw bytes ({"hex": "00ff"})."""
    out = b""
    for field, value in fields:
        if isinstance(value, int):
            out += varint(field << 3) + varint(value)
        elif isinstance(value, float):
            out += varint(field << 3 | 5) + struct.pack("<f", value)
        else:
            inside = (value.encode() if isinstance(value, str) else protobuf(value)
                      if isinstance(value, list) else bytes.fromhex(value["hex"]))
            out += varint(field << 3 | 2) + varint(len(inside)) + inside
    return out


def image_patches(first: int = 16, last: int = 1536, step: int = 52) -> dict[str, bytes]:
    """One patch a word of the header and of the sections behind it."""
    seeds = {"none": b""}
    for offset in range(first, last, step):
        for name, value in (("ones", 0xFFFFFFFF), ("small", 3), ("sign", 0x80000000)):
            seeds[f"{offset}-{name}"] = struct.pack(">H", offset) + struct.pack("<I", value)
    return seeds


def metrics_page(n_ids: int, metrics: list[int]) -> bytes:
    """src/metrics/page.h; the target puts prints and hashes right."""
    records = b""
    for metric in metrics:
        labels = b'a="x",b="y"'
        records += struct.pack("=IIQ", metric, len(labels), 0) + labels.ljust(16, b"\0")
        records += struct.pack("=24Q", *range(24))  # at least as many as the metric has
    ids = struct.pack(f"={n_ids}Q", *range(n_ids))
    used = 40 + len(ids) + len(records)
    return struct.pack("=8sQQIIQ", b"rowanpg", 0, 7, n_ids, len(metrics), used) + ids + records


def main() -> None:
    corpus, out = Path(sys.argv[1]), Path(sys.argv[2])
    for folder in ("model_ubjson", "model_onnx", "image", "graph", "metrics_page"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for path in sorted((corpus / "model_json").glob("*.json")):
        document = json.loads(path.read_text())
        (out / "model_ubjson" / path.with_suffix(".ubj").name).write_bytes(ubjson(document))
    for path in sorted((corpus / "model_onnx").glob("*.json")):
        model = protobuf(json.loads(path.read_text()))
        (out / "model_onnx" / path.with_suffix(".onnx").name).write_bytes(model)
    for name, patch in image_patches().items():
        (out / "image" / name).write_bytes(patch)
    for name, patch in image_patches(0, 6000, 28).items():
        (out / "graph" / name).write_bytes(patch)
        (out / "graph" / name).write_bytes(patch)
    for metric in range(29):
        page = metrics_page(metric % 3, [metric])
        (out / "metrics_page" / str(metric)).write_bytes(page)


if __name__ == "__main__":
    main()
