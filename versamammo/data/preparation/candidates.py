"""Brings together what the source says of an image and what its file says of itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from versamammo.data.labels import UNKNOWN, Finding, Labels
from versamammo.data.manifest import TOLD
from versamammo.data.preparation.outcome import FileFacts
from versamammo.data.preparation.worker import cached_path
from versamammo.data.sources.source_contract import ImageRecord
from versamammo.errors import InputError
from versamammo.imaging.breast.chest_wall import Side, stored_mirrored
from versamammo.imaging.mammogram import Box, Laterality

SHARES = 1.5  # a box that ends before here in both directions is no lesion's in pixels
TURNED = re.compile(r"turned by its EXIF orientation (\d)")  # as `raster` notes it
SLACK = 1.0  # pixels a box may stick out, as inclusive or rounded corners do; it is cut


@dataclass(frozen=True)
class ImageCandidate:
    """An image that could be read and whose labels fit it, before it is compared with others."""

    record: ImageRecord
    facts: FileFacts
    labels: Labels
    image_id: str
    patient_id: str | None
    exam_id: str | None
    exam_date: str | None
    laterality: str | None
    view: str | None
    age: float
    warnings: tuple[str, ...]


def merge(record: ImageRecord, facts: FileFacts) -> ImageCandidate:
    """Join a source's record and a file's facts; where both speak, the source's word counts.

    Raises:
        InputError: a box lies outside the image, or holds in another picture than the file.
    """
    named = record.identifiers
    check_frame(record, facts)
    labels, cut = within(record.labels, facts)
    return ImageCandidate(
        record,
        facts,
        labels,
        image_id=named.image_id or facts.image_id or record.path,
        patient_id=named.patient_id or facts.patient_id,
        exam_id=named.exam_id or facts.exam_id,
        exam_date=named.exam_date or facts.exam_date,
        laterality=record.laterality or facts.laterality,
        view=record.view or facts.view,
        age=record.age if not math.isnan(record.age) else (facts.age or UNKNOWN),
        warnings=(*facts.warnings, *disagreements(record, facts), *cut),
    )


def check_frame(record: ImageRecord, facts: FileFacts) -> None:
    """Stop at boxes and masks that were drawn on another picture than the file shows.

    Raises:
        InputError: the size is another ("size-mismatch"), the file is turned by its EXIF entry and
            nobody says which way the boxes hold ("exif-turned"), or they are shares
            ("box-normalised").
    """
    size, stated = (facts.rows, facts.columns), record.size
    if not record.labels.findings:
        return
    if stated is not None and stated != size:
        raise InputError(
            f"the boxes were drawn on a picture of {stated[1]} x {stated[0]} pixels, the file has "
            f"{size[1]} x {size[0]}",
            field="size", reason="size-mismatch",
        )  # fmt: skip
    drawn = [found for found in record.labels.findings if found.box or found.mask]
    turned = next((match for note in facts.warnings if (match := TURNED.match(note))), None)
    swapped = turned is not None and int(turned[1]) >= 5 and stated == size and size[0] != size[1]
    if drawn and turned is not None and not swapped:
        raise InputError(
            "the file is turned by its EXIF orientation, and boxes may hold in either way: save "
            "it upright without that entry",
            field="box", reason="exif-turned",
        )  # fmt: skip
    for box in (found.box for found in drawn if found.box is not None):
        if max(box.as_tuple()) <= SHARES:
            raise InputError(
                f"{box.as_tuple()} look like shares of the picture; expected pixels (multiply by "
                f"its width {size[1]} and height {size[0]})",
                field="box", reason="box-normalised",
            )  # fmt: skip


def disagreements(record: ImageRecord, facts: FileFacts) -> tuple[str, ...]:
    """Return where the source and the file name different sides or views."""
    pairs = {
        "laterality": (record.laterality, facts.laterality),
        "view": (record.view, facts.view),
    }
    return tuple(
        f"{name}: the table says {told}, the file says {found}; the table is followed"
        for name, (told, found) in pairs.items()
        if told is not None and found is not None and told != found
    )


def within(labels: Labels, facts: FileFacts) -> tuple[Labels, tuple[str, ...]]:
    """Check every box against the image, cutting what sticks out by up to a pixel.

    Raises:
        InputError: a box sticks out further (reason "box-outside").
    """
    found: list[Finding] = []
    notes: list[str] = []
    for number, finding in enumerate(labels.findings, start=1):
        if finding.box is not None:
            box = cut(finding.box, facts)
            if box != finding.box:
                notes.append(f"the box of finding {number} stuck out by up to a pixel and was cut")
            finding = replace(finding, box=box)
        found.append(finding)
    return replace(labels, findings=tuple(found)), tuple(notes)


def cut(box: Box, facts: FileFacts) -> Box:
    """Keep a box within its image."""
    excess = max(-box.x1, -box.y1, box.x2 - facts.columns, box.y2 - facts.rows)
    corners = (
        max(box.x1, 0.0),
        max(box.y1, 0.0),
        min(box.x2, float(facts.columns)),
        min(box.y2, float(facts.rows)),
    )
    if excess > SLACK or corners[0] >= corners[2] or corners[1] >= corners[3]:
        shown = ", ".join(f"{value:g}" for value in box.as_tuple())
        raise InputError(
            f"({shown}) lies outside the image of {facts.columns} x {facts.rows} pixels",
            field="box", reason="box-outside",
        )  # fmt: skip
    return Box(*corners)


def as_row(source: str, image: ImageCandidate, split: str | None) -> dict[str, Any]:
    """Write one image as a row of the manifest."""
    facts = image.facts
    return {
        "image_id": image.image_id,
        "source": source,
        "path": image.record.path,
        "cache_path": cached_path(facts.content_key),
        "content_key": facts.content_key,
        "patient_id": image.patient_id,
        "exam_id": image.exam_id,
        "accession": image.record.identifiers.accession or facts.accession,
        "exam_date": image.exam_date,
        "laterality": image.laterality,
        "view": image.view,
        "modifiers": list(facts.modifiers),
        "vendor": facts.vendor,
        "model": facts.model,
        "age": image.age,
        "rows": facts.rows,
        "columns": facts.columns,
        "bits": facts.bits,
        "spacing_mm": spacing(facts.spacing_mm),
        "chest_wall": facts.chest_wall,
        "mirrored": mirrored(image.laterality, facts.chest_wall),
        "crop": dict(facts.crop),
        "breast_box": place(Box(*facts.breast_box)),
        "warnings": list(image.warnings),
        "split": split,
        **{name: getattr(image.labels, name) for name in Labels.names()},
        "birads_edition": image.record.birads_edition,
        "findings": [asdict(found) | {"box": place(found.box)} for found in image.labels.findings],
        "original": words(image),
        "provenance": places(image),
    }


def place(box: Box | None) -> dict[str, float] | None:
    """Write a box as the manifest's struct."""
    return None if box is None else asdict(box)


def spacing(pair: tuple[float, float] | None) -> dict[str, float] | None:
    """Write the pixel spacing as the manifest's struct."""
    return None if pair is None else {"row": pair[0], "column": pair[1]}


def mirrored(side: str | None, chest_wall: Side) -> bool | None:
    """Return whether the file is stored as in a mirror; None where the side is unknown."""
    return None if side is None else stored_mirrored(Laterality(side), chest_wall)


def words(image: ImageCandidate) -> dict[str, str | None]:
    """Return the source's own words for each fact."""
    told = {told.fact: told.words for told in image.record.told}
    return {fact: told.get(fact) for fact in TOLD}


def places(image: ImageCandidate) -> dict[str, str | None]:
    """Return for each fact where it was found; null where the fact is unknown."""
    facts = image.facts
    found: Mapping[str, str | None] = {
        "laterality": facts.laterality_source,
        "view": facts.view_source,
        "age": None if facts.age is None else "the file",
        "exam_date": None if facts.exam_date is None else "the file",
        **{kind: "findings" for kind in {f.kind for f in image.labels.findings}},
    }
    told = {told.fact: told.where for told in image.record.told}
    return {fact: told.get(fact) or found.get(fact) for fact in TOLD}
