"""What a model was trained to answer, and how sure it may be: `competence.json` beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.vocabulary import topics_named
from versamammo.vqa import Item, Kind
from vlm.instructions.wording import prompt_of
from vlm.likelihood import fit_temperature, option_scores
from vlm.model import VersaMammoForImageTextToText
from vlm.processor import VersaMammoVlmProcessor
from vlm.prompts import Question
from vlm.shelf import Shelf

FILE = "competence.json"

# what is asked for beside the vocabulary's topics; looked for before them
_ALSO = (
    ("Place", re.compile(r"\b(where|place of|locat\w+|in which box)\b")),
    ("Report", re.compile(r"\b(report|descri\w+|summar\w+)\b")),
)


@dataclass(frozen=True)
class Tried:
    """How questions about one topic went on patients not learned from, context withheld.

    Attributes:
        asked: questions with options and one right answer.
        right: of which the likeliest option was right.
        by_chance: how many would be right by guessing.
    """

    topic: str
    asked: int
    right: int
    by_chance: float

    def __str__(self) -> str:
        return (
            f"on patients it had not learned from, {self.right} of {self.asked} such questions "
            f"were answered rightly; guessing gets {self.by_chance:.0f}"
        )


@dataclass(frozen=True)
class Competence:
    """What may be asked.

    Attributes:
        topics: that were learned.
        temperature: of option likelihoods, fitted on patients not learned from.
        fitted_on: how many questions it was fitted on; 0 if it never was.
        tried: how the topics went on those questions.
    """

    topics: tuple[str, ...] = ()
    temperature: float = 1.0
    fitted_on: int = 0
    tried: tuple[Tried, ...] = ()

    def on(self, topic: str | None) -> Tried | None:
        """Tell how a topic went, if it was tried."""
        return next((one for one in self.tried if one.topic == topic), None)


def topic_of(question: str) -> str | None:
    """Guess what a free question is about; None if nothing in it tells."""
    said = question.casefold()
    found = [name for name, pattern in _ALSO if pattern.search(said)]
    return next(iter((*found, *topics_named(said))), None)


def calibrate(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    items: Sequence[Item],
    shelf: Shelf,
    topics: Sequence[str],
) -> Competence:
    """Fit the temperature on questions of one right option, exam context withheld."""
    scores, truths = [], []
    closed = [item for item in items if item.kind is not Kind.MULTIPLE]
    for item in closed:
        pictures = tuple(map(shelf.take, item.images))
        question = Question(prompt_of(item), pictures, context=False)
        scores.append(option_scores(model, processor, question, item.options).cpu())
        truths.append(item.options.index(item.answer[0]))
    temperature = fit_temperature(scores, truths) if scores else 1.0
    right = [int(one.argmax()) == truth for one, truth in zip(scores, truths, strict=True)]
    return Competence(tuple(topics), temperature, len(scores), _tried(closed, right))


def _tried(items: Sequence[Item], right: Sequence[bool]) -> tuple[Tried, ...]:
    went: dict[str, list[tuple[bool, float]]] = {}
    for item, hit in zip(items, right, strict=True):
        went.setdefault(item.topic, []).append((hit, 1 / len(item.options)))
    return tuple(
        Tried(topic, len(some), sum(hit for hit, _ in some), sum(chance for _, chance in some))
        for topic, some in went.items()
    )


def write_competence(folder: Path, competence: Competence) -> None:
    """Write it beside the model."""
    write_atomically(folder / FILE, (json.dumps(asdict(competence), indent=1) + "\n").encode())


def read_competence(folder: Path) -> Competence:
    """Read it; a folder without one knows nothing of what it was trained for.

    Raises:
        InputError: the file is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        return Competence()
    try:
        record = json.loads(file.read_text())
        if set(record) != {field.name for field in fields(Competence)}:
            raise ValueError(f"found the keys {sorted(record)}")
        return Competence(
            tuple(record["topics"]),
            float(record["temperature"]),
            int(record["fitted_on"]),
            tuple(Tried(**one) for one in record["tried"]),
        )
    except (ValueError, TypeError) as error:
        message = f"cannot be used: {error}"
        raise InputError(message, file=file, reason="bad-competence") from error
