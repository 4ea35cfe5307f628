from __future__ import annotations

import pytest

from benchmark.vqa.answers import letters
from benchmark.vqa.parsing import ParseOutcome, parse
from versamammo.vqa import Kind


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("Benign", "Benign"),
        ("c", "Benign"),
        ("(C).", "Benign"),
        ("C: Benign", "Benign"),
        ("**Benign**", "Benign"),
        ("The finding looks benign.", "Benign"),
        ("It is not normal but malignant", "Malignant"),
        ("Normal was considered. Answer: Malignant", "Malignant"),
    ],
)
def test_letter_text_and_sentence_are_understood(ask, said, chosen):
    item = ask()
    assert parse(said, item, letters(item, None)).chosen == (chosen,)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (None, ParseOutcome.FAILED),
        ("  ", ParseOutcome.FAILED),
        ("I'm sorry, I am unable to interpret medical images.", ParseOutcome.REFUSED),
        ("benign or malignant", ParseOutcome.AMBIGUOUS),
        ("B: Benign", ParseOutcome.AMBIGUOUS),
        ("F", ParseOutcome.UNREADABLE),
        ("abnormal", ParseOutcome.UNREADABLE),
        ("not malignant", ParseOutcome.UNREADABLE),
        ("asdf qwer", ParseOutcome.UNREADABLE),
    ],
)
def test_what_names_no_single_option_is_never_guessed(ask, said, outcome):
    item = ask()
    reading = parse(said, item, letters(item, None))
    assert (reading.outcome, reading.chosen) == (outcome, ())


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("B, C", ("Calcification", "Mass")),
        ("B and C", ("Calcification", "Mass")),
        ("Mass, Calcification", ("Calcification", "Mass")),
        ("C: Mass, E: Asymmetry", ("Mass", "Asymmetry")),
        ("A mass with calcifications, no skin thickening or asymmetry", ("Calcification", "Mass")),
        ("No mass, calcification or asymmetry", ()),
    ],
)
def test_several_findings_are_read_as_a_set(ask, said, chosen):
    item = ask("Mass", kind=Kind.MULTIPLE)
    assert parse(said, item, letters(item, None)).chosen == chosen


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("Yes.", ("Yes",)),
        ("No, there is no cancer", ("No",)),
        ("The answer is no", ("No",)),
        ("yes and no", ()),
        ("B", ("No",)),
    ],
)
def test_yes_and_no_are_read_from_the_first_word(ask, said, chosen):
    item = ask("Yes", kind=Kind.YES_NO, options=("Yes", "No"), topic="Cancer")
    assert parse(said, item, letters(item, None)).chosen == chosen


def test_a_longer_option_does_not_mention_the_shorter_one_inside_it(ask):
    item = ask("Fatty", options=("Fatty", "Fatty-glandular", "Dense-glandular"), topic="Tissue")
    assert parse("This is fatty-glandular", item, {}).chosen == ("Fatty-glandular",)


def test_bi_rads_is_read_in_its_usual_spellings(ask):
    item = ask("Bi-Rads 4", options=("Bi-Rads 3", "Bi-Rads 4"), topic="Bi-Rads")
    for said in ("BIRADS 4", "BI-RADS category 4", "bi-rads: 4"):
        assert parse(said, item, {}).chosen == ("Bi-Rads 4",)


def test_a_letter_inside_an_option_is_not_the_letter_of_an_option(ask):
    item = ask("Level A", options=("Level B", "Level A"), topic="ACR")
    reading = parse("The answer is Level A.", item, letters(item, None))
    assert reading.chosen == ("Level A",)
