"""From mammograms and a question to a conversation, with or without what the files say of them.

Every image is shown with its chest wall on the left, so neither side nor projection can be read
off the orientation. What the tags say, and how the image was stored, is the exam context; it can
be withheld to see what the model finds in the pixels alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from versamammo.errors import InputError
from versamammo.imaging.mammogram import Laterality, View
from versamammo.input.geometry import Crop

if TYPE_CHECKING:
    from torch import Tensor

    from versamammo.model.image_processor import OneImage

IMAGE_TOKEN = "<image>"
FACTS = "Answer from this record:"
MOST_VIEWS = 4  # of one exam; a prior exam may bring as many
LONGEST_QUESTION = 8000  # characters; longer ones are pasted files, not questions


class _Prepares(Protocol):
    def preprocess(self, images: Any) -> Any: ...


@dataclass(frozen=True, eq=False)
class PromptImage:
    """One view, prepared for the encoder, and what its file said.

    Attributes:
        pixels: float32 [1, H, W], as the encoder's contract says.
        laterality: by the tags; None if they do not say.
        view: by the tags; None if they do not say.
        stored_mirrored: True if the file has the chest wall on the right; None if unknown.
        prior: it belongs to an earlier exam.
        crop: leads back to the file's pixels.
        name: what to call it in messages.
    """

    pixels: Tensor
    laterality: Laterality | None = None
    view: View | None = None
    stored_mirrored: bool | None = None
    prior: bool = False
    crop: Crop | None = None
    name: str = "image"


@dataclass(frozen=True)
class Turn:
    """A question that was answered before in the same conversation.

    Attributes:
        facts: lines of the record of evidence that the answer was written from, if it was.
    """

    question: str
    answer: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Question:
    """One question about views of one exam, mostly one to four, and as many of a prior exam.

    Attributes:
        text: the question.
        pictures: in the order in which they are shown.
        history: earlier turns about the same pictures.
        context: whether the prompt tells what the tags say and how the images were stored.
        facts: lines of the record of evidence, from which alone the answer is to be written.
        most: views of one exam that may be shown; a benchmark may show them all.
    """

    text: str
    pictures: tuple[PromptImage, ...]
    history: tuple[Turn, ...] = ()
    context: bool = True
    facts: tuple[str, ...] = ()
    most: int = MOST_VIEWS

    def __post_init__(self) -> None:
        current = sum(not picture.prior for picture in self.pictures)
        prior = len(self.pictures) - current
        if not 1 <= current <= self.most or prior > self.most:
            message = (
                f"{current} views and {prior} of a prior exam; expected one to {self.most} views "
                f"of one exam, and at most {self.most} of a prior one"
            )
            raise InputError(message, field="images", reason="number-of-images")
        texts = [self.text, *(turn.question for turn in self.history)]
        for text in texts:
            _check_text(text)


def _check_text(text: str) -> None:
    if not text.strip():
        raise InputError("is empty", field="question", reason="empty-question")
    if len(text) > LONGEST_QUESTION:
        message = f"{len(text)} characters; at most {LONGEST_QUESTION} are read"
        raise InputError(message, field="question", reason="too-long")


def look_at(
    image: OneImage,
    image_processor: _Prepares,
    *,
    prior: bool = False,
    laterality: Laterality | None = None,
    view: View | None = None,
) -> PromptImage:
    """Read and prepare one view; what the caller says of it goes before its tags.

    Raises:
        InputError: it cannot be read.
        Refused: it is no mammogram.
    """
    # imported here, since questions are made and read without torch
    from versamammo.model.image_processor import as_mammogram

    mammogram = as_mammogram(image)
    name = mammogram.provenance.file
    try:
        batch = image_processor.preprocess(mammogram)
    except InputError as error:
        error.file = error.file or name
        raise
    crop = cast(Crop, batch.crops[0])
    return PromptImage(
        pixels=batch["pixel_values"][0],
        laterality=laterality or mammogram.laterality,
        view=view or mammogram.view,
        stored_mirrored=crop.mirrored,
        prior=prior,
        crop=crop,
        name=name,
    )


def to_messages(question: Question) -> list[dict[str, str]]:
    """Write a conversation that ends with the question; the images lead its first turn."""
    shown = "\n".join(
        f"{caption(picture, number, question.context)} {IMAGE_TOKEN}"
        for number, picture in enumerate(question.pictures, start=1)
    )
    asked = [_with_facts(turn.question, turn.facts) for turn in question.history]
    asked.append(_with_facts(question.text, question.facts))
    asked[0] = f"{shown}\n{asked[0]}"
    messages = []
    for text, turn in zip(asked, question.history, strict=False):
        messages.append({"role": "user", "content": text})
        messages.append({"role": "assistant", "content": turn.answer})
    return [*messages, {"role": "user", "content": asked[-1]}]


def _with_facts(text: str, facts: tuple[str, ...]) -> str:
    return "\n".join([text, FACTS, *facts]) if facts else text


def caption(picture: PromptImage, number: int, context: bool) -> str:
    """Return which image this is: `Image 1, R MLO, stored with the chest wall on the right:`."""
    said = [f"Image {number}"]
    if picture.prior:
        said.append("prior exam")
    if context:
        tag = " ".join(word for word in (picture.laterality, picture.view) if word)
        if tag:
            said.append(tag)
        if picture.stored_mirrored is not None:
            side = "right" if picture.stored_mirrored else "left"
            said.append(f"stored with the chest wall on the {side}")
    return f"{', '.join(said)}:"
