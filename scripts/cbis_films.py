"""Undo the squashed shape of CBIS-DDSM films, as a table that `versamammo prepare` reads.

    python scripts/cbis_films.py ../shared/data/cbis_ddsm OUT --split train
    versamammo prepare OUT/films.csv --root OUT --labels OUT/films.csv --out PREPARED

Films of `../shared/data/cbis_ddsm` are squares. Each is brought to 800 rows and to as many columns
as its aspect asks for, boxes too. Of films of origin `export_640`, nearly all of which are
malignant calcifications, neither pathology nor BI-RADS is told: they could be read off the origin.

Two rows of the manifest may name one file: P_01136's right breast is listed as the calcification
film of one DDSM case and the mass film of another, and one picture lies under both names. The row
whose SHA-256 is the file's describes it; the other row's picture is not there, and it is left out.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2

from versamammo.errors import InputError
from versamammo.files import write_atomically

MANIFEST, TABLE = "manifest.csv", "films.csv"
ROWS, USUAL_ASPECT = 800, 1.7
CONFOUNDED = "export_640"
DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D"}
GRADES = ("benign", "malignant")
FIELDS = (
    "file", "patient_id", "exam_id", "laterality", "view", "density", "birads", "pathology",
    "finding", "x1", "y1", "x2", "y2", "finding_pathology",
)  # fmt: skip
Film = Mapping[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", choices=("train", "test"), required=True)
    asked = parser.parse_args()
    try:
        count, absent = restore(asked.archive, asked.out, asked.split)
    except InputError as error:
        print(f"cbis_films: {error}", file=sys.stderr)
        sys.exit(2)
    for film in absent:
        print(f"left out: {film['file']} of {film['origin']}, another film lies under its name")
    print(f"{count} films of the {asked.split} split in {asked.out}")


def restore(archive: Path, out: Path, split: str) -> tuple[int, list[Film]]:
    """Write OUT/images and OUT/films.csv; returns the number of films, and rows without a picture.

    Raises:
        InputError: the manifest or a picture is missing, damaged or another one than it says.
    """
    films, absent = present(archive, [one for one in manifest(archive) if one["split"] == split])
    (out / "images").mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    table = csv.DictWriter(text, FIELDS, lineterminator="\n")
    table.writeheader()
    for film in films:
        table.writerows(restored(archive, out, film))
    write_atomically(out / TABLE, text.getvalue().encode())
    return len(films), absent


def manifest(archive: Path) -> list[Film]:
    """Read the list of films.

    Raises:
        InputError: there is none.
    """
    file = archive / MANIFEST
    if not file.is_file():
        raise InputError("there is no such file", file=file, reason="missing-file")
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def present(archive: Path, films: Iterable[Film]) -> tuple[list[Film], list[Film]]:
    """Part the rows that describe the picture under their name from those that do not.

    Raises:
        InputError: a picture is missing, or no row has its SHA-256.
    """
    named: dict[str, list[Film]] = {}
    for film in films:
        named.setdefault(film["file"], []).append(film)
    kept: list[Film] = []
    absent: list[Film] = []
    for name, rows in named.items():
        file = archive / name
        if not file.is_file():
            raise InputError("there is no such picture", file=file, reason="missing-file")
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        own = [film for film in rows if film["sha256"] == found]
        if not own:
            message = f"has SHA-256 {found}, expected {rows[0]['sha256']}"
            raise InputError(message, file=file, field="sha256", reason="changed-file")
        kept += own
        absent += [film for film in rows if film["sha256"] != found]
    return kept, absent


def restored(archive: Path, out: Path, film: Film) -> list[dict[str, str]]:
    """Write one film in its true shape and return its rows, one for each lesion.

    Raises:
        InputError: the picture is damaged.
    """
    squashed = cv2.imread(str(archive / film["file"]), cv2.IMREAD_GRAYSCALE)
    if squashed is None:
        message = "cannot be decoded; expected a JPEG"
        raise InputError(message, file=archive / film["file"], reason="damaged-file")
    height, width = squashed.shape
    wide = round(ROWS / float(film["aspect"] or USUAL_ASPECT))
    method = cv2.INTER_AREA if height >= ROWS and width >= wide else cv2.INTER_LINEAR
    shown = cv2.resize(squashed, (wide, ROWS), interpolation=method)
    name = f"images/{Path(film['file']).stem}.png"
    write_atomically(out / name, cv2.imencode(".png", shown)[1].tobytes())
    told = film["origin"] != CONFOUNDED
    row = {
        "file": name,
        "patient_id": film["patient"],
        "exam_id": film["patient"],
        "laterality": film["laterality"],
        "view": film["view"],
        "density": DENSITIES.get(film["density"], ""),
        "birads": film["birads"] if told else "",
        "pathology": grade(film["pathology"], film) if told else "",
    }
    # a film without lesions has a row too
    lesions = json.loads(film["boxes"] or "[]") or [None]
    across, down = wide / width, ROWS / height
    return [row | cells_of(one, across, down, film, told=told) for one in lesions]


def grade(word: str, film: Film) -> str:
    """Return benign or malignant of BENIGN_WITHOUT_CALLBACK or MALIGNANT (matched by x order).

    Raises:
        InputError: another word.
    """
    found = word.lower().partition("_")[0].partition(" ")[0]
    if found and found not in GRADES:
        message = f"found {word!r}; expected benign or malignant"
        raise InputError(message, file=film["file"], field="pathology", reason="unknown-word")
    return found


def cells_of(
    lesion: Mapping[str, Any] | None, across: float, down: float, film: Film, *, told: bool
) -> dict[str, str]:
    """Return the cells of one lesion, its box in pixels of the restored film."""
    if lesion is None:
        return {}
    x1, y1, x2, y2 = map(float, lesion["box_xyxy"])
    kind = str(lesion["label"])
    return {
        # films of export_640 are those of the official calcification lists
        "finding": "calcification" if kind == "lesion" else kind,
        "x1": f"{x1 * across:.2f}", "y1": f"{y1 * down:.2f}",
        "x2": f"{x2 * across:.2f}", "y2": f"{y2 * down:.2f}",
        "finding_pathology": grade(str(lesion.get("pathology") or ""), film) if told else "",
    }  # fmt: skip


if __name__ == "__main__":
    main()
