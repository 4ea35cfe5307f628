"""One patient has one id, whatever a table and the files call her."""

from __future__ import annotations

import dataclasses
from typing import Any

from versamammo.data.preparation.candidates import ImageCandidate, merge
from versamammo.data.preparation.outcome import FileFacts
from versamammo.data.preparation.patients import one_patient_each
from versamammo.data.sources.source_contract import ImageRecord
from versamammo.imaging.breast.chest_wall import Side
from versamammo.imaging.mammogram import Identifiers

SIDE: Side = "left"
BLANK: dict[str, Any] = {field.name: None for field in dataclasses.fields(FileFacts)}
FACTS = FileFacts(
    **BLANK | {"rows": 10, "columns": 10, "warnings": (), "modifiers": (), "chest_wall": SIDE}
)


def image(path: str, told: str | None, own: str | None, accession: str = "") -> ImageCandidate:
    facts = dataclasses.replace(FACTS, patient_id=own, accession=accession or None)
    return merge(ImageRecord(path, Identifiers(patient_id=told)), facts)


def ids(*images: ImageCandidate) -> list[str | None]:
    return [one.patient_id for one in one_patient_each(images)[0]]


def test_a_table_of_half_the_files_that_lost_zeros_names_one_patient() -> None:
    pair = image("a", "123.0", "000123"), image("b", None, "000123")
    assert ids(*pair) == ["000123", "000123"]
    assert one_patient_each(pair)[1]


def test_a_table_with_names_of_its_own_that_does_not_cover_a_patient_is_warned_of() -> None:
    told, said = one_patient_each([image("a", "P7", "000123"), image("b", None, "000123")])
    assert [one.patient_id for one in told] == ["P7", "000123"]
    assert "named otherwise by the table" in said[0]


def test_one_file_id_for_several_patients_of_the_table_says_nothing() -> None:
    images = image("a", "P1", "ANON"), image("b", "P2", "ANON"), image("c", None, "ANON")
    assert ids(*images) == ["P1", "P2", "ANON"]


def test_the_zeros_are_kept_out_of_it_where_two_patients_lost_theirs() -> None:
    images = image("a", "123", "0123"), image("b", "123", "00123")
    assert ids(*images) == ["123", "123"]


def test_an_exam_under_two_patients_is_said() -> None:
    images = image("a", "P1", None, "77"), image("b", None, "000123", "77")
    told, said = one_patient_each(images)
    assert [one.patient_id for one in told] == ["P1", "000123"]
    assert "1 accession numbers stand under several patient ids" in said[0]


def test_two_spellings_in_one_table_are_one_patient_where_the_file_says_so() -> None:
    images = image("a", "123", "000123"), image("b", "000123", "000123"), image("c", None, "000123")
    assert ids(*images) == ["000123"] * 3


def test_spellings_that_no_file_bears_out_are_said() -> None:
    told, said = one_patient_each([image("a", "123", None), image("b", "0123", None)])
    assert [one.patient_id for one in told] == ["123", "0123"]
    assert "several spellings" in said[0]
