"""Answers in the form that is asked for: a table, so many words at most."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from app.chat.conversation.answering import Answering
from app.chat.conversation.asked_form import most_words, without_limit
from app.chat.conversation.intent import understand
from app.chat.conversation.one_line import one_line
from app.chat.conversation.subjects import Subject
from app.chat.evidence.contracts import ChatTurn
from app.chat.evidence.exam import Exam
from app.chat.evidence.trials import Trials
from tests.app.chat.test_answering import CARD, finished, masses
from tests.app.chat.test_stated_reading import suspected


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ("findings in 20 words", 20),
        ("exactly twelve words please", 12),
        ("under 280 characters", 40),
        ("ten words max", 10),
        ("what do these two words mean", 0),
        ("how many words are there", 0),
        ("it has 5 cm", 0),
    ],
)
def test_how_many_words_an_answer_may_have_is_read(words: str, most: int) -> None:
    assert most_words(words) == most


def test_the_limit_is_none_of_what_is_asked_for(exam: Exam) -> None:
    assert without_limit("What's the density, ten words max?") == "What's the density?"
    assert without_limit("in 12 words") == "in 12 words"
    assert understand("findings, max 25 words please", exam).subject is Subject.FINDINGS
    density = understand("what's the density, ten words max", exam)
    assert (density.subject, density.topics) == (Subject.TOPIC, ("ACR",))


def test_a_table_is_one_of_answers_and_none_that_a_patient_lies_on(exam: Exam) -> None:
    assert understand("Give me the findings as a table", exam).table
    assert understand("sizes in a table please", exam).table
    assert not understand("Where is it once she is supine on my table?", exam).table


def test_a_value_has_as_few_words_as_are_wanted(exam: Exam) -> None:
    said = finished(exam, "What's the density, ten words max?", masses(exam, 1)).text
    assert re.fullmatch(r"[A-D] \(0\.\d\d\)\.", said)


@pytest.mark.parametrize("most", [80, 60, 25, 12])
def test_an_answer_has_as_few_words_as_are_wanted(exam: Exam, most: int) -> None:
    said = finished(exam, f"Summarise the findings in at most {most} words", masses(exam, 1)).text
    assert len(said.split()) <= most
    assert "mass" in said.casefold()
    longer = one_line(exam, masses(exam, 1), exam.current)
    assert most > 60 or (len(said) <= len(longer) and said.endswith("no diagnosis."))


def test_a_table_has_a_row_for_each_picture_and_what_is_not_judged(exam: Exam) -> None:
    seen = masses(exam, 1)
    head, *rows = finished(exam, "Give me the findings as a table", seen).text.splitlines()
    columns = head.split(" | ")
    assert columns[0] == "view"
    assert "Mass" in columns
    told = [row.split(" | ") for row in rows if not row.startswith("Not judged")]
    assert [row[0] for row in told] == list(exam.names)
    assert {len(row) for row in told} == {len(columns)}
    marked = columns.index("Mass")
    assert [row[marked].startswith("yes") for row in told] == [
        seen.verdict("Mass", i) is not None and seen.verdict("Mass", i).value == "Yes"  # type: ignore[union-attr]
        for i in exam.current
    ]
    assert rows[-1].startswith("Not judged")


def test_what_is_far_from_all_that_can_be_asked_is_not_answered_by_a_guess(exam: Exam) -> None:
    message = "There was surgery in 2019, does that fit with what you see?"
    asked = understand(message, exam)
    assert asked.subject is Subject.UNKNOWN
    assert len(asked.near) == 2
    said = finished(exam, message, masses(exam, 1)).text
    assert said.startswith("This was not understood")
    assert f"Nearest to it can be asked: {'; '.join(asked.near)}." in said


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Density, just the letter", r"[A-D] \(0\.\d\d\)\."),
        ("What is the density? Only the value please", r"[A-D] \(0\.\d\d\)\."),
    ],
)
def test_a_value_alone_is_told_where_no_more_is_wanted(
    exam: Exam, question: str, answer: str
) -> None:
    assert re.fullmatch(answer, finished(exam, question, masses(exam, 1)).text)


def test_the_form_of_a_follow_up_is_that_of_the_question_before(exam: Exam) -> None:
    seen = masses(exam, 1)
    report = finished(exam, "Write a report", seen)
    history = (ChatTurn("Write a report", report),)
    *_, said = Answering(CARD, Trials()).answer(exam, "now the same without jargon", history, seen)
    assert said.text != report.text
    assert "BI-RADS" not in said.text
    assert "radiologist has to look" in said.text


def test_a_text_is_told_whole_once_and_then_in_short(exam: Exam) -> None:
    seen = masses(exam, 1)
    answering = Answering(CARD, Trials())
    first = finished(exam, "Is the nipple in profile on both views?", seen)
    history = (ChatTurn("Is the nipple in profile on both views?", first),)
    *_, then = answering.answer(exam, "And is the breast well positioned?", history, seen)
    assert then.text == f"As said before: {first.text.split('. ')[0]}."


def test_exact_places_are_those_of_what_is_asked_for_and_told_once(exam: Exam) -> None:
    seen = masses(exam, 1)
    said = finished(exam, "Where exactly is the mass?", seen).text
    assert "mass" in said.splitlines()[0]
    assert sum("marked" in line and "mm" in line for line in said.splitlines()) == 1
    assert "pixels from the upper left" not in said


def test_what_one_picture_cannot_tell_of_two_is_said_first(exam: Exam) -> None:
    one = replace(exam, images=exam.images[:1])
    said = finished(one, "Is it seen in both views?", masses(one, 0)).text
    assert said.splitlines()[0] == f"Only one picture is here: {one.names[0]}."
    law = finished(exam, "Does that count as a dense breast by law?", masses(exam, 0)).text
    assert law.splitlines()[0] == "Density C and D count as dense, A and B do not."


def test_whether_it_is_cancer_is_told_in_plain_words_where_these_are_wanted(exam: Exam) -> None:
    said = finished(exam, "In normal words: is it malignant?", masses(exam, 1)).text
    assert said.endswith("a radiologist has to look at the pictures.")


def test_probabilities_are_told_in_percent_where_that_is_asked_for(exam: Exam) -> None:
    seen = masses(exam, 1)
    plain = finished(exam, "How sure are you about the density, in percent?", seen).text
    assert re.search(r"\(\d\d %\)", plain)
    assert not re.search(r"\(0\.\d\d\)", plain)
    assert "probabilities in percent" in plain


def test_a_place_alone_is_a_quadrant_or_half_and_its_condition(exam: Exam) -> None:
    said = finished(exam, "Which quadrant? one word", suspected(exam)).text
    assert re.search(r"(quadrant|half|region|third|nipple)", said)
    assert "if there is a lesion" in said
    assert "not judged" not in said.casefold()


def test_boxes_come_first_where_their_pixels_are_asked_for(exam: Exam) -> None:
    lines = finished(exam, "pixel coordinates of the box please", suspected(exam)).text.splitlines()
    assert lines[0].endswith(", in pixels from the upper left.")
    assert not any(line.startswith("Not judged") for line in lines)


def test_distances_are_told_in_pixels_where_no_millimetres_are_known(exam: Exam) -> None:
    images = tuple(replace(one, told=replace(one.told, spacing_mm=None)) for one in exam.images)
    unknown = replace(exam, images=images)
    said = finished(unknown, "How far from the nipple is it?", suspected(unknown)).text
    (line,) = [one for one in said.splitlines() if one.startswith("No distance in mm")]
    assert re.search(r"In pixels behind the nipple: R CC about \d+", line)
