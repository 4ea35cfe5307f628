from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.chat.evidence.contracts import Card, EvidenceSource
from app.chat.evidence.deciding import of_several
from app.chat.evidence.encoder_findings import Seeing, overlap
from app.chat.evidence.exam import Exam
from app.chat.evidence.examining import Examiner
from app.chat.evidence.queueing import OneAtATime
from app.chat.evidence.trials import Calibration, Domain, SourceTrial, Trials
from tests.app.chat.tiny_models import score, tiny_encoder
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box
from versamammo.vocabulary import YES

CARD = Card("Tiny", "0", "nothing")
LOW = Calibration(1.0, 10.0)  # an untrained head is lukewarm: everything above nothing is marked
KNOWN = tuple(
    SourceTrial(Domain.PHANTOM, source, "phantoms", score(topic))
    for source, topic in (
        (EvidenceSource.MARKS, "Mass"), (EvidenceSource.HEADS, "ACR"),
        (EvidenceSource.HEADS, "Bi-Rads"), (EvidenceSource.HEADS, "View"),
    )
)  # fmt: skip


def examiner(trials: Trials) -> Examiner:
    return Examiner(CARD, trials, Seeing(tiny_encoder(), OneAtATime()), None)


def test_each_picture_gets_verdicts_a_heat_map_and_few_places(exam: Exam) -> None:
    found = examiner(Trials(KNOWN, {(EvidenceSource.MARKS, "Mass"): LOW})).find(exam)
    assert found.topics == ("View", "ACR", "Bi-Rads", "Mass")
    assert all(sum(one.probabilities.values()) == pytest.approx(1) for one in found.verdicts)
    assert [heat.image for heat in found.heat] == [0, 1, 2, 3]
    assert {region.image for region in found.regions} == {0, 1, 2, 3}
    assert all(region.topic == "Mass" for region in found.regions), "others were never tried"
    assert found.silent["Calcification"] == "this model was never tried at it"
    assert found.tried["Mass"].startswith("tried on 120 questions")
    for heat in found.heat:
        assert max(heat.values.shape) <= 256
        assert 0 <= heat.values.min() <= heat.values.max() <= 1


def test_a_finding_is_said_to_be_there_if_and_only_if_it_is_marked(exam: Exam) -> None:
    for shift in (-10.0, 0.0, 2.0, 5.0, 10.0):
        calibrations = {(EvidenceSource.MARKS, "Mass"): Calibration(1.0, shift)}
        found = examiner(Trials(KNOWN, calibrations)).find(exam)
        for number in range(4):
            verdict = found.verdict("Mass", number)
            assert verdict is not None
            own = tuple(one for one in found.regions if one.image == number)
            assert verdict.regions == own
            assert (verdict.value == YES) is bool(own)
            if own:
                highest = max(one.score for one in own)
                assert highest == pytest.approx(verdict.probabilities[YES])


def test_what_no_source_was_found_to_know_is_neither_said_nor_marked(exam: Exam) -> None:
    guessed = SourceTrial(Domain.PHANTOM, EvidenceSource.MARKS, "phantoms", score("Mass", low=0.49))
    found = examiner(Trials((guessed,), {(EvidenceSource.MARKS, "Mass"): LOW})).find(exam)
    assert found.regions == ()
    assert found.verdicts == ()
    assert found.silent["Mass"].startswith("on phantoms it was not found better")


def test_real_pictures_are_judged_by_trials_on_real_pictures_where_there_are_any(
    exam: Exam,
) -> None:
    real = replace(exam, phantom=False)
    trials = Trials(KNOWN, {(EvidenceSource.MARKS, "Mass"): LOW})
    assert "Mass" in examiner(trials).find(real).topics, "nothing else is known of it"
    guessed = SourceTrial(Domain.REAL, EvidenceSource.MARKS, "real films", score("Mass", low=0.49))
    both = trials.with_trials([guessed])
    judged = examiner(both).find(real)
    assert judged.topics == ()
    assert judged.heat == (), "nor is shown as heat what is not judged"
    assert "Mass" in examiner(both).find(exam).topics


def test_a_picture_that_cannot_be_looked_at_does_not_keep_the_others(exam: Exam) -> None:
    blank = exam.images[1].with_levels(np.zeros_like(exam.images[1].levels))
    spoiled = replace(exam, images=(exam.images[0], blank))
    found = examiner(Trials(KNOWN)).find(spoiled)
    assert {one.images for one in found.verdicts} == {(0,)}
    assert found.failed[0].startswith("L CC: ")


def test_an_encoder_without_heads_cannot_look() -> None:
    encoder = tiny_encoder()
    encoder.heads = None
    with pytest.raises(InputError, match="no heads"):
        Seeing(encoder, OneAtATime())


def test_an_exam_has_the_mean_density_and_the_more_suspicious_breast(exam: Exam) -> None:
    found = examiner(Trials(KNOWN)).find(exam)
    density = of_several(exam, found, "ACR", range(4))
    assert density is not None
    own = [found.verdict("ACR", number) for number in range(4)]
    mean = sum(one.probabilities["Level A"] for one in own if one is not None) / 4
    assert density.probabilities["Level A"] == pytest.approx(mean)
    assert density.how == "mean of 4 pictures"
    birads = of_several(exam, found, "Bi-Rads", range(4))
    assert birads is not None
    assert birads.how in ("right breast, mean of 2 pictures", "left breast, mean of 2 pictures")


def test_overlap_is_shared_area_over_all_area() -> None:
    assert overlap(Box(0, 0, 2, 2), Box(1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap(Box(0, 0, 1, 1), Box(5, 5, 6, 6)) == 0
