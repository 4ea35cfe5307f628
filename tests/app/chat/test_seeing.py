from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.chat.contracts import Attribute, Card
from app.chat.exam import Exam
from app.chat.queueing import OneAtATime
from app.chat.seeing import Seeing, of_exam, overlap
from tests.app.chat.tiny_models import tiny_encoder
from versamammo.errors import InputError
from versamammo.mammogram import Box

CARD = Card("Tiny", "0", "nothing")


def test_each_picture_gets_its_attributes_a_heat_map_and_few_places(exam: Exam) -> None:
    found = Seeing(tiny_encoder(), CARD, OneAtATime(), least=1e-6).find(exam)
    names = {one.name for one in found.attributes if one.image == 0}
    assert names == {"density", "birads", "view", "mass"}
    assert all(sum(one.probabilities.values()) == pytest.approx(1) for one in found.attributes)
    assert [heat.image for heat in found.heat] == [0, 1, 2, 3]
    for heat in found.heat:
        assert max(heat.values.shape) <= 256
        assert 0 <= heat.values.min() <= heat.values.max() <= 1
    # an untrained head is warm everywhere: one place, however many kinds
    assert [region.image for region in found.regions] == [0, 1, 2, 3]


def test_a_picture_that_cannot_be_looked_at_does_not_keep_the_others(exam: Exam) -> None:
    blank = replace(exam.images[1], levels=np.zeros_like(exam.images[1].levels))
    spoiled = replace(exam, images=(exam.images[0], blank))
    found = Seeing(tiny_encoder(), CARD, OneAtATime()).find(spoiled)
    assert {one.image for one in found.attributes if one.image is not None} == {0}
    assert found.failed[0].startswith("L CC: ")


def test_an_encoder_without_heads_cannot_look() -> None:
    encoder = tiny_encoder()
    encoder.heads = None
    with pytest.raises(InputError, match="no heads"):
        Seeing(encoder, CARD, OneAtATime())


def test_an_exam_has_the_mean_density_and_the_more_suspicious_breast(exam: Exam) -> None:
    def birads(image: int, five: float) -> Attribute:
        return Attribute("birads", {"1": 1 - five, "5": five}, image)

    density = [Attribute("density", {"A": share, "B": 1 - share}, i, "5")
               for i, share in enumerate((0.2, 0.4))]  # fmt: skip
    # the right breast, pictures 0 and 2, looks worse
    found = of_exam(exam, [*density, *(birads(i, f) for i, f in enumerate((0.8, 0.1, 0.6, 0.1)))])
    assert found[0].probabilities["A"] == pytest.approx(0.3)
    assert found[0].edition == "5"
    assert found[1].probabilities["5"] == pytest.approx(0.7)
    assert found[1].how == "right breast, mean of 2 pictures"


def test_overlap_is_shared_area_over_all_area() -> None:
    assert overlap(Box(0, 0, 2, 2), Box(1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap(Box(0, 0, 1, 1), Box(5, 5, 6, 6)) == 0
