"""Turns records and outcomes into the rows of the manifest, the quarantine and the splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from versamammo.data.preparation.candidates import ImageCandidate, as_row, merge
from versamammo.data.preparation.comparisons import compare, impossible_ages
from versamammo.data.preparation.listing import Listing
from versamammo.data.preparation.outcome import Failure, Outcome
from versamammo.data.preparation.patients import one_patient_each
from versamammo.data.quarantine import Quarantined
from versamammo.data.sources.archives.label_record import unmapped
from versamammo.data.sources.joins import Joined
from versamammo.data.sources.source_contract import SourceStatement
from versamammo.data.splits.draw import Member, assert_nobody_is_parted, group_key
from versamammo.data.splits.official import split_officially
from versamammo.data.splits.split_tables import Given, Names, SplitTable, apply_table
from versamammo.errors import InputError


@dataclass(frozen=True)
class SplitChoice:
    """How images are put into splits: by a given table, the archive's own way, or drawn by patient.

    Attributes:
        official: keep the archive's own split where it has one.
    """

    table: SplitTable | None
    seed: int
    shares: tuple[float, float, float]
    official: bool = True


@dataclass(frozen=True)
class Assembled:
    """What a run has to show, still in memory.

    Attributes:
        rows: of the manifest.
        refused: everything else that was found, with its reason.
        given: what a given table of splits did, None if the splits are ours.
        unowned: images without a patient id; each exam, or each image, was taken as a patient.
        doubtful: patients whose ages and dates cannot belong to one person.
        unmapped: words of the source that became no number, and how often.
        official: images that the archive itself places in a split.
        joins: how many rows of the source's tables met a picture.
        doubts: what is said of patients that could be one, or stand on two sides.
    """

    rows: tuple[Mapping[str, Any], ...]
    refused: tuple[Quarantined, ...]
    given: Given | None
    unowned: int
    doubtful: tuple[str, ...]
    unmapped: Mapping[tuple[str, str], int]
    official: int
    joins: tuple[Joined, ...] = ()
    doubts: tuple[str, ...] = ()


def assemble(
    source: str, listing: Listing, outcomes: Mapping[str, Outcome], choice: SplitChoice
) -> Assembled:
    """Join, check, compare and split; depends on nothing but its arguments."""
    merged: list[ImageCandidate] = []
    refused = list(listing.refused)
    for record in listing.records:
        outcome = outcomes[record.path]
        if isinstance(outcome, Failure):
            refused.append(outcome.at(record.path))
            continue
        try:
            merged.append(merge(record, outcome))
        except InputError as error:
            refused.append(Quarantined.because(error, record.path))
    merged, doubts = one_patient_each(merged)
    images, alike = compare(merged)
    splits, given = put_into_splits(images, choice)
    return Assembled(
        rows=tuple(
            as_row(source, image, split) for image, split in zip(images, splits, strict=True)
        ),
        refused=(*refused, *alike),
        given=given,
        unowned=sum(image.patient_id is None for image in images),
        doubtful=tuple(impossible_ages(images)),
        unmapped=counted(told for image in images for told in unmapped(image.record)),
        official=sum(image.record.official_split is not None for image in images),
        joins=listing.joins,
        doubts=doubts,
    )


def counted(told: Iterable[SourceStatement]) -> dict[tuple[str, str], int]:
    """Count (fact, word), in a fixed order."""
    return dict(sorted(Counter((one.fact, one.words) for one in told).items()))


def put_into_splits(
    images: Sequence[ImageCandidate], choice: SplitChoice
) -> tuple[Sequence[str | None], Given | None]:
    """Return every image's split, and what a given table did."""
    if choice.table is not None:
        given = apply_table(choice.table, [names(image) for image in images])
        return given.splits, given
    members = [
        Member(image.image_id, group, image.labels)
        for image, group in zip(images, groups(images), strict=True)
    ]
    official = {
        image.image_id: image.record.official_split
        for image in images
        if choice.official and image.record.official_split is not None
    }
    drawn = split_officially(members, official, choice.seed, choice.shares)
    assert_nobody_is_parted(members, drawn)
    return [drawn[image.image_id] for image in images], None


def groups(images: Sequence[ImageCandidate]) -> list[str]:
    """Return whom each image goes with; an exam's patient is that of all its images."""
    owners = {image.exam_id: image.patient_id for image in images if image.patient_id is not None}
    return [
        group_key(
            image.image_id,
            image.patient_id or (owners.get(image.exam_id) if image.exam_id is not None else None),
            image.exam_id,
        )
        for image in images
    ]


def names(image: ImageCandidate) -> Names:
    """Gather what an image may be called in a table of splits."""
    return Names(
        path=image.record.path,
        image_id=image.image_id,
        published_name=image.record.published_name or PurePosixPath(image.record.path).stem,
        exam_id=image.exam_id,
        patient_id=image.patient_id,
    )
