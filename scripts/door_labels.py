"""Tables of real mammograms as `versamammo prepare` reads them, for the door test.

    python scripts/door_labels.py cbis ../shared/data/cbis_ddsm/manifest.csv runs/cbis.csv
    python scripts/door_labels.py mixed ../shared/data/real/manifest.csv runs/real.csv

`cbis`: the train films of CBIS-DDSM as collected in shared/. Every film of one origin has a mass,
so that masses have a sensitivity alone; of the other origin, whose films all have calcifications
and are mostly malignant, density and view are taken alone. `mixed`: CDD-CESM low-energy views and
others, with findings in free words, of which mass and calcification are read; a picture without
any words has unknown findings.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from versamammo.files import write_atomically

FIELDS = (
    "file", "patient_id", "exam_id", "laterality", "view", "density", "birads", "pathology",
    "mass", "calcification", "finding", "x1", "y1", "x2", "y2",
)  # fmt: skip
Row = dict[str, str]


def cbis(rows: list[Row]) -> Iterator[Row]:
    """Yield a row for each box of each train film."""
    for row in rows:
        if row["split"] != "train":
            continue
        whole = row["origin"] == "coco_800"
        made = {
            "file": row["file"],
            "patient_id": row["patient"],
            "exam_id": row["patient"],
            "laterality": row["laterality"],
            "view": row["view"],
            "density": "ABCD"[int(row["density"]) - 1] if row["density"] in "1234" else "",
        }
        if whole:
            made |= {
                "birads": row["birads"],
                "pathology": "malignant" if row["pathology"] == "MALIGNANT" else "benign",
                "mass": "1",
            }
        boxes = [box for box in json.loads(row["boxes"] or "[]") if box["label"] == "mass"]
        if not whole or not boxes:
            yield made
        for box in boxes if whole else []:
            corners = dict(zip(("x1", "y1", "x2", "y2"), map(str, box["box_xyxy"]), strict=True))
            yield made | corners | {"finding": "mass"}


def mixed(rows: list[Row]) -> Iterator[Row]:
    """Yield a row for each picture."""
    for row in rows:
        if row["kind"] not in ("image", "dicom-image"):
            continue
        said = row["finding"].casefold()
        birads = re.fullmatch(r"[0-6]", row["birads"].strip())
        pathology = row["pathology"].casefold()
        yield {
            "file": row["file"],
            "patient_id": row["patient"] or Path(row["file"]).stem,
            "exam_id": row["patient"] or Path(row["file"]).stem,
            "laterality": row["laterality"],
            "view": row["view"],
            "density": row["density"] if row["density"] in ("A", "B", "C", "D") else "",
            "birads": birads[0] if birads else "",
            # every CDD-CESM case here is one of cancer; the breast of a picture may be normal
            "pathology": pathology if pathology == "malignant" and "normal" not in said else "",
            "mass": "" if not said else str(int("mass" in said)),
            "calcification": "" if not said else str(int("calcific" in said)),
        }


def main() -> int:
    """Write one table."""
    if len(sys.argv) != 4 or sys.argv[1] not in ("cbis", "mixed"):
        print(__doc__, file=sys.stderr)
        return 2
    with Path(sys.argv[2]).open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    made = list({"cbis": cbis, "mixed": mixed}[sys.argv[1]](rows))
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(made)
    write_atomically(Path(sys.argv[3]), text.getvalue().encode())
    print(f"{sys.argv[3]}: {len(made)} rows of {len({row['file'] for row in made})} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
