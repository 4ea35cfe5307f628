"""How sources went, from a file and back, and who speaks because of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.chat.evidence.contracts import EvidenceSource
from app.chat.evidence.trials import (
    FILE,
    Calibration,
    Domain,
    SourceTrial,
    Trials,
    read_trials,
    write_trials,
)
from tests.app.chat.tiny_models import score
from versamammo.errors import InputError
from versamammo.scoring.topic_scores import TopicScore
from versamammo.vocabulary import BY_NAME


def trial(source: EvidenceSource, topic: str, balanced: float, low: float = 0.6) -> SourceTrial:
    classes = (("one", 60), ("other", 60))
    made = TopicScore(topic, 120, classes, 40, balanced, low, 0.95, 0.5)
    return SourceTrial(Domain.PHANTOM, source, "phantoms", made)


def test_the_better_source_speaks(tmp_path: Path) -> None:
    trials = Trials(
        (trial(EvidenceSource.HEADS, "ACR", 0.7), trial(EvidenceSource.LANGUAGE, "ACR", 0.8))
    )
    source, told = trials.speaker(Domain.PHANTOM, BY_NAME["ACR"])
    assert source is EvidenceSource.LANGUAGE
    assert "class-balanced accuracy 80 %" in told


def test_where_places_can_be_marked_the_marks_alone_decide() -> None:
    marks = trial(EvidenceSource.MARKS, "Mass", 0.7)
    better = trial(EvidenceSource.LANGUAGE, "Mass", 0.9)
    assert (
        Trials((marks, better)).speaker(Domain.PHANTOM, BY_NAME["Mass"])[0] is EvidenceSource.MARKS
    )
    guessing = trial(EvidenceSource.MARKS, "Mass", 0.51, low=0.45)
    source, told = Trials((guessing, better)).speaker(Domain.PHANTOM, BY_NAME["Mass"])
    assert source is None, "else words would deny or assert what is marked"
    assert "not found better than guessing" in told


def test_twelve_questions_are_not_enough() -> None:
    few = TopicScore("ACR", 12, (("one", 6), ("other", 6)), 6, 1.0, 0.9, 1.0, 0.5)
    trials = Trials((SourceTrial(Domain.PHANTOM, EvidenceSource.HEADS, "phantoms", few),))
    source, told = trials.speaker(Domain.PHANTOM, BY_NAME["ACR"])
    assert source is None
    assert "tried on 12 questions; at least 100" in told


def test_of_several_sets_one_with_enough_of_each_answer_decides() -> None:
    one_class = TopicScore("Mass", 900, (("Yes", 900), ("No", 0)), 500, 0.9, 0.8, 1.0, 1.0)
    both = TopicScore("Mass", 130, (("Yes", 70), ("No", 60)), 70, 0.52, 0.44, 0.6, 0.5)
    trials = Trials(
        tuple(
            SourceTrial(Domain.REAL, EvidenceSource.MARKS, name, made)
            for name, made in (("films", one_class), ("digital", both))
        )
    )
    source, told = trials.speaker(Domain.REAL, BY_NAME["Mass"])
    assert source is None
    assert told.startswith("on digital it was not found better than guessing")


def test_a_set_of_one_answer_can_refute_what_another_showed() -> None:
    """Marks that tell masses of one archive, and overlook seven in eight of another."""
    good = TopicScore("Mass", 130, (("Yes", 70), ("No", 60)), 70, 0.7, 0.61, 0.78, 0.5)
    blind = TopicScore("Mass", 900, (("Yes", 900), ("No", 0)), 500, 0.13, 0.11, 0.15, 1.0)
    sees = TopicScore("Mass", 900, (("Yes", 900), ("No", 0)), 500, 0.8, 0.75, 0.85, 1.0)

    def spoken(*scores: TopicScore) -> tuple[EvidenceSource | None, str]:
        made = [
            SourceTrial(Domain.REAL, EvidenceSource.MARKS, f"set {n}", s)
            for n, s in enumerate(scores)
        ]
        return Trials(tuple(made)).speaker(Domain.REAL, BY_NAME["Mass"])

    assert spoken(good, sees)[0] is EvidenceSource.MARKS
    assert spoken(sees)[0] is None, "it may say yes to everything"
    source, told = spoken(good, blind)
    assert source is None
    assert told.startswith("on set 1 it was right in 13 % [11, 15] of 900 questions")


def test_a_model_tried_on_real_pictures_is_judged_by_them_alone() -> None:
    phantom = trial(EvidenceSource.HEADS, "ACR", 0.9)
    assert Trials((phantom,)).speaker(Domain.REAL, BY_NAME["ACR"])[0] is EvidenceSource.HEADS
    real = SourceTrial(
        Domain.REAL, EvidenceSource.HEADS, "films", trial(EvidenceSource.HEADS, "Mass", 0.9).score
    )
    both = Trials((phantom, real))
    assert both.speaker(Domain.REAL, BY_NAME["ACR"]) == (None, "this model was never tried at it")
    assert both.speaker(Domain.PHANTOM, BY_NAME["ACR"])[0] is EvidenceSource.HEADS


def test_a_file_brings_everything_back(tmp_path: Path) -> None:
    made = Trials(
        (trial(EvidenceSource.HEADS, "ACR", 0.7), trial(EvidenceSource.MARKS, "Mass", 0.8)),
        {(EvidenceSource.MARKS, "Mass"): Calibration(1.5, -0.25)},
    )
    write_trials(tmp_path, made)
    assert read_trials(tmp_path) == made
    assert read_trials(tmp_path / "absent") == Trials()
    again = made.with_trials([trial(EvidenceSource.HEADS, "ACR", 0.9)])
    assert len(again.trials) == 2, "a new trial on the same data replaces the old one"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": 2}, "version"),
        ({"trials": {}}, "trials"),
        ({"more": 1}, "version"),
        ({"calibrations": [{"source": "marked places", "topic": "Mass", "slope": 0, "shift": 0}]},
         "slope"),
        ({"calibrations": [{"source": "nobody", "topic": "Mass", "slope": 1, "shift": 0}]},
         "nobody"),
        ({"calibrations": [{"source": "marked places", "topic": "Bone", "slope": 1, "shift": 0}]},
         "vocabulary"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, change: dict, named: str) -> None:
    write_trials(tmp_path, Trials((trial(EvidenceSource.HEADS, "ACR", 0.7),)))
    record = json.loads((tmp_path / FILE).read_text()) | change
    (tmp_path / FILE).write_text(json.dumps(record))
    with pytest.raises(InputError) as caught:
        read_trials(tmp_path)
    assert FILE in str(caught.value)
    assert named in str(caught.value)


def test_a_calibrated_score_and_its_probability_lead_to_each_other() -> None:
    one = Calibration(0.7, -1.3)
    for chance in (0.05, 0.5, 0.93):
        assert one.probability(one.score(chance)) == pytest.approx(chance)
    assert one.probability(one.score(0.5) * 1.0001) > 0.5


def test_scores_used_here_are_of_the_same_shape_as_training_writes() -> None:
    assert score("ACR").above_chance
