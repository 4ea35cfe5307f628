from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from versamammo.imaging.mammogram import Box, Laterality, View
from versamammo.phantoms import PhantomExam, PhantomSettings, PhantomView, make_exam
from versamammo.phantoms.anatomy import VIEWS, draw_patient, plan_view
from versamammo.phantoms.lesions import at_prior_exam, draw_truths
from versamammo.phantoms.phantom_picture import gland_threshold, strand_sum
from versamammo.phantoms.placing import place_lesions
from versamammo.phantoms.tissue import grow_tissue

MakeExam = Callable[[PhantomSettings, int], PhantomExam]
IndexWith = Callable[[PhantomSettings, str], int]


def truth_of(view: PhantomView) -> tuple[object, ...]:
    """Labels of a view without what depends on the raster."""
    unplaced = tuple(replace(f, box=None) for f in view.labels.findings)
    return str(view.laterality), str(view.view), repr(replace(view.labels, findings=unplaced))


def test_an_exam_is_the_same_whatever_was_made_before_it(ill: PhantomSettings) -> None:
    first = make_exam(ill, 3)
    make_exam(ill, 2)
    again = make_exam(replace(ill, exams=7), 3)
    assert len(first.views) == 4
    for one, other in zip(first.views, again.views, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert truth_of(one) == truth_of(other)


def test_an_exam_has_four_views_of_one_patient(exam: MakeExam, ill: PhantomSettings) -> None:
    made = exam(ill, 0)
    order = [(view.laterality, view.view) for view in made.views]
    assert order == [("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO")]
    assert made.patient_id.startswith("PHANTOM-")
    assert {view.labels.density for view in made.views} == {float(made.patient.density)}
    assert all(made.patient_id in view.file for view in made.views)


def test_pixels_are_brightness_and_use_its_range(exam: MakeExam, ill: PhantomSettings) -> None:
    views = exam(ill, 0).views
    assert len(views) == 4
    for view in views:
        assert view.pixels.dtype == np.float32
        assert 0 <= view.pixels.min() < 0.05
        assert 0.6 < view.pixels.max() <= 1


@pytest.mark.parametrize("vendor", ["A", "B", "C", "D"])
def test_the_chest_wall_lies_where_side_and_vendor_put_it(
    exam: MakeExam, ill: PhantomSettings, vendor: str
) -> None:
    index = next(k for k in range(99) if draw_patient(ill, k).machine.vendor.endswith(vendor))
    views = exam(ill, index).views
    assert len(views) == 4
    for view in views:
        columns = np.flatnonzero(view.breast.any(axis=0))
        left = columns[0] == 0
        assert left == ((view.laterality is Laterality.LEFT) != (vendor == "D"))


def test_both_breasts_of_a_patient_are_alike_but_not_equal(
    exam: MakeExam, ill: PhantomSettings
) -> None:
    healthy = replace(ill, lesion_rate=0.0)
    right, left = exam(healthy, 4).views[:2]
    mirrored = left.pixels[:, ::-1]
    assert np.abs(right.pixels - mirrored).mean() > 0.01
    overlap = (right.breast & left.breast[:, ::-1]).sum() / right.breast.sum()
    assert overlap > 0.85


@pytest.mark.parametrize(
    "word",
    ["irregular", "circumscribed", "vascular", "amorphous", "distortion", "focal asymmetry",
     "skin_thickening", "nipple_retraction", "skin_retraction", "lymph_node", "round"],
)  # fmt: skip
def test_boxes_bound_masks_and_lesions_lie_in_the_breast(
    exam: MakeExam, ill: PhantomSettings, index_with: IndexWith, word: str
) -> None:
    found = 0
    for view in exam(ill, index_with(ill, word)).views:
        assert len(view.masks) == len(view.labels.findings)
        for finding, mask in zip(view.labels.findings, view.masks, strict=True):
            rows, columns = np.nonzero(mask)
            bounds = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert finding.box is not None
            assert finding.box.as_tuple() == bounds
            assert not (mask & ~view.breast).any()
            assert 1 <= finding.subtlety <= 5
            found += word in (finding.kind, finding.shape, finding.margin, finding.morphology)
    assert found >= 1


def test_a_lesion_is_as_deep_in_one_view_as_in_the_other(
    exam: MakeExam, ill: PhantomSettings, index_with: IndexWith
) -> None:
    for word in ("circumscribed", "spiculated", "fine pleomorphic"):
        index = index_with(ill, word)
        depths: dict[str, list[float]] = {}
        patient = draw_patient(ill, index)
        truths = draw_truths(ill, patient)
        for view in exam(ill, index).views:
            breast = patient.breasts[int(view.laterality == "L")]
            pulls = truths[int(view.laterality == "L")].retractions()
            plan = plan_view(ill, patient, breast, view.view, pulls)
            for finding, mask in zip(view.labels.findings, view.masks, strict=True):
                if word in (finding.margin, finding.morphology):
                    middle = centroid_mm(mask, view) - plan.nipple
                    depth = float(middle @ np.array(plan.back))
                    depths.setdefault(str(finding.lesion_id), []).append(depth)
        assert depths, word
        for pair in depths.values():
            assert len(pair) == 2
            assert abs(pair[0] - pair[1]) < 10  # the rule readers use: within a centimetre


def centroid_mm(mask: NDArray[np.bool_], view: PhantomView) -> NDArray[np.float64]:
    """Middle of a mask, with the chest wall at the left."""
    if view.breast[:, -1].any():
        mask = mask[:, ::-1]
    rows, columns = np.nonzero(mask)
    return (np.array([columns.mean(), rows.mean()]) + 0.5) * view.spacing_mm


def test_the_same_exam_shows_the_same_anatomy_at_any_height(
    exam: MakeExam, ill: PhantomSettings
) -> None:
    small, large = (exam(replace(ill, height=height), 1) for height in (256, 768))
    assert len(small.views) == 4
    for low, high in zip(small.views, large.views, strict=True):
        assert truth_of(low) == truth_of(high)
        scale = low.spacing_mm / high.spacing_mm
        for one, other in zip(low.labels.findings, high.labels.findings, strict=True):
            assert one.box is not None
            assert other.box is not None
            np.testing.assert_allclose(
                np.array(other.box.as_tuple()) / scale, one.box.as_tuple(), atol=1.5
            )
        shrunk = cv2.resize(high.pixels, low.pixels.shape[::-1], interpolation=cv2.INTER_AREA)
        inside = low.breast
        assert np.corrcoef(shrunk[inside], low.pixels[inside])[0, 1] > 0.97
        share = cv2.resize(high.breast.astype(np.float32), low.breast.shape[::-1],
                           interpolation=cv2.INTER_AREA)  # fmt: skip
        assert np.abs(share - low.breast).mean() < 0.005


def test_the_planned_share_of_the_breast_is_gland(ill: PhantomSettings) -> None:
    patient = draw_patient(ill, 0)
    plan = plan_view(ill, patient, patient.breasts[0], View.MLO)
    tissue = grow_tissue(ill, patient, plan)
    strands = strand_sum(tissue, tissue.grid)
    score = tissue.score + np.float32(tissue.composition.strands) * strands
    breast = (tissue.depth > 0) & (tissue.muscle < 0.5)
    share = (score[breast] > gland_threshold(tissue, strands)).mean()
    assert share == pytest.approx(plan.gland_share, abs=0.001)


def test_denser_breasts_have_more_gland_and_are_brighter(exam: MakeExam) -> None:
    shares, brightness = [], []
    for density in range(4):
        prior = tuple(float(k == density) for k in range(4))
        settings = PhantomSettings(height=256, density_prior=prior, lesion_rate=0.0, seed=9)
        views = [view for index in range(3) for view in exam(settings, index).views]
        shares.append(np.mean([view.gland_share for view in views]))
        inside = [view.pixels[view.breast & ~view.muscle].mean() for view in views]
        brightness.append(np.mean(inside))
    assert shares == sorted(shares)
    assert brightness == sorted(brightness)


def test_at_the_prior_exam_lesions_are_smaller_or_not_there_and_labels_say_so(
    ill: PhantomSettings,
) -> None:
    gone = kept = 0
    for index in range(200):
        patient = draw_patient(ill, index)
        for side, now in enumerate(draw_truths(ill, patient)):
            before = at_prior_exam(ill, patient, now, side)
            sizes = {lesion.lesion_id: lesion.radius for lesion in now.lesions}
            for lesion in before.lesions:
                assert lesion.radius <= sizes[lesion.lesion_id] * (0.8 if lesion.malignant else 1)
            assert (before.pathology == 2) == any(k.malignant for k in before.lesions)
            assert (before.category == "1") == (not before.lesions)
            if now.pathology == 2:
                gone += before.pathology < 2
                kept += before.pathology == 2
    assert gone / (gone + kept) == pytest.approx(0.5, abs=0.12)


def test_a_growing_cancer_has_a_smaller_box_at_the_prior_exam(
    exam: MakeExam, ill: PhantomSettings
) -> None:
    settings = replace(ill, dates=2, height=256)
    index = next(
        k for k in range(99)
        for side, truth in enumerate(draw_truths(ill, draw_patient(ill, k)))
        if truth.pathology == 2 and truth.lesions[0].look.kind == "mass"
        and at_prior_exam(ill, draw_patient(ill, k), truth, side).pathology == 2
    )  # fmt: skip
    made = exam(settings, index)
    assert made.exam_dates[0] > made.exam_dates[1]
    compared = 0
    for now, before in zip(made.views[:4], made.views[4:], strict=True):
        assert now.labels.density == before.labels.density
        earlier = {finding.lesion_id: finding for finding in before.labels.findings}
        for finding in now.labels.findings:
            if finding.pathology == 1 and finding.kind == "mass":
                assert area(earlier[finding.lesion_id].box) < area(finding.box)
                compared += 1
    assert compared == 2


def area(box: Box | None) -> float:
    assert box is not None
    return box.width * box.height


def test_at_the_prior_exam_the_breast_is_the_same_lying_a_little_differently(
    exam: MakeExam, ill: PhantomSettings
) -> None:
    made = exam(replace(ill, dates=2, lesion_rate=0.0), 6)
    assert len(made.views) == 8
    for now, before in zip(made.views[:4], made.views[4:], strict=True):
        assert not np.array_equal(now.pixels, before.pixels)
        both = now.breast & before.breast
        assert both.sum() / now.breast.sum() > 0.9
        blurred = [cv2.GaussianBlur(v.pixels, (0, 0), 6)[both] for v in (now, before)]
        assert np.corrcoef(blurred[0], blurred[1])[0, 1] > 0.8


def test_lesions_are_placed_alike_at_any_height(ill: PhantomSettings) -> None:
    places = []
    for height in (200, 900):
        settings = replace(ill, height=height)
        patient = draw_patient(settings, 8)
        for breast, truth in zip(patient.breasts, draw_truths(settings, patient), strict=True):
            plans = (plan_view(settings, patient, breast, v, truth.retractions()) for v in VIEWS)
            tissues = tuple(grow_tissue(settings, patient, plan) for plan in plans)
            places.append(place_lesions(settings, patient, truth, tissues))
    assert repr(places[:2]) == repr(places[2:])
