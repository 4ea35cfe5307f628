from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from versamammo.errors import InputError, Refused
from versamammo.imaging.mammogram import Laterality, View
from versamammo.model.image_processor import VersaMammoImageProcessor
from vlm.prompts import PromptImage, Question, Turn, caption, look_at, to_messages


@pytest.fixture(scope="module")
def views(phantoms: Path) -> dict[str, PromptImage]:
    """The four views of one phantom exam, as their DICOM files have them."""
    folder = next((phantoms / "images").glob("*/*"))
    processor = VersaMammoImageProcessor()
    return {file.stem: look_at(file, processor) for file in sorted(folder.glob("*.dcm"))}


def test_tags_and_storage_are_read_from_the_file(views: dict[str, PromptImage]) -> None:
    assert views["RMLO"].laterality is Laterality.RIGHT
    assert views["LCC"].view is View.CC
    assert {name: p.stored_mirrored for name, p in views.items()} == {
        "LCC": False,
        "LMLO": False,
        "RCC": True,
        "RMLO": True,
    }


def test_withheld_context_leaves_no_trace_of_the_side(views: dict[str, PromptImage]) -> None:
    said = caption(views["RMLO"], 1, context=True)
    assert said == "Image 1, R MLO, stored with the chest wall on the right:"
    bare = {caption(picture, 1, context=False) for picture in views.values()}
    assert bare == {"Image 1:"}


def test_a_prior_exam_is_marked_even_without_context(small: Any) -> None:
    now, before = small.picture(1), PromptImage(small.picture(2).pixels, prior=True)
    messages = to_messages(Question("Any change?", (now, before), context=False))
    assert messages[0]["content"] == ("Image 1: <image>\nImage 2, prior exam: <image>\nAny change?")


def test_images_lead_the_first_turn_only(small: Any) -> None:
    history = (Turn("Is there a mass?", "Yes."),)
    messages = to_messages(Question("Where?", (small.picture(1),), history))
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]
    assert ["<image>" in m["content"] for m in messages] == [True, False, False]
    assert messages[2]["content"] == "Where?"


@pytest.mark.parametrize("count", [0, 5])
def test_no_image_and_five_are_refused(small: Any, count: int) -> None:
    with pytest.raises(InputError, match=f"^images: {count} views") as caught:
        Question("Is there a mass?", tuple(small.picture(n) for n in range(count)))
    assert caught.value.reason == "number-of-images"


def test_four_views_and_four_of_a_prior_exam(small: Any) -> None:
    pictures = [PromptImage(small.picture(n).pixels, prior=n > 3) for n in range(8)]
    assert len(Question("Any change?", tuple(pictures)).pictures) == 8


def test_forty_thousand_characters_are_refused(small: Any) -> None:
    with pytest.raises(InputError, match="40000 characters; at most 8000"):
        Question("mass " * 8000, (small.picture(1),))


def test_an_empty_question_is_refused(small: Any) -> None:
    with pytest.raises(InputError, match="is empty"):
        Question(" \n", (small.picture(1),))


def test_an_image_that_is_no_mammogram_is_refused() -> None:
    noise = np.random.default_rng(0).random((400, 300), dtype=np.float32)
    with pytest.raises(Refused):
        look_at(noise, VersaMammoImageProcessor())
