from __future__ import annotations

import cv2
import numpy as np
import pytest

from versamammo.imaging.mammogram import View
from versamammo.phantoms import PhantomSettings
from versamammo.phantoms.anatomy import Patient, ViewPlan, breast_grid, draw_patient, plan_view
from versamammo.phantoms.appearances import APPEARANCES, Appearance
from versamammo.phantoms.lesions import Lesion
from versamammo.phantoms.marks import Mark, mark_lesion
from versamammo.phantoms.outline import depth_under_skin
from versamammo.phantoms.tissue import TissueFields, grow_tissue

SETTINGS = PhantomSettings(seed=6)


@pytest.fixture(scope="module")
def scene() -> tuple[Patient, ViewPlan, TissueFields]:
    patient = draw_patient(SETTINGS, 1)
    plan = plan_view(SETTINGS, patient, patient.breasts[1], View.CC)
    return patient, plan, grow_tissue(SETTINGS, patient, plan)


def lesion_of(look: Appearance, radius: float = 9.0, contrast: float = 0.2) -> Lesion:
    return Lesion("PHANTOM-x", look, False, radius, contrast, 0, depth=45.0, pull=4.0)


def draw(scene: tuple[Patient, ViewPlan, TissueFields], lesion: Lesion, rows: int = 512) -> Mark:
    patient, plan, tissue = scene
    grid = breast_grid(patient.panel_mm, plan, rows)
    depth = depth_under_skin(plan.outline, grid)
    return mark_lesion(SETTINGS, patient.index, lesion, tissue, depth, grid)


@pytest.mark.parametrize("look", APPEARANCES, ids=lambda a: f"{a.kind}-{a.margin or a.morphology}")
def test_every_appearance_can_be_drawn(
    scene: tuple[Patient, ViewPlan, TissueFields], look: Appearance
) -> None:
    lesion = lesion_of(look)
    mark = draw(scene, lesion)
    assert mark.mask.any()
    assert np.isfinite(mark.added).all()
    if look.kind != "nipple_retraction":
        assert mark.added[mark.mask].max() > 0.2 * lesion.contrast


def find(**words: str) -> Appearance:
    return next(a for a in APPEARANCES if all(getattr(a, k) == v for k, v in words.items()))


def test_a_mass_has_its_size_in_millimetres_at_any_height(
    scene: tuple[Patient, ViewPlan, TissueFields],
) -> None:
    lesion = lesion_of(find(shape="round", margin="circumscribed"), radius=8.0)
    patient = scene[0]
    for rows in (256, 512, 1024):
        mark = draw(scene, lesion, rows)
        pixel = patient.panel_mm[0] / rows
        assert mark.mask.sum() * pixel**2 == pytest.approx(np.pi * 64, rel=0.12)


def test_single_calcifications_are_fractions_of_a_millimetre(
    scene: tuple[Patient, ViewPlan, TissueFields],
) -> None:
    mark = draw(scene, lesion_of(find(morphology="round", distribution="grouped")), 4096)
    bright = (mark.added > 0.5 * mark.added.max()).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
    pixel = scene[0].panel_mm[0] / 4096
    diameters = 2 * np.sqrt(stats[1:, cv2.CC_STAT_AREA] / np.pi) * pixel
    assert len(diameters) >= 5
    assert 0.15 < np.median(diameters) < 0.6


def test_spicules_make_an_outline_longer_than_that_of_a_smooth_mass(
    scene: tuple[Patient, ViewPlan, TissueFields],
) -> None:
    lengths = {}
    for margin in ("circumscribed", "spiculated"):
        mark = draw(scene, lesion_of(find(shape="round", margin=margin), radius=12.0), 1024)
        contours, _ = cv2.findContours(
            mark.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        lengths[margin] = cv2.arcLength(contours[0], True) / np.sqrt(mark.mask.sum())
    assert lengths["spiculated"] > 1.5 * lengths["circumscribed"]


def test_an_indistinct_margin_is_softer_than_a_circumscribed_one(
    scene: tuple[Patient, ViewPlan, TissueFields],
) -> None:
    steepest = {}
    for margin in ("circumscribed", "indistinct"):
        mark = draw(scene, lesion_of(find(shape="round", margin=margin), radius=12.0), 1024)
        steepest[margin] = np.abs(np.diff(mark.added, axis=1)).max()
    assert steepest["indistinct"] < 0.6 * steepest["circumscribed"]
