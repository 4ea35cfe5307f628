"""Earlier pictures beside the current ones: named so, and left out of what is said of the exam."""

from __future__ import annotations

import pytest

from app.chat.conversation.report import draft, findings_record
from app.chat.evidence.contracts import ChatTurn, Findings, StreamedAnswer
from app.chat.evidence.exam import PRIORS, Exam, gather
from app.chat.page.findings_panel import findings_html
from app.chat.page.notices import verdict_html
from tests.app.chat.made import density, mass
from tests.app.chat.test_answering import CARD, finished, marked
from versamammo.imaging.mammogram import Identifiers
from vlm.grounding import disagreements

NOW = ("R CC", "L CC", "R MLO", "L MLO")
BEFORE = tuple(f"{name} (prior)" for name in NOW)


@pytest.fixture
def followed(exam: Exam) -> Exam:
    """The four views, and the same of 335 days before."""
    made = [
        (image, Identifiers(patient_id="one", exam_id=day, exam_date=day))
        for day in ("2025-01-01", "2025-12-02")
        for image in exam.images
    ]
    return gather(made)


@pytest.fixture
def seen(followed: Exam) -> Findings:
    """A mass in a prior picture alone; now the breast is of density B, before of D."""
    now = [density(number) for number in followed.current]
    before = [density(number, "D", 0.9) for number in followed.prior]
    masses = [mass(number, 0.1) for number in range(8) if number != 4]
    masses.insert(4, mass(4, 0.8, marked(followed, 4)))
    tried = {"Mass": "tried by hand", "ACR": "tried by hand"}
    return Findings((*now, *before, *masses), {}, tried)


def test_earlier_pictures_are_named_so_and_current_ones_keep_their_names(followed: Exam) -> None:
    assert followed.names == (*NOW, *BEFORE)
    assert (followed.current, followed.prior) == ((0, 1, 2, 3), (4, 5, 6, 7))
    assert followed.warnings == (PRIORS,)
    assert {followed.images[number].how_long_before for number in followed.prior} == {"11 months"}


def test_two_earlier_dates_are_numbered(exam: Exam) -> None:
    image = exam.images[0]
    made = [
        (image, Identifiers(patient_id="one", exam_date=f"202{year}-01-01")) for year in (3, 4, 5)
    ]
    assert gather(made).names == ("R CC", "R CC (prior 1)", "R CC (prior 2)")


def test_what_is_said_of_the_exam_is_about_the_current_pictures(
    followed: Exam, seen: Findings
) -> None:
    assert "B, scattered" in finished(followed, "How dense is the breast?", seen).text
    assert "no (" in finished(followed, "Is there a mass?", seen).text
    assert "yes (" not in finished(followed, "Is there a mass?", seen).text
    assert "Mass" not in verdict_html(followed, seen, CARD)
    assert "in no picture: mass" in verdict_html(followed, seen, CARD)
    assert "mean of 4 pictures" in findings_html(followed, seen, CARD)
    told = {one["topic"]: one for one in findings_record(followed, seen)["exam"]}  # type: ignore[attr-defined]
    assert told["ACR"]["value"] == "Level B"
    written = draft(followed, seen, (CARD,))
    assert "scattered" in written
    assert "extremely dense" not in written


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Is there a mass in the prior?", "Mass: R CC (prior) yes (0.80)"),
        ("Was there a mass last year?", "Mass: R CC (prior) yes (0.80)"),
        ("How dense was the breast in the previous exam?", "extremely dense (0.90)"),
        ("Is there a mass in the prior left CC?", "Mass: L CC (prior) no (0.90)"),
    ],
)
def test_earlier_pictures_are_spoken_of_if_they_are_asked_for(
    followed: Exam, seen: Findings, question: str, wanted: str
) -> None:
    assert wanted in finished(followed, question, seen).text


def test_a_follow_up_turns_to_the_earlier_pictures(followed: Exam, seen: Findings) -> None:
    before = ChatTurn("Is there a mass?", StreamedAnswer("no"))
    said = finished(followed, "And in the prior?", seen, history=[before]).text
    assert said.startswith("Mass: R CC (prior) yes (0.80)")


@pytest.mark.parametrize(
    "question", ["Has anything changed?", "Compare with the prior", "Has it grown since last year?"]
)
def test_both_dates_are_told_and_nothing_is_said_to_have_changed(
    followed: Exam, seen: Findings, question: str
) -> None:
    said = finished(followed, question, seen).text
    assert f"Earlier pictures: {', '.join(BEFORE)}, made 11 months before" in said
    assert "no model here compares exams" in said
    assert "now B, scattered" in said
    assert "before D, extremely dense (0.90)" in said
    assert "Mass: now no (0.90); before yes (0.80)" in said


def test_without_earlier_pictures_that_is_said(exam: Exam) -> None:
    assert "No earlier exam is here" in finished(exam, "Has anything changed?").text
    assert finished(exam, "Is there a mass in the prior?").text.startswith("No earlier exam")


def test_the_checker_tells_a_prior_picture_from_the_current_one() -> None:
    record = ("Mass: R CC (prior) yes (0.80), size not known.", "Mass: R CC no (0.90).")
    assert not disagreements("There is a mass in R CC (prior).", record, complete=False)
    assert disagreements("There is a mass in R CC.", record, complete=False)
