"""Clock face, quadrant and depth: by hand, and against where phantoms have their lesions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from app.chat.evidence.breast_location import (
    Location,
    Sighting,
    locate,
    nipple_of,
    pairs,
    sight,
)
from app.chat.evidence.exam import ExamImage
from versamammo.imaging.breast import Breast, find_breast
from versamammo.imaging.mammogram import Box, Laterality, Mammogram, Provenance, View
from versamammo.phantoms import PhantomSettings
from versamammo.phantoms.anatomy import SIDES, VIEWS, BreastPlan, Patient, draw_patient, plan_view
from versamammo.phantoms.dicom_out import patient_orientation
from versamammo.phantoms.lesions import ON_SKIN, BreastTruth, Lesion, draw_truths
from versamammo.phantoms.phantom_exam import make_exam
from versamammo.phantoms.phantom_view import PhantomView
from versamammo.phantoms.placing import place_lesions
from versamammo.phantoms.tissue import grow_tissue

LEFT, RIGHT = Laterality.LEFT, Laterality.RIGHT


def half_disc(wall: str, radius: float = 100, width: float = 200) -> Breast:
    """A breast of depth 100 whose front is at y = 150."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 91)
    across = radius * np.cos(angle)
    x = across if wall == "left" else width - across
    outline = np.stack([x, 150 + radius * np.sin(angle)], axis=1)
    box = Box(float(x.min()), 50, float(x.max()), 250)
    return Breast(np.ones((3, 2), np.bool_), (100.0, 100.0), box, wall, 1.0, outline)  # type: ignore[arg-type]


def picture(
    view: View | None, side: Laterality | None = LEFT, orientation: tuple[str, ...] = (),
    spacing: float | None = 1.0, wall: str = "left",
) -> ExamImage:  # fmt: skip
    told = Mammogram(
        np.zeros((1, 1), np.float32), 12,
        Provenance("", "DICOM", "MONOCHROME2", patient_orientation=orientation),
        laterality=side, view=view, spacing_mm=spacing and (spacing, spacing),
    )  # fmt: skip
    return ExamImage(np.zeros((300, 200), np.uint16), told, half_disc(wall))


def at(x: float, y: float) -> Box:
    return Box(x - 5, y - 5, x + 5, y + 5)


def test_the_nipple_is_the_front_of_the_outline_whichever_side_the_wall_is_on() -> None:
    assert nipple_of(picture(View.CC)) == pytest.approx((100, 150), abs=0.1)
    assert nipple_of(picture(View.CC, RIGHT, wall="right")) == pytest.approx((100, 150), abs=0.1)
    assert nipple_of(replace(picture(View.CC), breast=None)) is None
    cut_off = replace(picture(View.CC), breast=half_disc("left", radius=200))
    assert nipple_of(cut_off) is None, "the front is cut off"


def test_a_cc_tells_outer_and_inner_and_the_depth_and_nothing_else() -> None:
    seen = sight(picture(View.CC, LEFT, ("A", "R")), at(60, 100))
    assert seen is not None
    assert (seen.depth, seen.offset, seen.third) == (pytest.approx(0.4), pytest.approx(0.5), 1)
    told = locate(LEFT, seen)
    assert told == Location("outer half", third="middle third", from_nipple_mm=pytest.approx(40))
    assert told.words == "in the outer half, middle third, about 40 mm behind the nipple"


def test_where_the_outer_side_is_comes_from_the_orientation() -> None:
    above = at(60, 100)
    hung = {("A", "R"): 0.5, ("A", "L"): -0.5, ("A", "RH"): 0.5}
    for orientation, offset in hung.items():
        seen = sight(picture(View.CC, LEFT, orientation), above)
        assert seen is not None
        assert (seen.offset, seen.assumed) == (pytest.approx(offset), False)
    usual = sight(picture(View.CC, LEFT), above)
    assert usual is not None
    assert usual.assumed
    assert "if the CC hangs as usual" in locate(LEFT, usual).words
    assert sight(picture(View.CC, LEFT, ("P", "R")), above) is None, "the front lies elsewhere"
    assert sight(picture(View.CC, RIGHT), above) is None, "stored as a left breast"


def test_one_oblique_view_tells_upper_and_lower_of_the_rising_nipple_line() -> None:
    image = picture(View.MLO, LEFT, ("A", "FR"))
    rise = 60 * math.tan(math.radians(15))
    for y, half in ((150 - rise - 20, "upper half"), (150 - rise + 20, "lower half"),
                    (150 - rise, "in line with the nipple")):  # fmt: skip
        seen = sight(image, at(40, y))
        assert seen is not None
        assert locate(LEFT, seen).half == half
    upside_down = sight(picture(View.MLO, LEFT, ("A", "HL")), at(40, 100))
    assert upside_down is not None
    assert locate(LEFT, upside_down).half == "lower half"


def test_without_a_pixel_size_or_a_known_view_no_length_and_no_place_is_made_up() -> None:
    seen = sight(picture(View.CC, spacing=None), at(60, 100))
    assert seen is not None
    assert locate(LEFT, seen).from_nipple_mm is None
    assert seen.reach_mm is None
    known = sight(picture(View.CC), at(60, 100))
    assert known is not None
    assert known.reach_mm == seen.reach_pixels == pytest.approx(100, abs=1)
    assert known.reach_pixels is None
    assert sight(picture(None), at(60, 100)) is None
    assert sight(picture(View.XCCL), at(60, 100)) is None
    assert locate(LEFT) == Location()
    assert Location().words == ""


