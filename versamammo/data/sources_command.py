"""The verb `sources`: the public archives, what each holds, and what its terms allow."""

from __future__ import annotations

import textwrap
from pathlib import Path

import jsonargparse

from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.data.sources.archives.catalogue import ARCHIVES, SHAREABLE, PublicArchive
from versamammo.data.splits.published import published_leakage, published_misplaced

HEADER = ("name", "images", "patients", "GB", "weights", "licence")
WIDTH, INDENT = 102, 4
REMARK = """\
weights: whether weights trained on an archive may be passed on, as we read its terms: yes,
non-commercial, ask, no. This is no legal advice; read the terms before you publish.
Get one, then: versamammo prepare NAME --root FOLDER --out DIR
Rehearse it:   versamammo phantom OUT --layout NAME --exams 4 --seed 0 --height 384"""


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(description=f"List the public archives. {NOTICE}")
    made.add_argument("--shareable", action="store_true",
        help="only those whose terms let trained weights be passed on")  # fmt: skip
    made.add_argument("--links", action="store_true", help="where to get each")
    made.add_argument("--splits", type=Path | None, default=None,
        help="a published table of splits: count the patients that it parts")  # fmt: skip
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Print what is asked for."""
    if args.splits is not None:
        for dataset, leak in published_leakage(args.splits).items():
            print(f"{dataset}: {leak}")
        for dataset, misplaced in published_misplaced(args.splits).items():
            print(f"{dataset}: {misplaced}")
        return 0
    chosen = [a for a in ARCHIVES.values() if not args.shareable or a.weights in SHAREABLE]
    if args.links:
        for archive in chosen:
            print(f"{archive.name:<12} {archive.link}")
        return 0
    first, *lines = as_text([HEADER, *map(cells, chosen)])
    print(first)
    for archive, line in zip(chosen, lines, strict=True):
        print(line, wrapped("labels", archive.labels), wrapped("tasks", archive.tasks), sep="\n")
    print(REMARK)
    return 0


def cells(archive: PublicArchive) -> tuple[str, ...]:
    """Write one archive as the words of a row."""
    return (
        archive.name, f"{archive.images:,}", f"{archive.patients:,}" if archive.patients else "?",
        f"{archive.gigabytes:g}", archive.weights, archive.licence,
    )  # fmt: skip


def wrapped(name: str, values: tuple[str, ...]) -> str:
    """Write several words below an archive's row, within the width of a terminal."""
    return textwrap.fill(
        f"{name} {' '.join(values)}", WIDTH, break_long_words=False, break_on_hyphens=False,
        initial_indent=" " * INDENT, subsequent_indent=" " * (INDENT + len(name) + 1),
    )  # fmt: skip


def as_text(rows: list[tuple[str, ...]]) -> list[str]:
    """Lay rows out in columns."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip()
        for row in rows
    ]
