"""A folder of pictures with a COCO file of boxes and masks, as annotation tools export it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from versamammo.errors import InputError
from versamammo.labels import Finding, Labels
from versamammo.mammogram import Box
from versamammo.quarantine import Quarantined
from versamammo.sources import words
from versamammo.sources.contract import Entry, ImageRecord, SourceOptions
from versamammo.sources.walking import check_root, inside, leads_out

NAME = "coco"
PATTERNS = ("annotations.json", "*.coco.json", "annotations/*.json")
Thing = Mapping[str, Any]


def detect(root: Path) -> bool:
    """Say whether a COCO file lies where tools put it."""
    return root.is_dir() and any(any(root.glob(pattern)) for pattern in PATTERNS)


def records(root: Path, options: SourceOptions) -> Iterator[Entry]:
    """List the pictures of every COCO file with their findings.

    Raises:
        InputError: there is no COCO file, or one cannot be read.
    """
    check_root(root)
    files = [path for pattern in PATTERNS for path in sorted(root.glob(pattern))]
    if not files:
        raise InputError("no COCO file", file=PATTERNS[0], reason="missing-sheet")
    for file in files:
        images, drawn, kinds = read_coco(file)
        for image in images:
            yield described(root, file, image, drawn.get(image["id"], []), kinds)


def read_coco(path: Path) -> tuple[Sequence[Thing], Mapping[int, list[Thing]], Mapping[int, str]]:
    """Read images, annotations by image, and the names of categories.

    Raises:
        InputError: the file is no COCO (reason "bad-table").
    """
    drawn: dict[int, list[Thing]] = defaultdict(list)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        for number, annotation in enumerate(found["annotations"]):
            drawn[annotation["image_id"]].append({**annotation, "number": number})
        kinds = {category["id"]: str(category["name"]) for category in found["categories"]}
        images = [{"id": image["id"], "file": image["file_name"]} for image in found["images"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"no COCO file: {error}", file=path, reason="bad-table") from error
    return images, drawn, kinds


def described(
    root: Path, file: Path, image: Thing, drawn: Sequence[Thing], kinds: Mapping[int, str]
) -> Entry:
    """Describe one picture; its path is relative to the COCO file's folder, or to the root."""
    places = [file.parent / image["file"], root / image["file"], root / "images" / image["file"]]
    place = next((path for path in places if path.is_file()), None)
    if place is None:
        return Quarantined(str(image["file"]), file.name, "missing-file", "no such file")
    if not inside(root, place):
        return leads_out(str(image["file"]))
    path = place.relative_to(root).as_posix()
    try:
        findings = tuple(finding(file.relative_to(root), one, kinds) for one in drawn)
    except InputError as error:
        return Quarantined.because(error, path)
    present = {found.kind: 1.0 for found in findings}
    labels = Labels(findings=findings, **present)
    return ImageRecord(path, labels=labels)


def finding(path: Path, one: Thing, kinds: Mapping[int, str]) -> Finding:
    """Read one annotation; its box is (x, y, width, height), its mask a number in the file.

    Raises:
        InputError: its category has no agreed meaning, or its box is none.
    """
    file = path.name
    kind = words.kind(kinds.get(one.get("category_id", -1), ""), f"{file}: categories")
    try:
        x, y, wide, high = map(float, one["bbox"])
        box = Box(x, y, x + wide, y + high)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(str(error), field=f"{file}: bbox", reason="box-empty") from error
    mask = f"{path.as_posix()}#{one['number']}" if one.get("segmentation") else None
    return Finding(kind, lesion_id=str(one.get("id", "")) or None, box=box, mask=mask)
