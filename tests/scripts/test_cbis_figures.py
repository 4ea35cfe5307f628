"""The report on real films: boxes off a heat map, matched tissue, and views joined to breasts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from benchmark.metrics.bootstrap import cluster
from benchmark.metrics.counting import Confusion
from benchmark.samples import BoxesSample
from scripts.cbis_figures import table, thirds
from scripts.cbis_report.boxes import found_lesions, threshold_at
from scripts.cbis_report.figures import Figure, area, asked, difference
from scripts.cbis_report.logistic_probes import FilmAnswers, against, answer_figures
from scripts.cbis_report.patches import DEPTH, matched_patches, warmest
from scripts.cbis_report.whole_films import Told, both_views, joined_views, log_odds, malignancy
from versamammo.input.geometry import Crop
from versamammo.model.peaks import LARGEST, SMALLEST, overlap, peaks_in, widened

CROP = Crop((400, 240), (0, 0, 240, 400), False, (200, 120), (208, 128))


def bump(x: float, y: float, width: float, height: float) -> np.ndarray:
    """A smooth hill on the input whose half height is 1.18 widths from its peak."""
    rows, columns = np.mgrid[:208, :128]
    hill = height * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))
    hill[200:] = hill[:, 120:] = 0
    return hill.astype(np.float32)


def test_two_hills_that_touch_become_two_boxes_of_half_their_height() -> None:
    heat = np.maximum(bump(40, 60, 10, 0.8), bump(85, 90, 8, 0.3))
    # one threshold would join them
    assert (heat[60:91] > 0.02).any(axis=0)[40:86].all()

    first, second = peaks_in(heat, CROP, "mass")

    assert (first.score, second.score) == pytest.approx((0.8, 0.3))
    # the film is twice as large as the input
    for found, x, y, width in ((first, 40, 60, 10), (second, 85, 90, 8)):
        half = np.sqrt(2 * np.log(2)) * width
        expected = [2 * (x - half), 2 * (y - half), 2 * (x + half), 2 * (y + half)]
        assert found.box.as_tuple() == pytest.approx(expected, abs=3)


def test_a_plateau_is_one_box_and_a_spike_is_widened() -> None:
    heat = np.zeros((208, 128), np.float32)
    heat[50:90, 20:60] = 0.6
    heat[150, 100] = 0.4
    plateau, spike = peaks_in(heat, CROP, "mass")
    assert plateau.box.as_tuple() == (40, 100, 120, 180)
    x1, y1, x2, y2 = spike.box.as_tuple()
    assert (x2 - x1, y2 - y1) == (2 * SMALLEST, 2 * SMALLEST)
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == (201, 301)


def test_no_heat_is_no_box_and_a_box_stays_in_the_content() -> None:
    assert peaks_in(np.zeros((208, 128), np.float32), CROP, "mass") == []
    assert widened((0, 195, 2, 200), (200, 120)) == (0, 191.5, 7, 200)


def test_faint_heat_all_over_is_no_box_of_the_whole_breast() -> None:
    crop = Crop((500, 280), (0, 0, 280, 500), False, (500, 280), (512, 288))
    heat = np.zeros((512, 288), np.float32)
    heat[:500, :280] = 0.05
    found = peaks_in(heat, crop, "mass")
    sides = [(b.x2 - b.x1, b.y2 - b.y1) for b in (one.box for one in found)]
    assert sides
    assert np.max(sides) <= LARGEST


def test_overlap_is_intersection_over_union() -> None:
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 2, 2), (2, 0, 3, 2)) == 0


def boxes(name: str, truth: list, found: list, scores: list[float]) -> BoxesSample:
    return BoxesSample(
        name, name, size=(100, 100), truth=tuple(truth), truth_classes=(0,) * len(truth),
        boxes=tuple(found), classes=(0,) * len(found), scores=tuple(scores),
    )  # fmt: skip


def test_lesions_found_at_one_false_mark_per_film() -> None:
    lesion, away = (10, 10, 30, 30), (60, 60, 80, 80)
    samples = [
        boxes("a", [lesion], [lesion, away], [0.9, 0.8]),
        boxes("b", [lesion], [away, lesion, (80, 0, 90, 9)], [0.7, 0.5, 0.4]),
        boxes("c", [lesion], [(40, 40, 50, 50), lesion], [0.45, 0.3]),
    ]
    # four false marks: 0.8, 0.7, 0.45, 0.4; three are allowed
    threshold = threshold_at(samples, 1.0)
    assert threshold == 0.4
    assert found_lesions(samples, threshold) == [(0, 0, True), (1, 0, True), (2, 0, False)]


def test_tissue_has_the_size_and_depth_of_its_lesion_and_touches_none() -> None:
    levels = np.zeros((300, 150), np.uint16)
    levels[:, :120] = 30_000
    lesions = np.array([[30.4, 100.0, 60.0, 130.2]])
    other = np.array([[20.0, 200.0, 70.0, 240.0]])
    patches = matched_patches(levels, lesions, other, 3, "film")
    assert [one.lesion for one in patches] == [True] + [False] * (len(patches) - 1)
    assert len(patches) > 2
    assert patches[0].box == (30, 100, 60, 131)
    for one in patches[1:]:
        x1, y1, x2, y2 = one.box
        assert (x2 - x1, y2 - y1) == (30, 31)
        assert abs(x1 - 30) <= DEPTH * 120
        for a, b, c, d in (*lesions, *other):
            assert x2 <= a or x1 >= c or y2 <= b or y1 >= d


def test_a_lesion_without_room_beside_it_is_left_out() -> None:
    levels = np.full((100, 100), 30_000, np.uint16)
    assert matched_patches(levels, np.array([[0.0, 0, 80, 80]]), np.empty((0, 4)), 0, "x") == []


def test_the_warmest_pixel_of_a_patch_is_read_where_it_lies() -> None:
    levels = Crop((400, 240), (0, 0, 240, 400), False, (400, 240), (400, 240))
    heat = np.zeros((208, 128), np.float32)
    heat[70, 30] = 0.5
    assert warmest(heat, (50, 130, 70, 150), levels, CROP) == 0.5
    assert warmest(heat, (62, 130, 80, 150), levels, CROP) == 0
    assert warmest(heat, (60, 140, 61, 141), levels, CROP) == 0.5


def test_log_odds_of_a_breast_are_the_mean_of_its_views() -> None:
    names, means, films = joined_views(np.array([1.0, 5.0, 3.0]), ["p L", "q R", "p L"])
    assert names == ["p L", "q R"]
    assert means.tolist() == [2, 5]
    assert films.tolist() == [2, 1]
    assert log_odds(np.array([0.5, 1.0])) == pytest.approx([0, np.log(1e6)], abs=1e-4)


def test_malignancy_is_asked_among_benign_and_malignant_alone() -> None:
    assert malignancy(np.array([[0.5, 0.1, 0.4], [0.0, 1.0, 0.0]])) == pytest.approx([0.8, 0])


def test_both_views_are_compared_on_the_same_breasts() -> None:
    breasts = ["a L", "a L", "b R", "c L", "c L", "d L", "d L"]
    films = Told(
        [one[0] for one in breasts],
        {"pathology": np.array([2, 2, 2, 1, 1, 1, 2])},
        np.ones(7, bool),
        breasts,
    )
    chance = np.array([0.9, 0.4, 0.1, 0.5, 0.2, 0.6, 0.7])
    together, apart, every = both_views(films, chance)
    assert together.truth.tolist() == [1, 0, 1]
    assert together.said == pytest.approx([(log_odds(chance[:2])).mean(), *[
        log_odds(chance[pair]).mean() for pair in ([3, 4], [5, 6])
    ]])  # fmt: skip
    assert apart.said.tolist() == [0.9, 0.4, 0.5, 0.2, 0.6, 0.7]
    assert apart.clusters.of.tolist() == [0, 0, 1, 1, 2, 2]
    assert every.truth.tolist() == [1, 1, 0, 1]


def test_areas_and_their_differences_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(2, size=80)
    patients = [str(n // 2) for n in range(80)]
    good, poor = truth + random.normal(0, 0.7, 80), random.normal(size=80)
    first, second = (asked(said, truth, patients) for said in (good, poor))
    one = area("x", first)
    assert one.value == pytest.approx(roc_auc_score(truth, good))
    assert one.low < one.value < one.high
    assert (one.n, one.patients) == (80, 40)
    apart = difference("x", first, second)
    assert apart.value == pytest.approx(one.value - roc_auc_score(truth, poor))
    assert apart.p is not None
    assert (apart.p < 0.05) == (apart.low > 0)
    assert difference("x", first, first).p == 1


def test_linear_kappa_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    truth, said = random.integers(4, size=(2, 60))
    clusters = cluster([str(n) for n in range(60)])
    found = Confusion(truth, said, 4, clusters).linear_kappa(np.ones((60, 1)))
    assert found[0, 0] == pytest.approx(cohen_kappa_score(truth, said, weights="linear"))


def test_thirds_and_tables() -> None:
    assert thirds(np.arange(9.0)).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    plain = table([Figure("a", 0.5, 0.4, 0.6, 10, 5)]).splitlines()
    tested = table([Figure("a", 0.5, 0.4, 0.6, 10, 5, 0.01)]).splitlines()
    assert plain[2] == "| a | 0.500 | 0.400 to 0.600 | 10 | 5 |  |"
    assert "| 0.01 | 10 |" in tested[2]
    for lines in (plain, tested):
        assert len({line.count("|") for line in lines}) == 1


def test_networks_are_compared_in_what_both_were_taught() -> None:
    n = 40
    malignant = np.arange(n) // 2 % 2
    films = Told(
        [f"p{row // 2}" for row in range(n)],
        {"pathology": 1 + malignant, "density": np.arange(n) % 4, "view": np.arange(n) % 2},
        np.ones(n, bool), [f"p{row // 2} L" for row in range(n)],
    )  # fmt: skip
    random = np.random.default_rng(0)
    chance = (malignant + random.normal(size=n)).astype(np.float32)
    own = FilmAnswers(chance, {"density": films.classes["density"], "view": films.classes["view"]})
    other = FilmAnswers(np.zeros(n, np.float32), {"density": np.zeros(n, np.int64)})
    told = {one.name: one for one in against(films, own, other)}
    assert list(told)[2:] == ["density: balanced accuracy"]
    assert told["density: balanced accuracy"].value == pytest.approx(0.75)
    apart = roc_auc_score(malignant, chance) - 0.5
    assert told["malignancy AUC, mass films"].value == pytest.approx(apart)
    assert "view: balanced accuracy" in {one.name for one in answer_figures(films, own)}
    assert not any(one.name.startswith("view") for one in answer_figures(films, other))
