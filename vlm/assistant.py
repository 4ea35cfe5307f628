"""Questions about mammograms, answered: in words, or by choosing among options, or not at all.

Every answer names the images that were looked at. A question about something the model was not
trained for is said to be so; among options, one that is not likely enough is not chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from versamammo import NOTICE
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box
from versamammo.input.geometry import Crop
from versamammo.model.image_processor import OneImage
from versamammo.vocabulary import Topic
from versamammo.vqa import Kind
from versamammo.vqa.asking import closed_prompt
from vlm.box_tokens import places_in
from vlm.generation import DRAFTED, MOST_WORDS, answer, stream
from vlm.instructions.wording import topic_prompt
from vlm.int8_layers import Int8Linear
from vlm.likelihood import option_scores, probabilities
from vlm.model import VersaMammoForImageTextToText
from vlm.model_loading import open_model
from vlm.prefix_memory import PrefixMemory
from vlm.processor import VersaMammoVlmProcessor
from vlm.prompts import PromptImage, Question, Turn, caption, look_at
from vlm.trained_topics import Competence, read_competence, topic_of

FEATURES_GB = 0.5  # of the images that are talked about
SURE_ENOUGH = 0.5  # a choice less likely than this is not made


@dataclass(frozen=True)
class PlacedBox:
    """A box in pixels of one image's file."""

    image: int
    box: Box


@dataclass(frozen=True)
class Answer:
    """What the model says.

    Attributes:
        text: the answer in words; empty if it abstains.
        looked_at: the images, as `R MLO (file.dcm)`.
        choice: the chosen option; None without options, or if none is likely enough.
        confidence: calibrated probability of the likeliest option; None for free text.
        probabilities: of every option.
        places: boxes that the answer names.
        complete: False if the answer was cut off at its last whole sentence.
        trained: whether the model was trained for such questions; None if nobody knows.
        notes: what a careful reader should know.
    """

    text: str
    looked_at: tuple[str, ...]
    choice: str | None = None
    confidence: float | None = None
    probabilities: tuple[tuple[str, float], ...] = ()
    places: tuple[PlacedBox, ...] = ()
    complete: bool = True
    trained: bool | None = None
    notes: tuple[str, ...] = ()


