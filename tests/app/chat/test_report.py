"""The report: its order, where each sentence comes from, and what it leaves to the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.chat.conversation.report import draft, written_draft
from app.chat.conversation.report_draft import Presence, ReportDraft, SourceKind
from app.chat.conversation.report_findings import size_words
from app.chat.conversation.report_sections import OPEN
from app.chat.evidence.contracts import (
    Card,
    ChatTurn,
    EvidenceSource,
    Findings,
    Region,
    StreamedAnswer,
    Verdict,
)
from app.chat.evidence.exam import Exam, ExamImage
from app.chat.evidence.examining import ALL_WITH_LESION, IF_ANY
from tests.app.chat.made import density, mass
from versamammo import NOTICE
from versamammo.imaging.dicom.spacing import UNCALIBRATED
from versamammo.imaging.mammogram import Box

ORDER = ["indication", "technique", "comparison", "composition", "findings", "assessment",
         "recommendation", "origin"]  # fmt: skip
CARD = Card("Made", "1", "by hand")


def lines(report: ReportDraft, section: str) -> list[str]:
    (found,) = (one for one in report.sections if one.name == section)
    return [one.text for one in found.sentences]


def altered(exam: Exam, number: int, **told: object) -> Exam:
    """The exam with other tags of one picture."""
    images = list(exam.images)
    images[number] = replace(images[number], told=replace(images[number].told, **told))  # type: ignore[arg-type]
    return replace(exam, images=tuple(images))


def mark(exam: Exam, image: int, deep: float, across: float, score: float = 0.9) -> Region:
    """A place in a picture: how deep behind the front, and how far up, in shares of the outline."""
    one = exam.images[image]
    assert one.breast is not None
    box = one.breast.box
    x = box.x2 - deep * box.width if one.chest_wall == "left" else box.x1 + deep * box.width
    y = box.y1 + (1 - across) * box.height
    return Region(image, Box(x - 8, y - 10, x + 8, y + 10), "Mass", score, "a place")


@pytest.fixture
def paired(exam: Exam) -> Findings:
    """A mass in both views of the right breast (pictures 0 and 2), another in its CC alone."""
    both = [mark(exam, 0, 0.5, 0.9), mark(exam, 2, 0.4, 0.8, 0.8)]
    single = mark(exam, 0, 0.95, 0.1, 0.6)
    return Findings(
        (mass(0, 0.9, both[0], single), mass(2, 0.8, both[1]), mass(1, 0.2), mass(3, 0.5),
         *(density(image) for image in range(4))),
        {"Bi-Rads": "it was never tried", "Calcification": "why <not>"},
    )  # fmt: skip


def test_the_sections_stand_in_the_usual_order_and_the_notice_once(
    exam: Exam, paired: Findings
) -> None:
    report = written_draft(exam, paired, [CARD])
    assert [one.name for one in report.sections] == ORDER
    assert report.text.count(NOTICE) == 1
    assert report.text == draft(exam, paired, [CARD])
    headings = [line for line in report.text.splitlines() if line.isupper()]
    assert headings == ["DRAFT", *(one.title.upper() for one in report.sections)]


def test_every_sentence_is_one_line_with_an_id_of_its_own_and_a_source(
    exam: Exam, paired: Findings
) -> None:
    turn = ChatTurn("Is there\na mass?", StreamedAnswer("Mass: yes.\nIn R CC.", confidence=0.7))
    report = written_draft(exam, paired, [CARD], [turn])
    told = list(report.sentences)
    assert len({one.id for one in told}) == len(told) > 12
    assert all("\n" not in one.text and one.text for one in told)
    assert all(one.sources for one in told)
    assert len(set(report.sources)) == len(report.sources)
    own = [one for one in told if one.id.startswith("conversation.")]
    assert [one.text for one in own] == ["Question: Is there a mass?", "Mass: yes.", "In R CC."]
    assert {one.sources[0].kind for one in own} == {SourceKind.CONVERSATION}
    assert own[0].sources[0].probabilities == (0.7,)


def test_a_place_in_two_views_is_told_once_with_quadrant_clock_face_and_depth(
    exam: Exam, paired: Findings
) -> None:
    report = written_draft(exam, paired, [CARD])
    both, single, *rest = lines(report, "findings")
    assert both.startswith("Right breast: mass in the upper outer quadrant, about 10 o'clock, ")
    assert "middle third, about " in both
    assert "mm behind the nipple; R CC yes (0.90), marked " in both
    assert "; R MLO yes (0.80), marked " in both
    assert single.startswith("Right breast: mass in the inner half, posterior third, about ")
    assert "R CC yes (0.60)" in single
    assert "R MLO" not in single, "it is marked there, in the other place"
    assert rest[0] == "Left breast: mass not sure; L CC no (0.80); L MLO not sure (yes 0.50)."
    first, second, third = report.findings
    assert [one.presence for one in report.findings] == ["present", "present", "not sure"]
    assert (first.images, first.probability, first.location.clock) == (("R CC", "R MLO"), 0.9, 10)
    assert second.location.quadrant == ""
    assert third.marks == ()
    ids = {one.id: one.text for one in report.sentences}
    assert ids[first.sentence] == both
    kinds = {one.kind for one in next(s for s in report.sentences if s.text == both).sources}
    assert kinds == {SourceKind.MODEL, SourceKind.PIXELS}


def test_a_source_tells_who_spoke_and_how_probable_it_is_in_each_picture(
    exam: Exam, paired: Findings
) -> None:
    report = written_draft(exam, paired, [CARD])
    (told,) = (one for one in report.sources if one.topic == "ACR")
    assert told.text == "language model, ACR density B"
    assert told.images == exam.names
    assert told.probabilities == (0.6,) * 4
    (said,) = lines(report, "composition")
    assert said == (
        "ACR density B, scattered fibroglandular tissue (0.60); also possible: A 0.13, C 0.13, "
        "D 0.13 (model; mean of 4 pictures; to be confirmed)."
    )


def test_what_is_not_judged_says_why_and_is_not_denied(exam: Exam, paired: Findings) -> None:
    report = written_draft(exam, paired, [CARD])
    assert lines(report, "assessment") == [
        "BI-RADS. Not assessed: it was never tried.", f"Assessment of the reader: {OPEN}",
    ]  # fmt: skip
    (unjudged,) = (one for one in lines(report, "findings") if one.startswith("Not judged"))
    assert unjudged.startswith("Not judged, which does not mean not there: calcification, ")
    whys = [one.text for one in report.sources if one.topic == "Calcification"]
    assert whys == ["Calcification is not judged: why <not>"]
    shared = replace(paired, verdicts=(), silent={})
    (line,) = lines(written_draft(exam, shared, [CARD]), "findings")
    assert line.endswith(" (no model that could tell is loaded).")


def test_without_a_model_nothing_is_denied(exam: Exam) -> None:
    report = written_draft(exam, None, [])
    assert lines(report, "findings") == ["No model looked for findings."]
    assert lines(report, "composition") == ["Not assessed by any model."]
    assert report.findings == ()
    assert "in no picture" not in report.text


def test_the_recommendation_is_an_empty_marked_line(exam: Exam, paired: Findings) -> None:
    report = written_draft(exam, paired, [CARD])
    assert lines(report, "recommendation") == [OPEN]
    (one,) = (s for s in report.sentences if s.id == "recommendation.1")
    assert [source.kind for source in one.sources] == [SourceKind.READER]


def test_the_indication_is_what_the_tags_tell(exam: Exam) -> None:
    assert lines(written_draft(exam, None, []), "indication") == ["Not recorded."]
    made = replace(
        exam.images[1].told.provenance, indication="screening", indication_source="StudyDescription"
    )
    report = written_draft(altered(exam, 1, provenance=made), None, [])
    assert lines(report, "indication") == ["Screening."]
    assert next(report.sentences).sources[0].text == "tag StudyDescription"


def test_technique_names_the_views_and_those_that_are_not_there(exam: Exam) -> None:
    some = replace(exam, images=exam.images[:3])
    told = lines(written_draft(some, None, []), "technique")
    assert told[0] == "Phantom pictures, not of a person."
    assert told[1] == "3 mammograms: R CC, L CC, R MLO."
    assert told[2] == "Of the standard views there is no L MLO."
    assert any("mm per pixel" in one for one in told)
    assert "no L MLO" not in written_draft(exam, None, []).text


def test_a_note_on_several_pictures_is_said_once(exam: Exam) -> None:
    twice = altered(altered(exam, 0, warnings=("odd",)), 2, warnings=("odd",))
    assert "Note: R CC, R MLO: odd" in lines(written_draft(twice, None, []), "technique")


def test_earlier_pictures_are_named_by_days_and_not_reported_on(
    exam: Exam, paired: Findings
) -> None:
    earlier = tuple(replace(one, days_before=400) for one in exam.images[2:])
    dated = replace(exam, images=(*exam.images[:2], *earlier))
    report = written_draft(dated, paired, [CARD])
    assert lines(report, "comparison")[0] == (
        "Earlier examination, 400 days (about 13 months) before: R MLO (prior), L MLO (prior)."
    )
    assert not any("MLO" in one for one in lines(report, "findings"))
    assert "mean of 2 pictures" in lines(report, "composition")[0]
    (none,) = lines(written_draft(exam, paired, [CARD]), "comparison")
    assert none == "No earlier examination was given."


def test_the_likeliest_place_is_told_as_no_finding(exam: Exam) -> None:
    suspect = replace(mark(exam, 0, 0.5, 0.9), score=0.3)
    silent = dict.fromkeys(("Mass", "Calcification"), ALL_WITH_LESION)
    looks = Verdict("Pathology", (0,), "Malignant", {"Normal": 0.1, "Malignant": 0.7,
        "Benign": 0.2}, EvidenceSource.HEADS, condition=IF_ANY)  # fmt: skip
    report = written_draft(exam, Findings((looks,), silent, suspects=(suspect,)), [CARD])
    first = lines(report, "findings")[0]
    assert first.startswith("Right breast: if there is a lesion, it most likely lies in the outer")
    assert " yes (" not in first
    assert lines(report, "assessment")[1] == (
        "Right breast: Pathology malignant (0.70); also possible: Benign 0.20, Normal 0.10, "
        "if there is a lesion (model; to be confirmed)."
    )
    (found,) = report.findings
    assert (found.presence, found.probability) == (Presence.LIKELIEST_PLACE, None)


def test_sides_that_the_tags_do_not_tell_have_no_clock_face(exam: Exam, paired: Findings) -> None:
    untold = altered(altered(exam, 0, laterality=None), 2, laterality=None)
    first = written_draft(untold, paired, [CARD]).findings[0]
    assert first.location.clock is None
    line = lines(written_draft(untold, paired, [CARD]), "findings")[0]
    assert line.startswith("Right breast (the tags do not say the side): mass in the ")


@pytest.mark.parametrize(
    ("spacing", "warnings", "words"),
    [
        ((0.1, 0.2), (), "4 x 3 mm"),
        ((0.1, 0.2), (UNCALIBRATED,), "about 4 x 3 mm (pixel size not calibrated)"),
        (None, (), "20 x 30 pixels (pixel size not known)"),
    ],
)
def test_millimetres_are_told_as_far_as_the_pixel_size_is_trusted(
    exam: Exam, spacing: tuple[float, float] | None, warnings: Sequence[str], words: str
) -> None:
    one: ExamImage = altered(exam, 0, spacing_mm=spacing, warnings=tuple(warnings)).images[0]
    assert size_words(one, Box(0, 0, 20, 30)) == words


def test_pictures_that_were_refused_and_other_opinions_are_told(exam: Exam) -> None:
    other = replace(density(0), dissent=("the encoder's heads would say C (0.80)",))
    report = written_draft(exam, Findings((other,), failed=("L CC: too dark",)), [CARD])
    assert "Attempted in vain: L CC: too dark." in lines(report, "findings")
    assert lines(report, "composition")[1] == "The encoder's heads would say C (0.80)."
    (quoted,) = (one for one in report.sentences if one.id == "composition.2")
    assert [one.text for one in quoted.sources] == ["the encoder's heads would say C (0.80)"]
