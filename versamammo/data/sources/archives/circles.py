"""MIAS and DMID: one vocabulary, lesions as circles, a row for each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from versamammo.data.labels import UNKNOWN, Finding
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.archives.label_record import Notes
from versamammo.data.sources.archives.outlines import circle_box
from versamammo.data.sources.archives.sheets import Line
from versamammo.imaging.mammogram import Box

# the archives' six classes: kind, and the margin that parts the masses
CLASSES: dict[str, tuple[str, str | None]] = {
    "calc": ("calcification", None),
    "clac": ("calcification", None),  # so spelt in DMID
    "circ": ("mass", "circumscribed"),
    "spic": ("mass", "spiculated"),
    "misc": ("mass", "ill-defined"),
    "arch": ("distortion", None),
    "asym": ("asymmetry", None),
}
MARKED = ("mass", "calcification", "distortion", "asymmetry")
SEVERITY = {"b": 0.0, "m": 1.0, "n": UNKNOWN}
NORMAL = "norm"


def findings(
    lines: Sequence[Line], notes: Notes, image: str, size: tuple[int, int], *, upwards: bool
) -> tuple[Finding, ...]:
    """Read the lesions of one image; several classes in one row share its circle.

    Args:
        lines: rows with class, severity, x, y and radius.
        notes: gather the image's labels.
        image: its name, for the lesions' ids.
        size: (H, W) of the picture.
        upwards: y is counted from the bottom edge.

    Raises:
        InputError: a word that is not of the archive, or a circle outside the picture.
    """
    found: list[Finding] = []
    for number, line in enumerate(lines, start=1):
        for word in filter(None, re.split(r"[+,/ ]+", line["class"].strip().lower())):
            if word == NORMAL or not words.said(word):
                continue
            if word not in CLASSES:
                words.refuse(word, notes.where("class"), "one of " + ", ".join((*CLASSES, NORMAL)))
            kind, margin = CLASSES[word]
            found.append(
                Finding(
                    kind, lesion_id=f"{image}_{number}", margin=margin,
                    pathology=severity(line["severity"], notes),
                    box=place(line, notes, size, upwards),
                )
            )  # fmt: skip
    pathology(found, lines, notes)
    return tuple(found)


def severity(word: str, notes: Notes) -> float:
    """Read a lesion's pathology."""
    if not words.said(word):
        return UNKNOWN
    if words.plain(word) not in SEVERITY:
        words.refuse(word, notes.where("severity"), "B, M or N")
    return SEVERITY[words.plain(word)]


def place(line: Line, notes: Notes, size: tuple[int, int], upwards: bool) -> Box | None:
    """Bound a row's circle; None where the archive gives none, as of scattered calcifications."""
    cells = [line[name] for name in ("x", "y", "radius")]
    if not all(words.said(cell) for cell in cells):
        return None
    x, y, radius = (words.number(cell, notes.where("x, y, radius")) for cell in cells)
    return circle_box(x, size[0] - y if upwards else y, radius, size)


def pathology(found: Iterable[Finding], lines: Sequence[Line], notes: Notes) -> None:
    """Note the image's pathology: that of its worst lesion, or normal if said so."""
    said = "; ".join(line["severity"].strip() or "-" for line in lines)
    grades = [finding.pathology for finding in found if finding.pathology == finding.pathology]
    if grades:
        notes.keep("pathology", 1 + max(grades), said, "severity")
    elif all(line["class"].strip().lower() == NORMAL for line in lines):
        notes.keep("pathology", 0.0, lines[0]["class"], "class")
