"""One exposure: one breast in one view on one day, drawn, developed and turned for storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from numpy.typing import NDArray

from versamammo.data.labels import Labels
from versamammo.imaging.mammogram import Laterality, View
from versamammo.phantoms.anatomy import SIDES, VIEWS, Patient, breast_grid
from versamammo.phantoms.grid import Field, Grid, spread
from versamammo.phantoms.lesions import BreastTruth, Lesion
from versamammo.phantoms.markers import burn_marker
from versamammo.phantoms.marks import mark_lesion
from versamammo.phantoms.movement import Movement, draw_movement
from versamammo.phantoms.phantom_picture import (
    Absorption,
    absorb,
    develop,
    fine_noise,
    gland_threshold,
    strand_sum,
)
from versamammo.phantoms.phantom_settings import PhantomSettings, Stream, random_stream
from versamammo.phantoms.tissue import TissueFields
from versamammo.phantoms.truth import image_labels
from versamammo.phantoms.visibility import subtlety

_Kind = TypeVar("_Kind", np.float32, np.bool_)


@dataclass(frozen=True, eq=False)
class PhantomView:
    """One phantom image and its truth, in stored orientation.

    Attributes:
        pixels: float32 [H, W] in 0..1, bright tissue on dark.
        spacing_mm: edge of the square pixels.
        labels: with findings; their boxes are in pixels, their masks are file names.
        masks: bool [H, W], one per finding, in the same order.
        breast: bool [H, W], everything inside the skin line, muscle included.
        muscle: bool [H, W], the pectoral muscle in MLO.
        gland_share: glandular share of the breast's area without the muscle.
        mirrored: stored as seen from behind.
        exam_id: Study Instance UID.
        exam_date: ISO 8601.
        file: where `write_phantoms` puts it, relative to the output folder.
    """

    pixels: NDArray[np.float32]
    spacing_mm: float
    laterality: Laterality
    view: View
    labels: Labels
    masks: tuple[NDArray[np.bool_], ...]
    breast: NDArray[np.bool_]
    muscle: NDArray[np.bool_]
    gland_share: float
    mirrored: bool
    exam_id: str
    exam_date: str
    file: str


@dataclass(frozen=True, eq=False)
class _Shot:
    """A view before development, chest wall at the left, [h, w] of the composing raster."""

    total: Field
    edge: Field
    breast: NDArray[np.bool_]
    muscle: NDArray[np.bool_]
    masks: tuple[NDArray[np.bool_], ...]
    grades: tuple[int, ...]

    def moved(self, movement: Movement) -> _Shot:
        return replace(
            self,
            total=np.maximum(movement.moved(self.total), 0),
            edge=movement.moved(self.edge),
            breast=movement.moved_mask(self.breast),
            muscle=movement.moved_mask(self.muscle),
            masks=tuple(movement.moved_mask(mask) for mask in self.masks),
        )


def phantom_uid(*words: object) -> str:
    """Derive a DICOM UID from words: the same words, the same UID (PS3.5 B.2, 2.25 + UUID)."""
    return f"2.25.{uuid5(NAMESPACE_OID, ' '.join(map(str, ('versamammo phantom', *words)))).int}"


def expose(
    settings: PhantomSettings,
    patient: Patient,
    tissue: TissueFields,
    truth: BreastTruth,
    when: int,
    day: str,
) -> PhantomView:
    """Take one picture.

    Args:
        settings: height and seed.
        patient: whose breast it is.
        tissue: the view's slow fields.
        truth: what the breast has on that day.
        when: 0 for the latest exam, 1 for the prior one, in which the breast lies differently.
        day: ISO 8601.
    """
    plan, machine = tissue.plan, patient.machine
    lesions = [lesion for lesion in truth.lesions if lesion.seen_in(plan.view)]
    grid = breast_grid(patient.panel_mm, plan, settings.height)
    shot = _shoot(settings, patient, tissue, lesions, grid)
    if when:
        shot = shot.moved(draw_movement(settings, patient, tissue, grid))
    panel = Grid.over(patient.panel_mm, settings.height)
    pixels = _develop(settings, patient, tissue, shot, panel, when)
    turned = (plan.breast.side is Laterality.RIGHT) != machine.mirrored
    masks = tuple(_stored(_padded(mask, panel), turned) for mask in shot.masks)
    file = f"images/{patient.name}/{day}/{plan.breast.side}{plan.view}.dcm"
    labels = image_labels(settings, patient, truth, plan, when, lesions, masks, shot.grades, file)
    return PhantomView(
        pixels=_stored(pixels, turned),
        spacing_mm=panel.pixel_mm,
        laterality=plan.breast.side,
        view=plan.view,
        labels=labels,
        masks=masks,
        breast=_stored(_padded(shot.breast, panel), turned),
        muscle=_stored(_padded(shot.muscle, panel), turned),
        gland_share=plan.gland_share,
        mirrored=machine.mirrored,
        exam_id=phantom_uid(settings.seed, patient.index, "study", day),
        exam_date=day,
        file=file,
    )


def _key(tissue: TissueFields) -> tuple[int, int]:
    return VIEWS.index(tissue.plan.view), SIDES.index(tissue.plan.breast.side)


def _shoot(
    settings: PhantomSettings,
    patient: Patient,
    tissue: TissueFields,
    lesions: Sequence[Lesion],
    grid: Grid,
) -> _Shot:
    """Compose the view and put its lesions on it; how well they show is measured without them."""
    clear, reference = _compose(settings, patient, tissue, grid)
    total = clear.total.copy()
    masks, grades = [], []
    for lesion in lesions:
        mark = mark_lesion(settings, patient.index, lesion, tissue, clear.depth, grid)
        total[mark.rows, mark.columns] += mark.added
        mask = np.zeros(grid.shape, np.bool_)
        mask[mark.rows, mark.columns] = mark.mask
        masks.append(mask)
        if reference is not clear:
            mark = mark_lesion(
                settings, patient.index, lesion, tissue, reference.depth, reference.grid
            )
        grades.append(subtlety(mark, reference))
    breast = clear.depth > 0
    muscle = breast & (spread(tissue.muscle, grid) > 0.5)
    return _Shot(total, clear.edge, breast, muscle, tuple(masks), tuple(grades))


def _compose(
    settings: PhantomSettings, patient: Patient, tissue: TissueFields, grid: Grid
) -> tuple[Absorption, Absorption]:
    """Absorption without lesions on the wanted raster, and on the base raster for measuring."""
    base = tissue.grid
    strands = strand_sum(tissue, base)
    threshold = gland_threshold(tissue, strands)
    reference = absorb(tissue, base, threshold, strands, np.zeros(base.shape, np.float32))
    if grid == base:
        return reference, reference
    # the same noise at both dates
    rng = random_stream(settings.seed, patient.index, Stream.TEXTURE, *_key(tissue), 1)
    noise = fine_noise(tissue, patient, grid, rng)
    return absorb(tissue, grid, threshold, strand_sum(tissue, grid), noise), reference


def _develop(
    settings: PhantomSettings,
    patient: Patient,
    tissue: TissueFields,
    shot: _Shot,
    panel: Grid,
    when: int,
) -> Field:
    """Turn a shot into brightness over the whole detector, with grain and marker."""
    machine = patient.machine
    rng = random_stream(settings.seed, patient.index, Stream.NOISE, when, *_key(tissue))
    grain = rng.standard_normal(panel.shape, dtype=np.float32)
    total, edge = _padded(shot.total, panel), _padded(shot.edge, panel)
    pixels = develop(total, edge, grain, panel.pixel_mm, machine.gain, machine.air)
    if machine.marker:
        burn_marker(pixels, _padded(shot.breast, panel), tissue.plan, panel.pixel_mm)
    return pixels


def _padded(field: NDArray[_Kind], panel: Grid) -> NDArray[_Kind]:
    """Add the air of the rest of the detector."""
    return np.pad(field, ((0, 0), (0, panel.columns - field.shape[1])))


def _stored(field: NDArray[_Kind], turned: bool) -> NDArray[_Kind]:
    return np.ascontiguousarray(field[:, ::-1] if turned else field)
