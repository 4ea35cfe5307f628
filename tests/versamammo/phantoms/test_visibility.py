from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from versamammo.imaging.mammogram import View
from versamammo.phantoms import PhantomSettings
from versamammo.phantoms.anatomy import draw_patient, plan_view
from versamammo.phantoms.appearances import APPEARANCES
from versamammo.phantoms.lesions import Lesion
from versamammo.phantoms.marks import mark_lesion
from versamammo.phantoms.phantom_picture import Absorption, absorb, gland_threshold, strand_sum
from versamammo.phantoms.tissue import TissueFields, grow_tissue
from versamammo.phantoms.visibility import contrast, subtlety

MASS = next(a for a in APPEARANCES if (a.shape, a.margin) == ("round", "circumscribed"))


def scene(density: int) -> tuple[PhantomSettings, TissueFields, Absorption]:
    """Compose a CC view of one density without lesions."""
    prior = tuple(float(k == density) for k in range(4))
    settings = PhantomSettings(seed=6, density_prior=prior)
    patient = draw_patient(settings, 1)
    plan = plan_view(settings, patient, patient.breasts[1], View.CC)
    tissue = grow_tissue(settings, patient, plan)
    strands = strand_sum(tissue, tissue.grid)
    nothing = np.zeros(tissue.grid.shape, np.float32)
    threshold = gland_threshold(tissue, strands)
    return settings, tissue, absorb(tissue, tissue.grid, threshold, strands, nothing)


def grade(
    place: tuple[PhantomSettings, TissueFields, Absorption], lesion: Lesion
) -> tuple[int, float]:
    settings, tissue, clear = place
    mark = mark_lesion(settings, 1, lesion, tissue, clear.depth, tissue.grid)
    return subtlety(mark, clear), contrast(mark, clear)


@pytest.fixture(scope="module")
def fatty() -> tuple[PhantomSettings, TissueFields, Absorption]:
    return scene(0)


@pytest.fixture(scope="module")
def dense() -> tuple[PhantomSettings, TissueFields, Absorption]:
    return scene(3)


LESION = Lesion("PHANTOM-x", MASS, False, 8.0, 0.2, 0, depth=45.0)


def test_more_contrast_is_less_subtle(
    fatty: tuple[PhantomSettings, TissueFields, Absorption],
) -> None:
    grades = [grade(fatty, replace(LESION, contrast=c))[0] for c in (0.01, 0.05, 0.1, 0.4)]
    assert grades == sorted(grades)
    assert grades[0] == 1
    assert grades[-1] == 5


def test_dense_tissue_hides_a_mass_that_shows_in_fat(
    fatty: tuple[PhantomSettings, TissueFields, Absorption],
    dense: tuple[PhantomSettings, TissueFields, Absorption],
) -> None:
    places = [
        replace(LESION, depth=depth, lateral=lateral)
        for depth in (25.0, 32.0, 39.0, 46.0)
        for lateral in (-24.0, -12.0, 0.0, 12.0, 24.0)
    ]
    hidden, plain = (
        np.median([grade(place, lesion)[1] for lesion in places]) for place in (dense, fatty)
    )
    assert hidden < 0.95 * plain


def test_a_deeper_pull_is_less_subtle(
    fatty: tuple[PhantomSettings, TissueFields, Absorption],
) -> None:
    look = next(a for a in APPEARANCES if a.kind == "nipple_retraction")
    settings, tissue, clear = fatty
    grades = []
    for pull in (2.0, 4.5, 6.4):
        lesion = replace(LESION, look=look, pull=pull)
        mark = mark_lesion(settings, 1, lesion, tissue, clear.depth, tissue.grid)
        grades.append(subtlety(mark, clear))
    assert grades == [1, 3, 5]
