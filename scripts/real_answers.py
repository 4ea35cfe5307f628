"""What a model says of real mammograms, counted against what a table knows of them.

    python scripts/real_answers.py --model models/demo --table DIR/manifest.csv --out counts.md

The table has a column `file`, relative to its own folder, and any of `laterality` (L, R), `view`,
`density` (A to D) and `finding` (words). What it leaves empty is not asked. The counts are printed
as they are: a model that has seen nothing but phantoms is expected to do badly. Research use only.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from versamammo import NOTICE
from versamammo.errors import InputError
from versamammo.files import write_atomically
from vlm.assistant import Assistant
from vlm.instructions.topics import BY_NAME

Row = Mapping[str, str]
PICTURES = (".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm")


@dataclass(frozen=True)
class Asked:
    """One thing to ask of every picture.

    Attributes:
        name: as printed.
        topic: whose wording and options are used.
        context: whether the model is told what tags and file names say of side and view.
        truth: what the table knows, in the topic's words; None where it does not.
    """

    name: str
    topic: str
    context: bool
    truth: Callable[[Row], str | None]


def _named(column: str, words: Mapping[str, str]) -> Callable[[Row], str | None]:
    return lambda row: words.get(row.get(column, "").strip())


def _mentions(stem: str) -> Callable[[Row], str | None]:
    def truth(row: Row) -> str | None:
        said = row.get("finding", "").casefold()
        return None if not said else "Yes" if stem in said else "No"

    return truth


SIDES, VIEWS = {"L": "Left", "R": "Right"}, {"CC": "CC", "MLO": "MLO"}
LEVELS = {letter: f"Level {letter}" for letter in "ABCD"}
ASKED = (
    Asked("side, told", "Laterality", True, _named("laterality", SIDES)),
    Asked("side, not told", "Laterality", False, _named("laterality", SIDES)),
    Asked("view, told", "View", True, _named("view", VIEWS)),
    Asked("view, not told", "View", False, _named("view", VIEWS)),
    Asked("density", "ACR", False, _named("density", LEVELS)),
    Asked("mass", "Mass", False, _mentions("mass")),
    Asked("calcification", "Calcification", False, _mentions("calcific")),
)


def count(model: Path, table: Path) -> tuple[dict[str, Counter[tuple[str, str]]], list[str]]:
    """Ask everything; gives counts of (truth, answer) per question, and files refused."""
    assistant = Assistant.load(model / "vlm" if (model / "vlm").is_dir() else model)
    asked = [one for one in ASKED if one.topic in assistant.competence.topics]
    counts: dict[str, Counter[tuple[str, str]]] = {one.name: Counter() for one in asked}
    refused = []
    for row in tqdm(list(rows_of(table)), desc="pictures"):
        try:
            pictures = assistant.look([table.parent / row["file"]])
        except InputError as error:
            refused.append(f"{row['file']}: {error.message}")
            continue
        for one in asked:
            truth = one.truth(row)
            if truth is not None:
                topic = BY_NAME[one.topic]
                said = assistant.choose(
                    pictures, topic.wordings[0], topic.options, context=one.context, sure_enough=0.0
                )
                counts[one.name][truth, said.choice or "none"] += 1
    return counts, refused


def rows_of(table: Path) -> Iterator[Row]:
    """Give the rows that name a picture, masks apart."""
    with table.open(newline="", encoding="utf-8-sig") as stream:
        for row in csv.DictReader(stream):
            if row["file"].lower().endswith(PICTURES) and row.get("kind", "image") != "mask":
                yield row


def told(counts: Mapping[str, Counter[tuple[str, str]]], refused: list[str]) -> str:
    """Lay the counts out as Markdown."""
    lines = ["| asked | n | right | balanced | truth: answers |", "|---|---|---|---|---|"]
    for name, found in counts.items():
        n, right = sum(found.values()), sum(k for (t, a), k in found.items() if t == a)
        classes = sorted({truth for truth, _ in found})
        recalls, said = [], []
        for truth in classes:
            own = {answer: k for (t, answer), k in found.items() if t == truth}
            recalls.append(own.get(truth, 0) / sum(own.values()))
            listed = ", ".join(f"{answer} {k}" for answer, k in sorted(own.items()))
            said.append(f"{truth}: {listed}")
        balanced = sum(recalls) / len(recalls) if recalls else math.nan
        lines.append(f"| {name} | {n} | {right} | {100 * balanced:.0f} % | {'; '.join(said)} |")
    lines += ["", f"{len(refused)} files refused.", *refused]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    text = told(*count(args.model, args.table))
    print(f"{text}{NOTICE}")
    if args.out is not None:
        write_atomically(args.out, text.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
