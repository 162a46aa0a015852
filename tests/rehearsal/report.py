#!/usr/bin/env python3
"""docs/rehearsal.md: what a rehearsal has checked and seen, as a table, notes and pictures.

usage: report.py [--docs] FOLDER    renders again what a run has left there (build/rehearsal)

Without --docs the page and its pictures are written into FOLDER.
"""

import argparse
import re
import sys
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

import plots
from looks import Looks
from record import ROOT, Record

sys.path.append(str(ROOT / "bench"))
import machine  # noqa: E402

DOCS = ROOT / "docs"
KEPT = ROOT / "build/rehearsal"  # record.json and witness.json, for another rendering
PAGE = "rehearsal.md"
BEGIN, END = "<!-- rehearsal: begin -->", "<!-- rehearsal: end -->"
CELL_MAX = 900  # characters of one cell
CODE = re.compile(r"(`[^`]*`)")


# ---- words ---------------------------------------------------------------------------------


def cell(text):
    """A text of one line that breaks neither its row nor the page."""
    text = text if len(text) <= CELL_MAX else text[:CELL_MAX - 1] + "…"
    lines = [part if CODE.fullmatch(part) else part.replace("&", "&amp;").replace("<", "&lt;")
             for part in CODE.split(text.strip())]
    return re.sub(r"\s*\n\s*", "<br>", "".join(lines)).replace("|", "\\|")


def row(*cells):
    return f"| {' | '.join(cells)} |"


# ---- parts ---------------------------------------------------------------------------------


def summary(record, story):
    good = sum(one["passed"] for one in record.checks)
    kind = "full" if record.plan.get("quick") is False else "quick"
    day = datetime.fromtimestamp(record.began, timezone.utc).date()
    return [f"**{good} of {len(record.checks)} checks as expected.** A {kind} rehearsal of "
            f"{story.end:.0f} minutes on {day}, commit "
            f"`{record.commit}`, {record.machine}."]


def table(record):
    lines = [row("act", "check", "expected", "seen", ""), row(*["---"] * 5)]
    before = None
    for one in record.checks:
        act = "" if one["act"] == before else cell(one["act"] or "")
        before = one["act"]
        lines.append(row(act, cell(one["what"]), cell(one["expected"]), cell(one["seen"]),
                         "pass" if one["passed"] else "**FAIL**"))
    return lines


def notes(record):
    """What each act says of itself, an item a note."""
    lines = []
    for act in record.acts:
        texts = [one["text"].replace("\n", "\n  ") for one in record.notes
                 if one["act"] == act["title"]]
        if texts:
            lines += [f"### {act['title']}", "", *(f"- {text}" for text in texts), ""]
    return lines


def marks(record, story):
    """The numbers above the pictures, an act a line."""
    told = {}
    for i, mark in enumerate(record.marks, 1):
        told.setdefault(mark["act"], []).append(
            f"**{i}** {cell(mark['text'])} ({story.minutes(mark['t']):.1f})")
    return [line for act, texts in told.items()
            for line in (f"- {f'{act}: ' if act else ''}{'; '.join(texts)}",)]


def pictures(captions):
    return [line for name, caption in captions.items() for line in
            (f"{caption}.", "", f"![{caption}](images/rehearsal-{name}.svg)", "")]


def text(record, looks, captions):
    story = plots.Story(record, looks)
    told = marks(record, story)
    numbers = ["Numbers above a picture, with the minute:", "", *told, ""] if told else []
    lines = [*summary(record, story), "", *table(record), "",
             *notes(record), "### Over time", "", *numbers, *pictures(captions)]
    return "\n".join(lines).rstrip()


# ---- the page --------------------------------------------------------------------------------


def write_into(page, told):
    """Replaces what stands between the marks of the page in docs/."""
    whole = page.read_text()
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"{page} has no {BEGIN} and {END}"
    page.write_text(f"{before}{BEGIN}\n{told}\n{END}{after}")


def render(record, looks, folder):
    """The page and its pictures in a folder. That of docs/ has an introduction, which stays."""
    told = text(record, looks, plots.write(record, looks, folder / "images"))
    if folder.resolve() == DOCS:
        write_into(folder / PAGE, told)
    else:
        (folder / PAGE).write_text(f"# The attack rehearsal\n\n{told}\n")
    return folder / PAGE


def write(record, looks, plan, folder):
    """Renders a run, and keeps what it is rendered of: looks go on meanwhile."""
    record.plan, record.machine = asdict(plan), machine.describe()
    KEPT.mkdir(parents=True, exist_ok=True)
    record.save(KEPT / "record.json")
    looks.save(KEPT / "witness.json")
    kept = Looks.load(KEPT / "witness.json")
    print(f"{render(record, kept, Path(folder))} written")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", action="store_true", help="into docs/, not into FOLDER")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of a run")
    arguments = parser.parse_args()
    record = Record.load(arguments.folder / "record.json")
    looks = Looks.load(arguments.folder / "witness.json")
    print(render(record, looks, DOCS if arguments.docs else arguments.folder))


if __name__ == "__main__":
    main()
