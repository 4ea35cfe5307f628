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


def test_places_alone_may_be_compared() -> None:
    line = ("Left breast: if there is a lesion, it most likely lies in the upper half, about 12 "
            "o'clock; L CC 52 x 48 pixels; L MLO 44 x 49 pixels.")  # fmt: skip
    good = "If there is a lesion, it most likely lies in the upper half, about 12 o'clock."
    bad = "The left breast is 12 o'clock. The left MLO view is 44 x 49 pixels in the upper half."
    silent = "Nothing can be said about nipple retraction."
    assert out_of_order(f"{good} {silent}", (line,), places_alone=True) == ()
    assert out_of_order(silent, (line,)) != ()
    assert out_of_order(bad, (line,), places_alone=True) != ()