class Assistant:
    """A model with its processor, and what it was trained for."""

    def __init__(
        self,
        model: VersaMammoForImageTextToText,
        processor: VersaMammoVlmProcessor,
        competence: Competence | None = None,
    ) -> None:
        self.prefixes = PrefixMemory()
        # several tokens at once cost little more than one where reading the weights is the work
        self.drafted = DRAFTED if isinstance(model.lm_head, Int8Linear) else 0
        self.model = model
        self.processor = processor
        self.competence = competence or Competence()

    @classmethod
    def load(cls, folder: Path | str, dtype: str = "auto") -> Assistant:
        """Open what `vlm/train.py` wrote, with weights as `open_model` names them.

        Raises:
            InputError: it is no such folder, or is damaged.
        """
        # a conversation asks about the same images again and again
        model, processor = open_model(folder, dtype, FEATURES_GB)
        return cls(model, processor, read_competence(Path(folder)))

    def look(self, images: Sequence[OneImage]) -> tuple[PromptImage, ...]:
        """Read and prepare images.

        Raises:
            InputError: one of them cannot be read, or is no mammogram.
        """
        return tuple(look_at(image, self.processor.image_processor) for image in images)

    def answer(
        self,
        pictures: Sequence[PromptImage],
        question: str,
        history: Sequence[Turn] = (),
        *,
        context: bool = True,
        most_words: int = MOST_WORDS,
    ) -> Answer:
        """Answer in words."""
        asked = Question(question, tuple(pictures), tuple(history), context)
        reply = answer(
            self.model, self.processor, [asked], most_words=most_words, prefixes=self.prefixes,
            drafted=self.drafted,
        )[0]  # fmt: skip
        return self.explain(pictures, question, reply.text, complete=reply.complete)

    def stream(
        self,
        pictures: Sequence[PromptImage],
        question: str,
        history: Sequence[Turn] = (),
        *,
        context: bool = True,
        facts: Sequence[str] = (),
        most_words: int = MOST_WORDS,
    ) -> Iterator[str]:
        """Answer in words, piece by piece, from lines of a record if any are given.

        Hand what came together to `explain`.
        """
        asked = Question(question, tuple(pictures), tuple(history), context, tuple(facts))
        return stream(
            self.model, self.processor, asked, most_words=most_words, prefixes=self.prefixes,
            drafted=self.drafted,
        )  # fmt: skip

    def explain(
        self, pictures: Sequence[PromptImage], question: str, text: str, *, complete: bool = True
    ) -> Answer:
        """Return of an answer's text what was looked at, which places it names and what to note."""
        cut = () if complete else ("the answer was cut off after its last whole sentence",)
        return Answer(
            text=text,
            looked_at=_names(pictures),
            places=_places(text, pictures),
            complete=complete,
            trained=self.trained_for(question),
            notes=(*self._notes(question), *cut),
        )

    def choose(
        self,
        pictures: Sequence[PromptImage],
        question: str,
        options: Sequence[str],
        *,
        context: bool = True,
        sure_enough: float = SURE_ENOUGH,
    ) -> Answer:
        """Choose among any options by how likely each is as the answer, or abstain.

        Yes and no are asked for as such, like everywhere.

        Raises:
            InputError: fewer than two options, one that is empty, or one given twice.
        """
        _check_options(options)
        folded = {option.strip().casefold() for option in options}
        kind = Kind.YES_NO if folded == {"yes", "no"} else Kind.SINGLE
        prompt = closed_prompt(kind, question, options)
        chances = self._chances(pictures, prompt, options, context=context)
        best = max(range(len(options)), key=chances.__getitem__)
        sure = chances[best] >= sure_enough
        notes = self._notes(question)
        if not self.competence.fitted_on:
            notes = (*notes, "confidence is not calibrated")
        if not sure:
            notes = (*notes, f"no option is {sure_enough:.0%} likely; none is chosen")
        return Answer(
            text=options[best] if sure else "",
            looked_at=_names(pictures),
            choice=options[best] if sure else None,
            confidence=chances[best],
            probabilities=tuple(zip(options, chances, strict=True)),
            trained=self.trained_for(question),
            notes=notes,
        )

    def weigh(self, pictures: Sequence[PromptImage], topic: Topic) -> dict[str, float]:
        """Return the calibrated likelihood of each option of a topic.

        It is asked as in training, calibration and benchmark, and as there what the tags say is
        withheld: the answer is to come from the pixels.
        """
        prompt = topic_prompt(topic, len(pictures))
        chances = self._chances(pictures, prompt, topic.options, context=False)
        return dict(zip(topic.options, chances, strict=True))

    def _chances(
        self, pictures: Sequence[PromptImage], prompt: str, options: Sequence[str], *, context: bool
    ) -> list[float]:
        asked = Question(prompt, tuple(pictures), (), context)
        scores = option_scores(self.model, self.processor, asked, options, self.prefixes)
        chances: list[float] = probabilities(scores, self.competence.temperature).tolist()
        return chances

    def trained_for(self, question: str) -> bool | None:
        """Return whether such questions were trained; None if the model's folder does not tell."""
        if not self.competence.topics:
            return None
        return topic_of(question) in self.competence.topics

    def _notes(self, question: str) -> tuple[str, ...]:
        trained = self.trained_for(question)
        if trained is None:
            return (NOTICE, "what this model was trained for is not known")
        if trained:
            tried = self.competence.on(topic_of(question))
            if tried is None:
                return (NOTICE, "how well it answers such questions was never measured")
            if tried.above_chance:
                return (NOTICE, f"such questions were {tried}")
            return (NOTICE, f"do not rely on the answer: {tried.why_not()}")
        known = ", ".join(self.competence.topics)
        about = f"this model was not trained for such questions, only for: {known}"
        return (NOTICE, f"{about}; do not rely on the answer")


def _names(pictures: Sequence[PromptImage]) -> tuple[str, ...]:
    return tuple(
        f"{caption(picture, number, context=True).rstrip(':')} ({picture.name})"
        for number, picture in enumerate(pictures, start=1)
    )


def _places(text: str, pictures: Sequence[PromptImage]) -> tuple[PlacedBox, ...]:
    crops = [picture.crop for picture in pictures]
    if None in crops:
        return ()
    return tuple(PlacedBox(image, box) for image, box in places_in(text, cast(list[Crop], crops)))


def _check_options(options: Sequence[str]) -> None:
    folded = {option.strip().casefold() for option in options}
    if len(options) < 2 or "" in folded or len(folded) < len(options):
        message = f"found {list(options)}; expected two or more, each different and not empty"
        raise InputError(message, field="options", reason="bad-options")
