"""Sees to it that one patient has one id, whatever a table and the files call her.

A table may cover some of the files only, and a spreadsheet may have taken the zeros from its ids.
Then one woman goes by two names, and a split by patient would part her.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from versamammo.data.preparation.candidates import ImageCandidate
from versamammo.data.sources.joins import bare

SHOWN = 3


def one_patient_each(
    images: Sequence[ImageCandidate],
) -> tuple[list[ImageCandidate], tuple[str, ...]]:
    """Return the images with one id for each patient, and what was seen to be in doubt."""
    names = same_patients(images)
    changed = sum(image.patient_id in names for image in images)
    told = [
        replace(image, patient_id=names[image.patient_id], warnings=(*image.warnings, RENAMED))
        if image.patient_id in names
        else image
        for image in images
    ]
    said = []
    if changed:
        said.append(f"{changed} images were given the patient id that their patient's others have")
    return told, (
        *said,
        *named_otherwise(told),
        *doubtful_spellings(told),
        *shared_accessions(told),
    )


RENAMED = "the patient is called otherwise here than on her other images; one id was taken"


def same_patients(images: Iterable[ImageCandidate]) -> dict[str, str]:
    """Return ids to be replaced, each with what its patient is called instead.

    Two ids are one patient's where the same file bears both and they differ in zeros, ".0", blanks
    or capitals alone: the file's spelling is whole.
    """
    given: dict[str, set[str]] = defaultdict(set)  # the file's id -> ids of the table
    for image in images:
        if image.facts.patient_id and image.record.identifiers.patient_id:
            given[image.facts.patient_id].add(image.record.identifiers.patient_id)
    owners: dict[str, set[str]] = defaultdict(set)
    for own, told in given.items():
        for name in told:
            owners[name].add(own)
    names: dict[str, str] = {}
    for own, told in given.items():
        alike = {name for name in told if bare(name) == bare(own)}
        names |= {name: own for name in alike if name != own and owners[name] == {own}}
    return names


def named_otherwise(images: Sequence[ImageCandidate]) -> list[str]:
    """Return which ids of files the table names otherwise, though it does not cover all of them."""
    told = {
        image.facts.patient_id
        for image in images
        if image.facts.patient_id and image.patient_id != image.facts.patient_id
    }
    left = sorted({image.patient_id for image in images if image.patient_id} & told)
    if not left:
        return []
    return [
        f"{len(left)} patient ids of files are named otherwise by the table, which does not cover "
        "all their images; splits may part them"
    ]


def doubtful_spellings(images: Iterable[ImageCandidate]) -> list[str]:
    """Return which patient ids differ in zeros, blanks or capitals alone."""
    spelt: dict[str, set[str]] = defaultdict(set)
    for image in images:
        if image.patient_id:
            spelt[bare(image.patient_id)].add(image.patient_id)
    alike = sorted(" and ".join(sorted(names)) for names in spelt.values() if len(names) > 1)
    if not alike:
        return []
    return [f"{len(alike)} patient ids stand in several spellings, taken as several patients: "
            + shown(alike)]  # fmt: skip


def shared_accessions(images: Iterable[ImageCandidate]) -> list[str]:
    """Return which exams, by their accession numbers, stand under several patients."""
    seen: dict[str, set[str]] = defaultdict(set)
    for image in images:
        accession = image.record.identifiers.accession or image.facts.accession
        if accession and image.patient_id:
            seen[accession].add(image.patient_id)
    shared = sorted(accession for accession, patients in seen.items() if len(patients) > 1)
    if not shared:
        return []
    return [
        f"{len(shared)} accession numbers stand under several patient ids, which splits may part: "
        + shown(shared)
    ]


def shown(names: Sequence[str]) -> str:
    """Spell the first of several names."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
