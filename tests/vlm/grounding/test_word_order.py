"""A fixed text that is told in another order is not shown."""

from __future__ import annotations

import pytest

from vlm.grounding import out_of_order

TEXT = (
    "In general: Most screening programmes invite women every two years. Practice differs by "
    "country: the United Kingdom uses three years, while some American societies recommend a "
    "mammogram every year. It does not cause cancer or lasting damage to the breast."
)


@pytest.mark.parametrize(
    ("answer", "agrees"),
    [
        ("In general, most screening programmes invite women every two years.", True),
        ("Usually screening programmes invite women every two years.", True),
        ("The United Kingdom uses three years, and some American societies recommend one.", False),
        ("The United Kingdom uses three years, while American societies recommend a year.", True),
        ("In the United Kingdom, practice differs by country.", False),
        ("Most screening programmes invite women every three years.", False),
        ("Screening programmes invite women every year.", False),
        ("It does not cause cancer or lasting damage.", True),
        ("It does cause cancer.", False),
        ("It can cause lasting damage to the breast.", False),
        ("It doesn't cause cancer or damage.", True),
    ],
)
def test_the_order_of_words_is_that_of_the_text(answer: str, agrees: bool) -> None:
    assert (out_of_order(answer, (TEXT,)) == ()) is agrees


def test_each_sentence_is_compared_with_each_line() -> None:
    lines = (TEXT, "ACR density: B, scattered fibroglandular tissue (0.46).")
    said = "The density is B, scattered fibroglandular tissue (0.46). It does not cause cancer."
    assert out_of_order(said, lines) == ()
    assert len(out_of_order("It causes cancer. Years differ by country.", lines)) == 2


def test_an_exact_place_is_told_and_nothing_beside_it() -> None:
    line = ("Left breast: if there is a lesion, it most likely lies in the upper half, about 12 "
            "o'clock, posterior third, if the CC hangs as usual, outer side up.")  # fmt: skip
    good = "If there is a lesion, it most likely lies in the upper half, about 12 o'clock."
    assert out_of_order(good, (line,)) == ()
    for bad in (
        "Nothing can be said about nipple retraction.",
        "The right CC view in R MLO and the right CC view in R CC.",
    ):
        assert out_of_order(f"{good} {bad}", (line,)) != (), bad


def test_a_sentence_does_not_begin_within_a_part_of_one() -> None:
    text = ("The radiation of a mammogram is low, and from screening age on its risk is far "
            "smaller than the benefit.")  # fmt: skip
    assert out_of_order("A mammogram is low, and its risk is far smaller.", (text,)) != ()
    assert out_of_order("From screening age on its risk is far smaller.", (text,)) == ()
    assert out_of_order("The radiation of a mammogram is low.", (text,)) == ()


def test_no_word_is_dropped_without_which_more_is_claimed() -> None:
    text = ("In general: Nearly all guidelines agree on the ages from 50 to 69.",)
    assert out_of_order("In general, guidelines agree on the ages from 50 to 69.", text) != ()
    assert out_of_order("In general, nearly all guidelines agree on 50 to 69.", text) == ()


def test_of_what_cannot_be_told_the_reason_is_compared() -> None:
    line = ("BI-RADS: not judged, because it was tried on only 10 cases of Bi-Rads 2; at least 20 "
            "of each answer are needed to tell it from guessing.")  # fmt: skip
    good = "I cannot tell BI-RADS, because it was tried on only 10 cases of Bi-Rads 2."
    assert out_of_order(good, (line,)) == ()
    assert out_of_order(good.replace("10 cases", "20 cases"), (line,)) != ()
