"""A folder of pictures with a COCO file of boxes and masks, as annotation tools export it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from versamammo.data.labels import Finding, Labels
from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import label_parsing as words
from versamammo.data.sources.joins import Joined
from versamammo.data.sources.source_contract import Entry, ImageRecord, SourceOptions
from versamammo.data.sources.walking import check_root, inside, leads_out
from versamammo.errors import InputError
from versamammo.files import parse_json
from versamammo.imaging.mammogram import Box

NAME = "coco"
PATTERNS = ("annotations.json", "*.coco.json", "annotations/*.json")
Thing = Mapping[str, Any]


def detect(root: Path) -> bool:
    """Return whether a COCO file lies where tools put it."""
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
        yield from entries_of(root, file, read_coco(file), options)


@dataclass(frozen=True)
class Coco:
    """What a COCO file says; ids are compared as text, since tools mix 1 and "1".

    Attributes:
        drawn: annotations by the id of their image, each with its number in the file.
        kinds: names of categories by id.
    """

    images: tuple[Thing, ...]
    drawn: Mapping[str, list[Thing]]
    kinds: Mapping[str, str]


def read_coco(path: Path) -> Coco:
    """Read images, annotations by image, and the names of categories.

    Raises:
        InputError: the file is no COCO (reason "bad-table"), or an id stands for two images.
    """
    drawn: dict[str, list[Thing]] = defaultdict(list)
    try:
        found = parse_json(path.read_text(encoding="utf-8-sig"))
        for number, annotation in enumerate(found["annotations"]):
            drawn[as_id(annotation["image_id"])].append({**annotation, "number": number})
        kinds = {as_id(category["id"]): str(category["name"]) for category in found["categories"]}
        images = tuple(
            {"id": as_id(image["id"]), "file": str(image["file_name"]), "size": stated_size(image)}
            for image in found["images"]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"no COCO file: {error}", file=path, reason="bad-table") from error
    ids = Counter(image["id"] for image in images)
    if twice := [name for name, times in ids.items() if times > 1]:
        raise InputError(f"the id {twice[0]} stands for {ids[twice[0]]} images", file=path,
                         field="images", reason="duplicate-id")  # fmt: skip
    return Coco(images, drawn, kinds)


def as_id(value: object) -> str:
    """Spell an id: 1, 1.0 and "1" are one."""
    return (
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    )


def stated_size(image: Thing) -> tuple[int, int] | None:
    """Return (H, W) as the file says, None if it does not."""
    high, wide = image.get("height"), image.get("width")
    return (round(float(high)), round(float(wide))) if high and wide else None


def entries_of(root: Path, file: Path, coco: Coco, options: SourceOptions) -> Iterator[Entry]:
    """List the pictures of one COCO file, and the annotations that belong to none of them.

    Raises:
        InputError: no annotation belongs to a picture (reason "no-file-found").
    """
    known = {image["id"] for image in coco.images}
    orphans = {name: lines for name, lines in coco.drawn.items() if name not in known}
    total, lost = (sum(map(len, found.values())) for found in (coco.drawn, orphans))
    marked = sum(image["id"] in coco.drawn for image in coco.images)
    options.joins.append(
        Joined(file.name, total, total - lost, len(coco.images), marked, rows_are="annotations")
    )
    if total and lost == total:
        raise InputError(
            f"none of the {total} annotations belongs to one of its {len(coco.images)} images; "
            f"for example image_id {next(iter(orphans))}",
            file=file, field="image_id", reason="no-file-found",
        )  # fmt: skip
    for image in coco.images:
        yield described(root, file, image, coco)
    for name, lines in orphans.items():
        for line in lines:
            yield Quarantined(
                f"{file.name} annotation {line['number']}", f"{file.name}: image_id",
                "orphan-annotation", f"no image {name} is listed",
            )  # fmt: skip


def described(root: Path, file: Path, image: Thing, coco: Coco) -> Entry:
    """Describe one picture; its path is relative to the COCO file's folder, or to the root."""
    name = image["file"].replace("\\", "/")
    places = [file.parent / name, root / name, root / "images" / name]
    place = next((path for path in places if usable(path)), None)
    if place is None:
        return Quarantined(name, file.name, "missing-file", "no such file")
    if not inside(root, place):
        return leads_out(name)
    path = place.resolve().relative_to(root.resolve()).as_posix()
    drawn = coco.drawn.get(image["id"], [])
    try:
        findings = tuple(finding(file.relative_to(root), one, coco.kinds) for one in drawn)
    except InputError as error:
        return Quarantined.because(error, path)
    present = {found.kind: 1.0 for found in findings}
    labels = Labels(findings=findings, **present)
    return ImageRecord(path, labels=labels, size=image["size"])


def usable(path: Path) -> bool:
    """Return whether a name is that of a file; no name may end a run."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def finding(path: Path, one: Thing, kinds: Mapping[str, str]) -> Finding:
    """Read one annotation; its box is (x, y, width, height), its mask a number in the file.

    Raises:
        InputError: its category has no agreed meaning, or its box is none.
    """
    file = path.name
    kind = words.kind(kinds.get(as_id(one.get("category_id")), ""), f"{file}: categories")
    try:
        x, y, wide, high = map(float, one["bbox"])
        box = Box(x, y, x + wide, y + high)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(str(error), field=f"{file}: bbox", reason="box-empty") from error
    mask = f"{path.as_posix()}#{one['number']}" if one.get("segmentation") else None
    return Finding(kind, lesion_id=str(one.get("id", "")) or None, box=box, mask=mask)
