"""What is told in words for somebody who does not read mammograms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.chat.conversation.plain_summary import CAUTION, PHANTOMS, plain_summary
from app.chat.evidence.contracts import Findings, Region
from app.chat.evidence.exam import Exam
from tests.app.chat.made import density
from tests.app.chat.test_answering import BOX, finished, masses
from versamammo.vocabulary import BY_NAME, TOPICS, YES


@pytest.mark.parametrize(
    "question",
    [
        "Explain the result to my grandmother",
        "What does this show, in plain English?",
        "Summarise this in two sentences a patient could read",
        "tell me what is on it without jargon",
    ],
)
def test_a_summary_for_a_lay_reader_has_no_terms_of_the_trade(exam: Exam, question: str) -> None:
    said = finished(exam, question, masses(exam, 1)).text
    assert "he program thinks that the pictures show a lump (probability 0.80)" in said
    assert said.endswith(CAUTION)
    terms = ("BI-RADS", "asymmetry", "calcification", "heterogeneously", "distortion")
    assert not [term for term in terms if term in said]


def test_what_is_marked_is_told_with_its_place_and_what_is_not_there_as_not_found(
    exam: Exam,
) -> None:
    there = plain_summary(exam, masses(exam, 1), exam.current)
    assert f"of the left breast in the picture {exam.names[1]}" in there
    absent = plain_summary(exam, masses(exam), exam.current)
    assert "The program did not find a lump." in absent
    assert "It cannot judge whether the pictures show specks of calcium, " in absent
    unsure = plain_summary(exam, masses(exam, no=0.6), exam.current)
    assert "It is not sure whether the pictures show a lump." in unsure
    assert "did not find" not in unsure
    assert "probability" not in absent.split("\n")[0]


def test_where_no_finding_is_judged_the_likeliest_place_is_told_under_its_condition(
    exam: Exam,
) -> None:
    place = Region(0, BOX, "Mass", 0.4, "upper third")
    seen = Findings(silent={"Mass": "it never saw a healthy breast"}, suspects=(place,))
    told = plain_summary(exam, seen, exam.current)
    assert "cannot tell whether the pictures show a lump or any other change: it never saw" in told
    assert "If there is one, it is most likely here: upper third of the right breast" in told
    assert "How dense the tissue is was not judged" in told


def test_phantoms_are_called_so_and_real_pictures_are_not(exam: Exam) -> None:
    assert exam.phantom
    assert plain_summary(exam, masses(exam, 1), exam.current).startswith(PHANTOMS)
    real = replace(exam, phantom=False)
    assert PHANTOMS not in plain_summary(real, masses(real, 1), real.current)


def test_two_sentences_are_two(exam: Exam) -> None:
    told = plain_summary(exam, masses(exam, 1), exam.current, brief=True)
    assert "\n" not in told
    assert told.endswith(CAUTION)
    assert told.removesuffix(CAUTION).count(". ") == 1


def test_density_alone_is_explained(exam: Exam) -> None:
    seen = Findings(tuple(density(image) for image in exam.current))
    value = seen.verdicts[0].value
    assert value is not None
    told = plain_summary(exam, seen, exam.current, ("ACR",))
    assert dict(BY_NAME["ACR"].lay)[value] in told
    assert "lump" not in told
    asked = finished(exam, "Describe the density in plain words", seen)
    assert asked.text == told


def test_an_unsure_density_is_told_as_unsure(exam: Exam) -> None:
    seen = Findings(tuple(density(image, share=0.3) for image in exam.current))
    assert "not sure how dense" in plain_summary(exam, seen, exam.current, ("ACR",))


def test_every_finding_and_density_has_words_for_lay_readers() -> None:
    findings = [one for one in TOPICS if one.finding]
    assert len(findings) == 8
    assert all(dict(one.lay)[YES] for one in findings)
    assert set(dict(BY_NAME["ACR"].lay)) == set(BY_NAME["ACR"].options)


def test_a_report_asked_for_as_a_file_names_what_is_written(exam: Exam) -> None:
    seen = masses(exam, 1)
    told = finished(exam, "the report as json please", seen).text
    assert "“Take away” on the page writes" in told
    assert "Take away" not in finished(exam, "write a report", seen).text
