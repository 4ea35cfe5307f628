"""Compares the images of a source with each other: copies, and keys that two of them share.

What cannot be told apart is kept out on both sides; to keep one would be to guess.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

from versamammo.data.labels import Labels
from versamammo.data.preparation.candidates import ImageCandidate
from versamammo.data.quarantine import DUPLICATE, Quarantined

Verdict = tuple[list[ImageCandidate], list[Quarantined]]


def compare(images: Iterable[ImageCandidate]) -> Verdict:
    """Keep the images that are one of a kind; give the others with their reasons."""
    kept = sorted(images, key=lambda image: image.record.path)
    out: list[Quarantined] = []
    for check in (without_copies, without_shared_exams, without_shared_ids):
        kept, refused = check(kept)
        out += refused
    return kept, out


def without_copies(images: Sequence[ImageCandidate]) -> Verdict:
    """Keep one of several files with the same bytes, unless what is said of them differs.

    The one that most is known of is kept, the first of those by path.
    """
    kept, out = [], []
    for alike in grouped(images, lambda image: image.facts.content_key):
        first = min(alike, key=lambda image: (-len(claims(image)), image.record.path))
        if len(patients(alike)) > 1:
            out += refuse(alike, "patient_id", "picture-of-two-patients",
                          "two patients claim the same picture")  # fmt: skip
        elif field := disagreement(alike):
            out += refuse(alike, field, "copies-disagree",
                          f"the same picture stands under another {field}")  # fmt: skip
        else:
            kept.append(first)
            out += [
                Quarantined(
                    image.record.path, "", DUPLICATE, f"the same bytes as {first.record.path}"
                )
                for image in alike
                if image is not first
            ]
    return kept, out


def patients(images: Iterable[ImageCandidate]) -> set[str]:
    """Collect the patients that are named."""
    return {image.patient_id for image in images if image.patient_id is not None}


def claims(image: ImageCandidate) -> dict[str, object]:
    """Gather what is said of a picture, leaving out what is unknown."""
    said: dict[str, object] = {
        "patient_id": image.patient_id,
        "exam_id": image.exam_id,
        "laterality": image.laterality,
        "view": image.view,
        # written out, since two unknown numbers are not equal
        "findings": repr(image.labels.findings) if image.labels.findings else None,
    }
    said |= {name: getattr(image.labels, name) for name in Labels.names()}
    return {field: value for field, value in said.items() if value is not None and value == value}


def disagreement(images: Sequence[ImageCandidate]) -> str | None:
    """Name the first field that two images know differently, None if none."""
    known: dict[str, object] = {}
    for image in images:
        for field, value in claims(image).items():
            if known.setdefault(field, value) != value:
                return field
    return None


def without_shared_exams(images: Sequence[ImageCandidate]) -> Verdict:
    """Keep out exams that two patients claim: a split by patient could part them."""
    kept, out = [], []
    for exam in grouped(images, lambda image: image.exam_id or ("none", image.record.path)):
        if len(patients(exam)) > 1:
            out += refuse(exam, "exam_id", "exam-of-two-patients",
                          "two patients claim the same exam")  # fmt: skip
        else:
            kept += exam
    return kept, out


def without_shared_ids(images: Sequence[ImageCandidate]) -> Verdict:
    """Keep out different pictures under one image id: labels could not be told apart."""
    kept, out = [], []
    for alike in grouped(images, lambda image: image.image_id):
        if len(alike) > 1:
            whose = "of two patients " if len(patients(alike)) > 1 else ""
            out += refuse(alike, "image_id", "image-id-shared",
                          f"different pictures {whose}have the same image id")  # fmt: skip
        else:
            kept += alike
    return kept, out


def grouped(
    images: Sequence[ImageCandidate], key: Callable[[ImageCandidate], Hashable]
) -> list[list[ImageCandidate]]:
    """Gather images by a key, groups and members in the order given."""
    groups: dict[Hashable, list[ImageCandidate]] = defaultdict(list)
    for image in images:
        groups[key(image)].append(image)
    return list(groups.values())


def refuse(
    images: Sequence[ImageCandidate], field: str, reason: str, what: str
) -> list[Quarantined]:
    """Keep several images out for one reason, each naming another of them."""
    paths = [image.record.path for image in images]
    return [
        Quarantined(path, field, reason, f"{what}: also {next(p for p in paths if p != path)}")
        for path in paths
    ]


def impossible_ages(images: Iterable[ImageCandidate]) -> list[str]:
    """Name patients whose images cannot all show one person, by age and date of the exam.

    Two people under one id stay together in every split, so that nothing leaks; they are only
    reported. Dates are often shifted and ages rounded by archives: three years are forgiven.
    """
    births: dict[str, list[float]] = defaultdict(list)
    for image in images:
        if image.patient_id and image.exam_date and image.age == image.age:
            births[image.patient_id].append(float(image.exam_date[:4]) - image.age)
    return sorted(patient for patient, years in births.items() if max(years) - min(years) > 3)
