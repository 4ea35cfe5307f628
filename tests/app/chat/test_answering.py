"""Answers put together from a hand-made judge's weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from app.chat.answering import Answering
from app.chat.contracts import Answer, Attribute, Card, Findings, Region
from app.chat.exam import Exam
from app.chat.facts import PHANTOMS_ONLY
from app.chat.judging import HeadsJudge
from app.chat.regions import in_words
from app.chat.understanding import KINDS
from versamammo.mammogram import Box
from vlm.prompts import Turn as Said

BOX = Box(450, 300, 500, 360)


@dataclass
class Made:
    """Weighs as it is told: by topic, or by (topic, picture)."""

    weights: Mapping[object, Mapping[str, float]]
    topics: tuple[str, ...] = ("Mass", "ACR", "Bi-Rads", "Pathology")
    free: str | None = None
    phantoms_only: bool = False
    heads: tuple[str, ...] = ()
    told: str = ""
    asked: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    @property
    def card(self) -> Card:
        return Card("Made", "1", "by hand", phantoms_only=self.phantoms_only)

    def knows(self, topic: str) -> bool:
        return topic in self.topics

    def doubt(self, topic: str) -> str:
        return "" if self.knows(topic) else "the model was not trained to tell"

    def tried(self, topic: str) -> str:
        return self.told

    def by_heads(self, topic: str) -> bool:
        return topic in self.heads

    def weigh(
        self, exam: Exam, images: Sequence[int], topic: str, seen: Findings | None
    ) -> dict[str, float]:
        self.asked.append((topic, tuple(images)))
        return dict(self.weights.get((topic, images[0]), self.weights.get(topic, {})))

    def places(self, exam: Exam, image: int, kind: str, seen: Findings | None) -> tuple[Box, ...]:
        return (BOX,)

    def describe(self, exam: Exam, image: int) -> Iterator[str]:
        yield "Composition:"
        yield f"Composition: ACR {image}."

    def talk(self, exam: Exam, question: str, before: Sequence[Said]) -> Iterator[str] | None:
        return None if self.free is None else iter([self.free])


def finished(
    judge: Made | HeadsJudge, exam: Exam, question: str, seen: Findings | None = None
) -> Answer:
    *_, last = Answering(judge).answer(exam, question, (), seen)
    return last


NO = {"Yes": 0.1, "No": 0.9}


def test_a_mass_in_one_view_is_named_with_view_place_and_confidence(exam: Exam) -> None:
    judge = Made({"Mass": NO, ("Mass", 0): {"Yes": 0.8, "No": 0.2}})
    said = finished(judge, exam, "Is there a mass?")
    assert said.text.startswith("Mass: R CC yes (0.80); L CC no (0.90)")
    assert said.confidence == pytest.approx(0.8)
    one, *looked_at = said.evidence
    assert [evidence.image for evidence in looked_at] == [0, 1, 2, 3]
    assert (one.image, one.box) == (0, BOX)
    assert one.where == in_words(exam.images[0], BOX) == "lower third, near the chest wall"


def test_all_no_is_as_sure_as_its_least_sure_picture(exam: Exam) -> None:
    judge = Made({"Mass": NO, ("Mass", 2): {"Yes": 0.3, "No": 0.7}})
    said = finished(judge, exam, "Is there a mass?")
    assert said.confidence == pytest.approx(0.7)
    assert all(evidence.box is None for evidence in said.evidence)


def test_findings_that_are_in_no_picture_share_a_line(exam: Exam) -> None:
    kinds = tuple(KINDS)
    weights = {kind: NO for kind in kinds} | {("Asymmetry", 3): {"Yes": 0.999, "No": 0.001}}
    said = finished(Made(weights, kinds), exam, "Is anything suspicious?")
    assert said.text == (
        "Asymmetry: R CC no (0.90); L CC no (0.90); R MLO no (0.90); L MLO yes (>0.99).\n"
        "In no picture: mass (0.90), calcification (0.90), architectural distortion (0.90), "
        "skin thickening (0.90), skin retraction (0.90), nipple retraction (0.90), "
        "suspicious lymph node (0.90)."
    )


def test_nothing_suspicious_is_not_said_of_what_nobody_looked_for(exam: Exam) -> None:
    said = finished(Made({"Mass": NO}, ("Mass",)), exam, "Is anything suspicious?")
    assert "Not judged, which does not mean not there: calcification, asymmetry" in said.text
    assert said.confidence is None


def test_an_undecided_picture_is_not_called_either_way(exam: Exam) -> None:
    said = finished(Made({"Mass": {"Yes": 0.55, "No": 0.45}}), exam, "A mass on the left?")
    assert said.text == "Mass: L CC not sure (yes 0.55); L MLO not sure (yes 0.55)."
    assert said.confidence is None


def test_a_no_beside_something_undecided_has_no_confidence(exam: Exam) -> None:
    weights = {"Mass": NO, ("Mass", 1): {"Yes": 0.5, "No": 0.5}}
    assert finished(Made(weights), exam, "Is there a mass?").confidence is None


def test_density_is_asked_of_the_exam_as_a_whole(exam: Exam) -> None:
    weights = {"Level A": 0.05, "Level B": 0.65, "Level C": 0.25, "Level D": 0.05}
    judge = Made({"ACR": weights})
    said = finished(judge, exam, "How dense is the breast?")
    assert judge.asked == [("ACR", (0, 1, 2, 3))]
    assert said.text == "ACR density: B (0.65); also possible: C 0.25."
    assert {evidence.image for evidence in said.evidence} == {0, 1, 2, 3}


def test_no_option_is_chosen_that_is_not_likely(exam: Exam) -> None:
    weights = {"Level A": 0.1, "Level B": 0.4, "Level C": 0.4, "Level D": 0.1}
    said = finished(Made({"ACR": weights}), exam, "How dense is the breast?")
    assert said.text.startswith("ACR density: not sure; B 0.40, C 0.40")
    assert said.confidence is None


@pytest.mark.parametrize(
    "question",
    ["Is there an asymmetry?", "What is the masking potential?", "Should she have a biopsy?",
     "What does BI-RADS 4 mean?", "Tell me a joke", "Is the cancer invasive?"],
)  # fmt: skip
def test_what_was_not_trained_is_not_answered(exam: Exam, question: str) -> None:
    said = finished(Made({}), exam, question)
    assert "not trained" in said.text
    assert said.confidence is None
    assert said.evidence == ()


def test_a_model_of_language_may_speak_freely_with_a_note(exam: Exam) -> None:
    said = finished(Made({}, free="A category."), exam, "What does BI-RADS 4 mean?")
    assert said.text == "A category."
    assert "not trained for such questions" in said.notes[0]


def test_sides_and_sizes_come_from_tags_and_not_from_the_model(exam: Exam) -> None:
    judge = Made({"View": {"CC": 1.0}}, topics=("View", "Laterality"))
    said = finished(judge, exam, "Which side and view is each picture?")
    assert judge.asked == []
    assert said.speaker is not None
    assert not said.speaker.is_model


def test_a_phantom_model_says_that_it_never_saw_a_patient(exam: Exam) -> None:
    judge = Made({"Mass": NO}, phantoms_only=True)
    assert exam.phantom
    assert finished(judge, exam, "Is there a mass?").notes == ()
    real = replace(exam, phantom=False)
    assert PHANTOMS_ONLY in finished(judge, real, "Is there a mass?").notes


def test_an_encoder_that_contradicts_is_quoted(exam: Exam) -> None:
    seen = Findings((Attribute("mass", {"no": 0.1, "yes": 0.9}, 1),))
    said = finished(Made({"Mass": NO}), exam, "Is there a mass?", seen)
    assert said.notes == ("L CC, mass: the encoder says yes (0.90)",)


def test_a_place_that_is_marked_is_told_whatever_the_answer_says(exam: Exam) -> None:
    regions = (Region(1, BOX, "mass", 0.9), Region(2, BOX, "mass", 0.3))
    said = finished(Made({"Mass": NO}), exam, "Is there a mass?", Findings((), regions))
    where = in_words(exam.images[1], BOX)
    assert said.text.splitlines()[-1] == (
        f"Marked on the heat map all the same: mass, {exam.names[1]}, {where} (0.90)."
    )
    assert [one.box for one in said.evidence if one.word == "mass"] == [BOX]

    unmarked = finished(Made({"Mass": NO}), exam, "Is there a mass?", Findings((), regions[1:]))
    assert "Marked" not in unmarked.text


def test_an_encoder_that_would_choose_otherwise_is_quoted(exam: Exam) -> None:
    seen = Findings(
        tuple(Attribute("density", {"A": 0.1, "B": 0.1, "C": 0.8, "D": 0}, i) for i in range(4))
    )
    judge = Made({"ACR": {"Level B": 0.6, "Level C": 0.4}})
    said = finished(judge, exam, "How dense is the breast?", seen)
    assert said.notes == ("R CC, L CC, R MLO, L MLO: the encoder says C (0.80)",)
    agreed = Made({"ACR": {"Level B": 0.4, "Level C": 0.6}})
    assert finished(agreed, exam, "How dense is the breast?", seen).notes == ()
    unsure = Made({"ACR": {"Level A": 0.3, "Level B": 0.3, "Level C": 0.4}})
    assert len(finished(unsure, exam, "How dense is the breast?", seen).notes) == 1


def test_what_only_the_heads_know_is_said_to_be_theirs(exam: Exam) -> None:
    judge = Made({"Mass": NO}, heads=("Mass",))
    assert finished(judge, exam, "Is there a mass?").notes == (
        "mass: by the encoder's heads, since the language model does not tell",
    )


def test_an_answer_says_how_such_questions_went(exam: Exam) -> None:
    judge = Made({"Mass": NO, "ACR": {"Level A": 0.9, "Level B": 0.1}}, told="9 of 10")
    assert finished(judge, exam, "Is there a mass?").notes == ("9 of 10",)
    assert finished(judge, exam, "How dense is the breast?").notes == ("9 of 10",)


def test_reports_are_written_picture_by_picture(exam: Exam) -> None:
    judge = Made({}, topics=("Report",))
    pieces = list(Answering(judge).answer(exam, "Describe the right breast.", (), None))
    assert pieces[0].text == "R CC: Composition:"
    assert pieces[-1].text == "R CC: Composition: ACR 0.\nR MLO: Composition: ACR 2."


def test_pictures_that_are_not_there_are_not_spoken_of(exam: Exam) -> None:
    said = finished(Made({"Mass": NO}), exam, "Is there a mass in picture 7?")
    assert said.text.startswith("There is no such picture here. These are: R CC")


def test_every_suggested_question_is_answered(exam: Exam) -> None:
    weights = {"Mass": NO, "ACR": {"Level A": 0.9, "Level B": 0.1}, "Bi-Rads": {"Bi-Rads 2": 1.0}}
    answering = Answering(Made(weights))
    for question in answering.suggested:
        *_, said = answering.answer(exam, question, (), None)
        assert "not trained" not in said.text
        assert "not judged" not in said.text.replace("not judged without", "")


def test_heads_alone_answer_what_they_have_a_head_for(exam: Exam) -> None:
    attributes = tuple(
        Attribute("mass", {"no": 0.2, "yes": 0.8} if i == 1 else {"no": 0.9, "yes": 0.1}, i)
        for i in range(4)
    )
    seen = Findings((*attributes, Attribute("density", {"A": 0.9, "B": 0.1}, 0)),
                    (Region(1, BOX, "mass", 0.9),))  # fmt: skip
    judge = HeadsJudge(Card("Heads", "1", "by hand"), {"mass": 0.9, "density": None})
    said = finished(judge, exam, "Is there a mass?", seen)
    assert "L CC yes (0.80)" in said.text
    assert said.evidence[0].box == BOX
    assert finished(judge, exam, "How dense?", seen).text.startswith("ACR density: A (0.90)")
    assert "not trained" in finished(judge, exam, "Are there calcifications?", seen).text


def test_heads_that_only_guess_are_not_heard(exam: Exam) -> None:
    heads = {"mass": 0.51, "calcification": math.nan, "density": 0.85}
    seen = Findings(
        tuple(
            Attribute(name, {"no": 0.1, "yes": 0.9}, i, auroc=figure)
            for name, figure in heads.items()
            for i in range(4)
        )
    )
    judge = HeadsJudge(Card("Heads", "1", "by hand"), heads)
    said = finished(judge, exam, "Is there a mass or a calcification?", seen).text
    assert "Mass: not answered; on patients not learned from, the model was not found" in said
    assert "(AUC 0.51)" in said
    assert "(could not be tested)" in said
    # neither does such a head contradict a language model
    assert finished(Made({"Mass": NO}), exam, "Is there a mass?", seen).notes == ()
