from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from versamammo.phantoms import PhantomSettings, label_ceilings, rule
from versamammo.phantoms.anatomy import draw_patient
from versamammo.phantoms.appearances import APPEARANCES, CATEGORIES
from versamammo.phantoms.lesions import BreastTruth, draw_truths


@pytest.fixture(scope="module")
def truths() -> list[tuple[BreastTruth, BreastTruth]]:
    settings = PhantomSettings(seed=2)
    return [draw_truths(settings, draw_patient(settings, index)) for index in range(1500)]


def worst(pair: tuple[BreastTruth, BreastTruth]) -> BreastTruth:
    return max(pair, key=lambda truth: truth.pathology)


def test_lesions_and_cancers_are_as_frequent_as_stated(
    truths: list[tuple[BreastTruth, BreastTruth]],
) -> None:
    sick = [worst(pair) for pair in truths if any(truth.lesions for truth in pair)]
    assert len(sick) / len(truths) == pytest.approx(0.5, abs=0.04)
    cancers = [truth for truth in sick if truth.pathology == 2]
    assert len(cancers) / len(sick) == pytest.approx(0.4, abs=0.06)


def test_categories_follow_pathology_by_the_table(
    truths: list[tuple[BreastTruth, BreastTruth]],
) -> None:
    counts = Counter(truth.category for pair in truths for truth in pair if truth.pathology == 2)
    total = sum(counts.values())
    for category, share in zip(CATEGORIES, rule.CATEGORY_SHARES["malignant"], strict=True):
        assert counts[category] / total == pytest.approx(share, abs=0.07)


def test_a_benign_breast_has_no_malignant_lesion_and_a_cancer_has_one(
    truths: list[tuple[BreastTruth, BreastTruth]],
) -> None:
    breasts = [one for pair in truths for one in pair]
    assert {truth.pathology == 2 for truth in breasts} == {True, False}
    for truth in breasts:
        malignant = any(lesion.malignant for lesion in truth.lesions)
        assert malignant == (truth.pathology == 2)
        assert bool(truth.lesions) == (truth.category != "1")
        assert np.isnan(truth.subtype) == (truth.pathology != 2)


def test_suspicion_rises_with_the_category() -> None:
    joint = rule.pathology_given_category(PhantomSettings())
    risk = joint[:, 2] / joint.sum(axis=1)
    assert all(low <= high for low, high in pairwise(risk))
    assert risk[1] == 0
    assert risk[-1] > 0.95


def test_every_category_can_be_drawn_and_every_word_leads_to_one() -> None:
    assert {look.category for look in APPEARANCES} == set(CATEGORIES)
    words = [(look.kind, look.shape, look.margin, look.morphology, look.distribution)
             for look in APPEARANCES]  # fmt: skip
    assert len(set(words)) == len(words)


def test_a_misread_grade_is_a_neighbour() -> None:
    rng = np.random.default_rng(0)
    read = [rule.misread(rng, 5, 0.3, 1, 5) for _ in range(2000)]
    assert set(read) == {4, 5}
    assert read.count(4) / 2000 == pytest.approx(0.3, abs=0.04)


def test_without_noise_the_category_can_be_read_perfectly() -> None:
    ceilings = label_ceilings(PhantomSettings(label_noise=0.0))
    assert ceilings.birads.accuracy == pytest.approx(1)
    assert ceilings.birads.balanced_accuracy == pytest.approx(1)
    assert ceilings.pathology.accuracy < 1


def test_more_noise_lowers_the_ceiling() -> None:
    low, high = (label_ceilings(PhantomSettings(label_noise=noise)) for noise in (0.05, 0.3))
    assert high.birads.accuracy < low.birads.accuracy
    assert high.pathology == low.pathology


def test_no_reader_of_the_category_does_better_than_the_ceiling(
    truths: list[tuple[BreastTruth, BreastTruth]],
) -> None:
    breasts = [truth for pair in truths for truth in pair]
    ceiling = label_ceilings(PhantomSettings(seed=2)).pathology
    guess = {"1": 0, "2": 1, "3": 1, "4A": 1, "4B": 2, "4C": 2, "5": 2}
    right = [guess[truth.category] == truth.pathology for truth in breasts]
    assert np.mean(right) == pytest.approx(ceiling.accuracy, abs=0.012)
    recalls = [
        np.mean([hit for hit, truth in zip(right, breasts, strict=True) if truth.pathology == k])
        for k in range(3)
    ]
    assert np.mean(recalls) == pytest.approx(ceiling.balanced_accuracy, abs=0.03)


def test_density_ceiling_is_what_the_overlap_of_gland_shares_allows() -> None:
    settings = PhantomSettings(density_prior=(0.25, 0.25, 0.25, 0.25), seed=4)
    pairs = [(patient.density, patient.breasts[0].gland_share)
             for patient in (draw_patient(settings, k) for k in range(2000))]  # fmt: skip
    cuts = (0.105, 0.265, 0.495)
    right = np.mean([1 + int(np.searchsorted(cuts, share)) == density for density, share in pairs])
    assert right == pytest.approx(label_ceilings(settings).density.accuracy, abs=0.02)


def test_normal_exams_only_have_a_ceiling_of_one() -> None:
    settings = replace(PhantomSettings(), lesion_rate=0.0, label_noise=0.0)
    assert label_ceilings(settings).pathology.accuracy == pytest.approx(1)
