"""What is written of an encoder's heads: areas, intervals over patients, and on how many."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pretrain.cards.student_card import student_card
from pretrain.settings.stage2_config import Stage2
from pretrain.student.validation import FIGURE, HeadPredictions
from versamammo.model.head_scores import HeadScore

ORIGIN = {"data": "0", "sources": ["phantom"], "images": 8, "command": ["stage2"]}


def told(seed: int = 0, patients: int = 40) -> HeadPredictions:
    """Densities of two images a patient, told with some noise; nobody is of class C."""
    random = np.random.default_rng(seed)
    truth = np.repeat(random.choice([0, 1, 3], patients), 2).astype(np.int64)
    given = np.eye(4)[truth] + random.random((2 * patients, 4)).round(1) * 1.5
    return HeadPredictions("density", truth, given, [f"p{n // 2}" for n in range(2 * patients)])


def test_areas_equal_scikit_learns_class_by_class() -> None:
    one = told()
    expected = [roc_auc_score(one.truth == kind, one.given[:, kind]) for kind in (0, 1, 3)]
    assert one.area() == pytest.approx(np.mean(expected))


def test_a_score_says_on_whom_it_was_measured() -> None:
    one = told()
    score = one.score()
    assert score.low is not None
    assert score.high is not None
    assert score.low < score.auroc < score.high
    assert (score.images, score.patients) == (80, 40)
    assert dict(score.classes or ()) == {
        name: int((one.truth == place).sum()) for place, name in enumerate("ABCD")
    }


def test_the_interval_is_that_of_the_patients_drawn() -> None:
    one = told(patients=20)
    score = one.score(resamples=100, seed=5)
    names = sorted(set(one.patients))
    drawn = np.random.default_rng(5).multinomial(20, [1 / 20] * 20, 100)
    areas = []
    for counts in drawn:
        weights = [dict(zip(names, counts, strict=True))[name] for name in one.patients]
        areas.append(
            np.mean([
                roc_auc_score(one.truth == kind, one.given[:, kind], sample_weight=weights)
                for kind in one.kinds
            ])
        )  # fmt: skip
    assert (score.low, score.high) == pytest.approx(tuple(np.percentile(areas, [2.5, 97.5])))


def test_of_one_patient_there_is_no_interval() -> None:
    one = told()
    alone = HeadPredictions("density", one.truth, one.given, ["p"] * len(one.truth)).score()
    assert (alone.low, alone.high, alone.patients) == (None, None, 1)


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (["cbis-ddsm"], None),
        (["phantom"], "knows nothing of patients"),
        (["cbis-ddsm", "phantom"], "Some of what it was trained on are phantoms"),
    ],
)
def test_the_card_tells_phantoms_apart(sources: list[str], said: str | None) -> None:
    text = student_card(Stage2(), 60, {**ORIGIN, "sources": sources}, {FIGURE: 0.8}, ())
    assert (said is None) == ("invented pictures" not in text)
    assert (said or "") in text


def test_the_card_shows_the_scores_with_their_n() -> None:
    scores = (
        HeadScore("mass", 0.8512, 0.8, 0.9, 400, 100, (("no", 300), ("yes", 100))),
        HeadScore("lesion", 0.979),
    )
    text = student_card(Stage2(), 60, ORIGIN, {FIGURE: 0.8, "val/std": 0.2}, scores)
    assert "\n| mass | 0.851 | 0.800 to 0.900 | 400 | 100 |\n| lesion | 0.979 |  |  |  |\n" in text
    assert "| spread of the features | 0.200 |" in text
