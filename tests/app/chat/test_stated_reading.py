"""What a user says of the pictures is set beside the record, and a named place beside the marks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.chat.conversation.asked import KINDS
from app.chat.conversation.intent import understand
from app.chat.conversation.repeats import without_repeats
from app.chat.conversation.report_findings import MarkedPlace
from app.chat.conversation.stated_reading import ELSEWHERE, _is_there, stated_place
from app.chat.conversation.subjects import Subject
from app.chat.conversation.verdict_words import AS_BEFORE, NEITHER, NO_SIGNS, WHY_NOT
from app.chat.evidence.breast_location import Location
from app.chat.evidence.contracts import ChatTurn, EvidenceSource, Findings, StreamedAnswer, Verdict
from app.chat.evidence.exam import Exam
from tests.app.chat.made import density
from tests.app.chat.test_answering import finished, marked, masses
from versamammo.vocabulary import NOT_JUDGED

WHY = "every picture that it learnt from shows a lesion"


def suspected(exam: Exam, chance: float = 0.9) -> Findings:
    """A record of a model that knows no normal breast: likeliest places, density, pathology."""
    every = range(len(exam.images))
    graded = {"Normal": 0.0, "Benign": 1 - chance, "Malignant": chance}
    verdicts = [density(image) for image in every]
    verdicts += [
        Verdict("Pathology", (image,), "Malignant", graded, EvidenceSource.HEADS,
                condition="if there is a lesion")
        for image in every
    ]  # fmt: skip
    places = tuple(marked(exam, image) for image in every)
    silent = dict.fromkeys((*KINDS, "Bi-Rads"), WHY)
    return Findings(tuple(verdicts), silent, {"Pathology": "tried on 90"}, suspects=places)


@pytest.mark.parametrize(
    ("words", "ways", "hour", "third"),
    [
        ("a lump in the upper outer quadrant", ("upper", "outer"), None, ""),
        ("something in the luoq", None, None, ""),
        ("what about the uoq", ("upper", "outer"), None, ""),
        ("near 10 o'clock", (), 10, ""),
        ("the lower half", ("lower",), None, ""),
        ("at the top", ("upper",), None, ""),
        ("a retroareolar mass", (), None, "anterior third"),
        ("something near the pectoral muscle", (), None, "posterior third"),
        ("which quadrant is it in", None, None, ""),
        ("is it upper or lower", None, None, ""),
        ("why not one lower", None, None, ""),
        ("is the mark where my lump is, near the armpit", ("upper", "outer"), None, ""),
    ],
)
def test_a_place_that_is_named_is_told_from_one_that_is_asked_for(
    words: str, ways: tuple[str, ...] | None, hour: int | None, third: str
) -> None:
    place = stated_place(words)
    assert (None if place is None else place.ways) == ways
    assert (place.hour, place.third) == (hour, third) if place is not None else ways is None


def test_a_named_place_is_compared_with_the_marked_one(exam: Exam) -> None:
    seen = masses(exam, 1)
    told = finished(exam, "Is there a mass in the upper outer quadrant of the left breast?", seen)
    first, second, *_ = told.text.splitlines()
    assert first.startswith(
        "“upper outer quadrant”: a marked place lies elsewhere (left breast, in"
    )
    assert second == ELSEWHERE
    assert "Not taken into account" not in told.text


def test_a_mark_in_the_same_quadrant_need_not_be_near_the_armpit(exam: Exam) -> None:
    place = stated_place("it is near the armpit")
    assert place is not None
    assert place.about
    mark = MarkedPlace((), Location(quadrant="upper outer quadrant"))
    assert _is_there(place, mark, left=True) is None
    assert _is_there(place, replace(mark, location=Location(half="lower half")), left=True) is False


def test_a_place_that_is_doubted_by_name_is_compared(exam: Exam) -> None:
    words = "I doubt your mark, that is summation in the outer half"
    assert understand(words, exam).subject is Subject.AGREE


@pytest.mark.parametrize(
    ("hour", "said"),
    [
        (2, "the likeliest place lies elsewhere (left breast, in the inner half"),
        (4, "whether the marked place lies there cannot be told from these views (left"),
        (6, "the likeliest place lies there (left breast, in the lower half"),
        (9, "the likeliest place lies there (left breast, in the inner half"),
    ],
)
def test_an_hour_is_compared_as_far_as_views_that_show_no_one_place_tell(
    exam: Exam, hour: int, said: str
) -> None:
    told = finished(exam, f"Is there a mass at {hour} o'clock on the left?", suspected(exam)).text
    assert told.startswith(f"“{hour} o'clock”: {said}")


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("I think it is benign. Do you agree?", "“benign”: the record disagrees. Pathology: mal"),
        ("It looks malignant to me, do you agree?", "“malignant”: the record agrees."),
        ("My colleague says it is normal. Who is right?", "“normal”: that cannot be told, because"),
        ("The report says BI-RADS 4, is that right?", f"“BI-RADS 4”: not judged, because {WHY}."),
        ("I would call it density B. Do you agree?", "“density B”: the record agrees."),
        ("I would call it density D. Do you agree?", "“density D”: the record disagrees."),
    ],
)  # fmt: skip
def test_a_reading_is_agreed_with_as_far_as_the_record_holds_it(
    exam: Exam, question: str, begins: str
) -> None:
    asked = understand(question, exam)
    assert asked.subject is Subject.AGREE
    told = finished(exam, question, suspected(exam)).text
    assert told.startswith(begins)
    assert told.endswith("It can be mistaken; a radiologist has to look.")


def test_normal_or_not_is_answered_first_where_no_normal_was_ever_seen(exam: Exam) -> None:
    told = finished(exam, "Is it normal, yes or no?", suspected(exam)).text
    assert told.startswith(f"{NEITHER}{WHY}.")
    assert "Pathology: malignant (0.90), if there is a lesion" in told


def test_how_sure_tells_what_has_a_probability_and_what_has_none(exam: Exam) -> None:
    before = finished(exam, "Anything suspicious?", suspected(exam))
    history = [ChatTurn("Anything suspicious?", before)]
    told = finished(exam, "How sure are you?", suspected(exam), history=history).text
    assert told.startswith("Pathology: malignant (0.90), if there is a lesion")
    assert "That there is a lesion at all has no probability" in told
    why = finished(exam, "Why?", suspected(exam), history=history).text
    assert NO_SIGNS in why


def test_each_view_tells_its_own_score(exam: Exam) -> None:
    told = finished(exam, "Give me the raw score for each view", suspected(exam)).text
    for name in exam.names:
        assert f"{name}: Pathology: malignant (0.90)" in told


def test_what_is_not_judged_is_listed_once_in_a_conversation() -> None:
    listed = f"{NOT_JUDGED}: mass."
    text = f"It lies here.\n{listed}\n{WHY_NOT}{WHY}."
    again = StreamedAnswer(text)
    history = [ChatTurn("Anything?", StreamedAnswer(text))]
    assert without_repeats(again, history).text == f"It lies here.\n{AS_BEFORE}"
    assert without_repeats(again, []).text == text
    alone = replace(again, text=listed)
    assert without_repeats(alone, history) == alone


def test_one_sentence_is_one(exam: Exam) -> None:
    told = finished(exam, "Summarise the findings in one sentence", suspected(exam)).text
    assert "\n" not in told
    assert "Pathology malignant (0.90), if there is a lesion" in told
    assert told.startswith("Phantoms, nobody's breast; ")
    assert told.endswith("research software, no diagnosis.")
