from __future__ import annotations

import math

import pytest

from versamammo.data.labels import Labels
from versamammo.data.sources import label_parsing as words
from versamammo.errors import InputError


@pytest.mark.parametrize(
    ("name", "word", "number"),
    [
        ("density", "B", 2), ("density", "Level D", 4), ("density", "DENSITY C", 3),
        ("density", "3", 3), ("density", "2.0", 2), ("density", "ACR a", 1),
        ("birads", "4a", 4), ("birads", "BI-RADS 4", 4), ("birads", "Bi-Rads 0", 0),
        ("birads", "5.0", 5), ("birads", "6", 6),
        ("pathology", "BENIGN_WITHOUT_CALLBACK", 1), ("pathology", "Malignant", 2),
        ("pathology", "normal", 0), ("mass", "X", 1), ("mass", "no", 0), ("mass", "1.0", 1),
        ("subtype", "LuminalA".replace("lA", "l A"), 1), ("masking", "8", 8),
        ("subtlety", "1", 1), ("tissue", "fatty-glandular", 1),
    ],
)  # fmt: skip
def test_words_of_archives_become_numbers(name: str, word: str, number: float) -> None:
    assert words.label(name, word, name) == number


@pytest.mark.parametrize("name", Labels.names())
@pytest.mark.parametrize("word", ["", " ", "nan", "N/A", "-", "unknown"])
def test_silence_is_unknown_never_no(name: str, word: str) -> None:
    assert math.isnan(words.label(name, word, name))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("density", "E"), ("density", "0"), ("density", "2.5"), ("birads", "7"), ("birads", "3$4"),
        ("birads", "4;2"), ("birads", "2a"), ("pathology", "1"), ("pathology", "suspicious"),
        ("mass", "2"), ("mass", "maybe"), ("masking", "0"), ("masking", "3.5"), ("subtlety", "6"),
        ("subtlety", "inf"), ("subtype", "luminal"), ("tissue", "X"),
    ],
)  # fmt: skip
def test_a_word_without_agreed_meaning_is_refused(name: str, word: str) -> None:
    with pytest.raises(InputError, match="expected") as caught:
        words.label(name, word, f"labels.csv: {name}")
    assert caught.value.reason == "unknown-word"
    assert caught.value.field == f"labels.csv: {name}"
    assert repr(word) in str(caught.value)


def test_sides_views_dates_and_ages_are_read() -> None:
    assert words.laterality("RIGHT") == "R"
    assert words.laterality("") is None
    assert words.view(" mlo ") == "MLO"
    assert words.day("20190331") == words.day("2019-03-31") == "2019-03-31"
    assert words.age("052Y") == 52
    assert words.edition("5th") == "5th"
    assert words.kind("Suspicious Calcification") == "calcification"
    assert words.kind("skin_thickening") == "skin_thickening"


@pytest.mark.parametrize(
    ("reader", "word"),
    [
        (words.laterality, "B"), (words.view, "AP"), (words.day, "31/03/2019"), (words.age, "-3"),
        (words.age, "400"), (words.edition, "6th"), (words.kind, "cyst"),
    ],
)  # fmt: skip
def test_odd_sides_views_dates_and_ages_are_refused(reader: object, word: str) -> None:
    assert callable(reader)
    with pytest.raises(InputError) as caught:
        reader(word)
    assert caught.value.reason == "unknown-word"


@pytest.mark.parametrize(
    "word",
    [
        "2019-03-01", "20190301", "20190301.0", "2019-03-01 00:00:00", "2019-03-01T12:30:00Z",
        "2019-03-01 00:00:00.000000000", "2019-03-01 00:00:00+00:00", "2019/03/01", "2019.03.01",
        "01.03.2019", "1.3.2019 00:00", "2019-3-1",
    ],
)  # fmt: skip
def test_a_date_is_read_as_spreadsheets_write_it(word: str) -> None:
    assert words.day(word) == "2019-03-01"


@pytest.mark.parametrize("word", ["03/01/2019", "43525", "2019-13-01", "1 March 2019"])
def test_a_date_that_has_no_one_meaning_is_refused(word: str) -> None:
    with pytest.raises(InputError, match="2019-03-31"):
        words.day(word)


@pytest.mark.parametrize("word", ["NaT", "<NA>", "#N/A", "nan", "NA", "None"])
def test_what_programs_write_for_nothing_says_nothing(word: str) -> None:
    assert words.day(word) is None


def test_an_id_that_a_spreadsheet_has_rounded_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        words.identifier("1.23457E+11", "patient_id")
    assert caught.value.reason == "rounded-id"
    assert words.identifier(" 12E5 ", "patient_id") == "12E5"
