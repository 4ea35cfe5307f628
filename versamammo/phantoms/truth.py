"""Turns what a phantom breast has into the labels of one image, as a reader noted them that day."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from versamammo.data.labels import FINDINGS, UNKNOWN, Finding, Labels
from versamammo.imaging.mammogram import Box
from versamammo.phantoms import rule
from versamammo.phantoms.anatomy import SIDES, Patient, ViewPlan
from versamammo.phantoms.lesions import BreastTruth, Lesion
from versamammo.phantoms.phantom_settings import PhantomSettings, Stream, random_stream


def box_of(mask: NDArray[np.bool_]) -> Box:
    """Bound the pixels of a mask [H, W] tightly; the mask has at least one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def image_labels(
    settings: PhantomSettings,
    patient: Patient,
    truth: BreastTruth,
    plan: ViewPlan,
    when: int,
    lesions: Sequence[Lesion],
    masks: Sequence[NDArray[np.bool_]],
    grades: Sequence[int],
    file: str,
) -> Labels:
    """Write down one image.

    Args:
        settings: the reader's noise.
        patient: composition.
        truth: of the whole breast; BI-RADS and pathology are the breast's, not the image's.
        plan: the view.
        when: 0 latest exam, 1 prior; readers err anew at each.
        lesions: those seen in this view, with their masks [H, W] and subtleties.
        masks: in stored pixels.
        grades: subtlety 1 to 5 of each.
        file: of the image, which names the mask files.
    """
    side = SIDES.index(plan.breast.side)
    rng = random_stream(settings.seed, patient.index, Stream.LABEL, 1 + when, side)
    true = rule.category_number(truth.category)
    birads = rule.misread(rng, true, settings.label_noise, 1, 5)
    level = rule.masking_level(plan.breast.gland_share)
    findings = tuple(
        _finding(lesion, mask, grade, file, k)
        for k, (lesion, mask, grade) in enumerate(zip(lesions, masks, grades, strict=True))
    )
    kinds = {finding.kind for finding in findings}
    return Labels(
        density=float(patient.density),
        birads=float(birads),
        pathology=float(truth.pathology),
        masking=float(rule.misread(rng, level, settings.label_noise, 1, 8)),
        subtlety=float(max(grades)) if grades else UNKNOWN,
        subtype=truth.subtype,
        tissue=float(rule.tissue_class(plan.breast.gland_share)),
        cancer=float(truth.pathology == 2),
        invasive=truth.invasive,
        findings=findings,
        **{kind: float(kind in kinds) for kind in FINDINGS},
    )


def _finding(
    lesion: Lesion, mask: NDArray[np.bool_], grade: int, file: str, number: int
) -> Finding:
    look = lesion.look
    stem = file.removeprefix("images/").removesuffix(".dcm")
    return Finding(
        kind=look.kind, lesion_id=lesion.lesion_id, box=box_of(mask),
        mask=f"masks/{stem}-{number + 1}.png", shape=look.shape, margin=look.margin,
        morphology=look.morphology, distribution=look.distribution,
        pathology=float(lesion.malignant), birads=float(rule.category_number(look.category)),
        subtlety=float(grade),
    )  # fmt: skip
