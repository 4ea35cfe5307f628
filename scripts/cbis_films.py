"""Give squashed CBIS-DDSM films their true shape, as a table that `versamammo prepare` reads.

    python scripts/cbis_films.py ../shared/data/cbis_ddsm OUT --split train
    versamammo prepare OUT/films.csv --root OUT --labels OUT/films.csv --out PREPARED

Films of `../shared/data/cbis_ddsm` are squares. Each is brought to 800 rows and to as many columns
as its aspect asks for, boxes too. Of films of origin `export_640`, nearly all of which are
malignant calcifications, neither pathology nor BI-RADS is told: they could be read off the origin.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import cv2

ROWS, USUAL_ASPECT = 800, 1.7
CONFOUNDED = "export_640"
DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D"}
FIELDS = (
    "file", "patient_id", "exam_id", "laterality", "view", "density", "birads", "pathology",
    "finding", "x1", "y1", "x2", "y2", "finding_pathology",
)  # fmt: skip


def main() -> None:
    """Write OUT/images and OUT/films.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", choices=("train", "test"), required=True)
    asked = parser.parse_args()
    (asked.out / "images").mkdir(parents=True, exist_ok=True)
    with (asked.archive / "manifest.csv").open(newline="", encoding="utf-8") as file:
        films = [film for film in csv.DictReader(file) if film["split"] == asked.split]
    with (asked.out / "films.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, FIELDS)
        table.writeheader()
        for film in films:
            table.writerows(restored(asked.archive, asked.out, film))
    print(f"{len(films)} films of the {asked.split} split in {asked.out}")


def restored(archive: Path, out: Path, film: dict[str, str]) -> list[dict[str, str]]:
    """Write one film in its true shape and return its rows, one for each lesion."""
    squashed = cv2.imread(str(archive / film["file"]), cv2.IMREAD_GRAYSCALE)
    if squashed is None:
        raise SystemExit(f"{film['file']}: no such picture, or damaged")
    height, width = squashed.shape
    wide = round(ROWS / float(film["aspect"] or USUAL_ASPECT))
    method = cv2.INTER_AREA if height >= ROWS and wide <= width else cv2.INTER_LINEAR
    shown = cv2.resize(squashed, (wide, ROWS), interpolation=method)
    name = f"images/{Path(film['file']).stem}.png"
    cv2.imwrite(str(out / name), shown)
    told = film["origin"] != CONFOUNDED
    row = {
        "file": name,
        "patient_id": film["patient"],
        "exam_id": film["patient"],
        "laterality": film["laterality"],
        "view": film["view"],
        "density": DENSITIES.get(film["density"], ""),
        "birads": film["birads"] if told else "",
        "pathology": grade(film["pathology"]) if told else "",
    }
    return [row | lesion(one, wide / width, ROWS / height, told) for one in boxes_of(film)]


def grade(word: str) -> str:
    """Return benign or malignant of a pathology such as BENIGN_WITHOUT_CALLBACK."""
    return word.lower().partition("_")[0].partition(" ")[0]


def boxes_of(film: dict[str, str]) -> list[dict[str, object]]:
    """Return the lesions of a film as its manifest tells them; at least one row for each film."""
    return json.loads(film["boxes"] or "[]") or [{}]


def lesion(one: dict[str, object], across: float, down: float, told: bool) -> dict[str, str]:
    """Return the cells of one lesion, its box in pixels of the restored film."""
    if not one:
        return {}
    x1, y1, x2, y2 = (float(value) for value in one["box_xyxy"])  # type: ignore[attr-defined]
    kind = str(one["label"])
    return {
        # films of export_640 are those of the official calcification lists
        "finding": "calcification" if kind == "lesion" else kind,
        "x1": f"{x1 * across:.2f}", "y1": f"{y1 * down:.2f}",
        "x2": f"{x2 * across:.2f}", "y2": f"{y2 * down:.2f}",
        "finding_pathology": grade(str(one.get("pathology") or "")) if told else "",
    }  # fmt: skip


if __name__ == "__main__":
    main()
