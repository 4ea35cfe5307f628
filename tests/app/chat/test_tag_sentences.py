"""What tags say of exposure and sizes: the values that are asked for, each picture's or shared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.chat.conversation.facts import FactAnswerer
from app.chat.conversation.intent import understand
from app.chat.conversation.subjects import Subject
from app.chat.conversation.tag_sentences import exposure_told, values_asked
from app.chat.evidence.exam import Exam
from versamammo.imaging.mammogram import Exposure, Provenance

TOLD = Exposure(kvp=30.0, mas=71.4, thickness_mm=73.0, organ_dose_mgy=1.52)


def made(exposure: Exposure = TOLD) -> Provenance:
    return Provenance("x.dcm", "DICOM", "MONOCHROME2", exposure=exposure)


@pytest.mark.parametrize(
    ("fact", "words", "values"),
    [
        ("exposure", "what was the kvp and the mas", ("tube voltage", "tube charge")),
        ("exposure", "how thick was the compressed breast", ("compressed thickness",)),
        ("exposure", "how strongly was the breast compressed", ("compression force",)),
        ("exposure", "compression?", ("compressed thickness", "compression force")),
        ("exposure", "what dose did she get", ("dose to the gland", "dose at the skin")),
        ("exposure", "average glandular dose", ("dose to the gland",)),
        ("exposure", "entrance dose", ("dose at the skin",)),
        ("exposure", "w/rh or mo/mo anode", ("anode", "filter")),
        ("exposure", "was a grid used", ("grid",)),
        ("exposure", "which settings were used", ()),
        ("size", "how many bits has a pixel", ("bits",)),
        ("size", "what is the pixel size", ("pixel size",)),
        ("size", "how big is the breast", ("breast",)),
        ("machine", "how thick is it", ()),
    ],
)
def test_values_are_those_that_words_ask_for(
    fact: str, words: str, values: tuple[str, ...]
) -> None:
    assert values_asked(fact, words) == values


@pytest.mark.parametrize(
    ("exposure", "asked", "said"),
    [
        (TOLD, ("compressed thickness",), "the tags say compressed to 73 mm."),
        (
            TOLD,
            ("tube voltage", "filter"),
            "the tags say 30 kVp; the file does not tell the filter.",
        ),
        (TOLD, ("grid",), "the grid is none of the tags that are read."),
        (
            TOLD,
            (),
            "the tags say 30 kVp, 71.4 mAs, compressed to 73 mm, dose to the gland 1.52 mGy.",
        ),
        (
            Exposure(organ_dose_mgy=0.0),
            ("dose to the gland",),
            "the tags say dose to the gland 0 mGy.",
        ),
        (Exposure(), ("tube voltage",), "the file does not tell the tube voltage."),
        (
            Exposure(),
            (),
            "the file says nothing of tube voltage, exposure, compression or dose.",
        ),
    ],
)
def test_an_exposure_is_told_as_far_as_it_is_asked_for(
    exposure: Exposure, asked: tuple[str, ...], said: str
) -> None:
    assert exposure_told(made(exposure), asked) == said


def told(exam: Exam, question: str) -> list[str]:
    *_, answer = FactAnswerer().answer(exam, question, (), None)
    return answer.text.splitlines()


def test_what_pictures_share_is_said_once(exam: Exam) -> None:
    one = replace(exam.images[0].told, provenance=made())
    shared = replace(exam, images=tuple(replace(each, told=one) for each in exam.images[:2]))
    (line,) = told(shared, "How thick was the breast when compressed?")
    assert line == f"{', '.join(shared.names)}: the tags say compressed to 73 mm."


def test_both_views_of_a_breast_are_told_in_one_line(exam: Exam) -> None:
    lines = told(exam, "Which side and view is each picture?")
    assert [line.split(": ")[0] for line in lines] == ["R CC, R MLO", "L CC, L MLO"]
    assert all("views CC and MLO" in line for line in lines)
    twice = told(replace(exam, images=(exam.images[0], exam.images[0])), "Which views are these?")
    assert "view CC; " in twice[0]
    first = exam.images[0]
    named = replace(first, told=replace(first.told, view_source="file name"))
    apart = told(replace(exam, images=(named, *exam.images[1:])), "Which views are these?")
    assert [line.split(": ")[0] for line in apart] == ["R CC", "L CC, L MLO", "R MLO"]


def test_bits_alone_are_told_where_bits_are_asked_for(exam: Exam) -> None:
    (line,) = told(exam, "How many bits per pixel are stored?")
    assert line.endswith(" bits.")
    assert "mm" not in line


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("Why was this mammogram taken?", "indication"),
        ("What was the reason for the exam?", "indication"),
        ("Are these breasts augmented?", "implant"),
    ],
)
def test_what_only_a_tag_can_tell_is_asked_of_the_tags(
    exam: Exam, question: str, fact: str
) -> None:
    assert understand(question, exam).facts == (fact,)


def test_a_word_that_only_sounds_like_an_implant_is_none(exam: Exam) -> None:
    asked = understand("what is retrieval augmented generation", exam)
    assert asked.subject is not Subject.TAGS
