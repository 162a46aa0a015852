"""Tables in Markdown, and the part of a document that a program writes."""

import re
from pathlib import Path


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_between(document: Path, begin: str, end: str, text: str) -> None:
    """Replaces what stands between the two markers."""
    whole = document.read_text()
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(whole):
        raise SystemExit(f"{document}: the line {begin} or {end} is missing")
    document.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", whole))