@pytest.mark.parametrize(
    ("side", "outer", "upper", "quadrant", "clock"),
    [
        (LEFT, 0.5, 0.3, "upper outer quadrant", 2),
        (RIGHT, 0.5, 0.3, "upper outer quadrant", 10),
        (LEFT, -0.5, 0.3, "upper inner quadrant", 10),
        (RIGHT, -0.5, 0.3, "upper inner quadrant", 2),
        (LEFT, 0.5, -0.3, "lower outer quadrant", 4),
        (RIGHT, -0.5, -0.3, "lower inner quadrant", 4),
        (LEFT, 0.4, 0.0, "", 3),
        (RIGHT, 0.4, 0.0, "", 9),
        (LEFT, 0.0, 0.4, "", 12),
        (LEFT, 0.0, -0.4, "", 6),
        (LEFT, 0.05, 0.05, "central region", None),
        (None, 0.4, 0.4, "upper outer quadrant", None),
    ],
)
def test_two_views_tell_the_quadrant_and_the_clock_face(
    side: Laterality | None, outer: float, upper: float, quadrant: str, clock: int | None
) -> None:
    above = Sighting(View.CC, 0.5, 1, outer)
    slanted = Sighting(View.MLO, 0.5, 1, math.sqrt(0.5) * (outer + upper))
    straight = Sighting(View.ML, 0.5, 1, upper)
    for beside in (slanted, straight):
        told = locate(side, beside, above)
        assert (told.quadrant, told.clock) == (quadrant, clock)
    assert bool(told.half) is not bool(quadrant)


def test_places_of_two_views_are_matched_by_their_depth_each_once() -> None:
    def deep(view: View, *depths: float) -> list[Sighting | None]:
        return [Sighting(view, depth, 1, 0.0) for depth in depths]

    assert pairs(deep(View.CC, 0.2, 0.8), deep(View.MLO, 0.75, 0.25)) == [(0, 1), (1, 0)]
    assert pairs(deep(View.CC, 0.2), deep(View.MLO, 0.6)) == []
    assert pairs([None], deep(View.MLO, 0.6)) == []


@dataclass(frozen=True)
class Placed:
    """A lesion with its true place, and where its boxes in both views lie."""

    side: Laterality
    lesion: Lesion
    above: Sighting
    beside: Sighting


def image_of(view: PhantomView) -> ExamImage:
    told = Mammogram(
        np.zeros((1, 1), np.float32), 12,
        Provenance(
            "", "DICOM", "MONOCHROME2", patient_orientation=tuple(patient_orientation(view))
        ),
        laterality=view.laterality, view=view.view, spacing_mm=(view.spacing_mm,) * 2,
    )  # fmt: skip
    return ExamImage((view.pixels * 65535).astype(np.uint16), told, find_breast(view.pixels))


def true_lesions(
    settings: PhantomSettings, patient: Patient, breast: BreastPlan, truth: BreastTruth
) -> tuple[Lesion, ...]:
    """Place a breast's lesions as the phantom's writer does."""
    plans = (plan_view(settings, patient, breast, view, truth.retractions()) for view in VIEWS)
    tissues = tuple(grow_tissue(settings, patient, plan) for plan in plans)
    return place_lesions(settings, patient, truth, tissues).lesions


def placed(settings: PhantomSettings) -> Iterator[Placed]:
    for index in range(settings.exams):
        patient = draw_patient(settings, index)
        views = make_exam(settings, index).views
        for side, truth in enumerate(draw_truths(settings, patient)):
            own = {one.view: one for one in views if one.laterality is SIDES[side]}
            images = {view: image_of(one) for view, one in own.items()}
            lesions = true_lesions(settings, patient, patient.breasts[side], truth)
            for lesion in lesions if truth.lesions else ():
                seen = [
                    sight(images[view], finding.box)
                    for view in VIEWS
                    for finding in own[view].labels.findings
                    if finding.lesion_id == lesion.lesion_id and finding.box
                ]
                if lesion.look.kind not in ON_SKIN and len(seen) == 2:
                    assert seen[0] is not None
                    assert seen[1] is not None
                    yield Placed(SIDES[side], lesion, seen[0], seen[1])


def test_phantom_lesions_are_told_where_they_truly_are() -> None:
    found = list(placed(PhantomSettings(exams=8, seed=5, height=384, lesion_rate=1.0)))
    assert len(found) >= 10
    named = 0
    for one in found:
        told, lesion = locate(one.side, one.above, one.beside), one.lesion
        if told.quadrant.endswith("quadrant"):
            named += 1
            up = "upper" if lesion.superior > 0 else "lower"
            assert told.quadrant == f"{up} {'outer' if lesion.lateral > 0 else 'inner'} quadrant"
        if told.clock is not None:
            across = lesion.lateral if one.side is LEFT else -lesion.lateral
            hour = math.degrees(math.atan2(across, lesion.superior)) / 30
            assert abs((hour - told.clock + 6) % 12 - 6) <= 1.5
        assert told.from_nipple_mm == pytest.approx(lesion.depth, abs=5)
        assert abs(one.above.depth - one.beside.depth) < 0.1, "one place has one depth"
    assert named >= 3
