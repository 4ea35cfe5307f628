"""The indication is a coded term or one of a few words; free text may name a person."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from versamammo.imaging.dicom.indication import read_indication
from versamammo.imaging.dicom.tags import Tags


def tags(**values: object) -> Tags:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return Tags(dataset)


def coded(meaning: str, scheme: str = "SCT", value: str = "89164003") -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


def test_a_coded_reason_comes_before_words() -> None:
    told = tags(
        ReasonForRequestedProcedureCodeSequence=coded("Breast lump"),
        StudyDescription="Screening mammography",
    )
    assert read_indication(told) == ("Breast lump", "ReasonForRequestedProcedureCodeSequence")


@pytest.mark.parametrize("item", [
    coded("Jane Doe", scheme="99LOCAL"), coded("Jane Doe", value=""), coded("x" * 65), [],
])  # fmt: skip
def test_what_is_no_public_term_is_not_taken(item: list[Dataset]) -> None:
    assert read_indication(tags(ReasonForVisitCodeSequence=item)) == (None, None)


@pytest.mark.parametrize(
    ("text", "indication"),
    [
        ("MAMMO SCREENING BILATERAL", "screening"),
        ("Diag. mammogram, palpable lump, Jane Doe 1961", "diagnostic; palpable finding"),
        ("FOLLOW-UP after surgery", "follow-up"),
        ("Mammography of Jane Doe", None),
        ("Screenings-Programm", None),
        ("", None),
    ],
)
def test_of_free_text_a_few_words_alone_are_taken(text: str, indication: str | None) -> None:
    source = None if indication is None else "StudyDescription"
    assert read_indication(tags(StudyDescription=text)) == (indication, source)
