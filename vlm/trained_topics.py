"""What a model was trained to answer, and how sure it may be: `competence.json` beside it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from torch import Tensor

from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.scoring.topic_scores import (
    LEAST_OF_A_CLASS,
    YES,
    TopicScore,
    score_topic,
    scores_from,
)
from versamammo.vocabulary import BY_NAME, topics_named
from versamammo.vqa import Item, Kind, read_object
from versamammo.vqa.asking import prompt_of
from vlm.image_cache import ImageCache
from vlm.likelihood import fit_temperature, option_scores, probabilities
from vlm.model import VersaMammoForImageTextToText
from vlm.processor import VersaMammoVlmProcessor
from vlm.prompts import Question

FILE = "competence.json"
TRIED = 200  # questions of each topic, twice what is needed: the interval is to be narrow

# what is asked for beside the vocabulary's topics; looked for before them
_ALSO = (
    ("Place", re.compile(r"\b(where|place of|locat\w+|in which box)\b")),
    ("Report", re.compile(r"\b(report|descri\w+|summar\w+)\b")),
)


@dataclass(frozen=True)
class Competence:
    """What may be asked.

    Attributes:
        topics: that were learned.
        temperature: of option likelihoods, fitted on patients not learned from.
        fitted_on: how many questions it was fitted on; 0 if it never was.
        tried: how the topics went on those questions, context withheld.
    """

    topics: tuple[str, ...] = ()
    temperature: float = 1.0
    fitted_on: int = 0
    tried: tuple[TopicScore, ...] = ()

    def on(self, topic: str | None) -> TopicScore | None:
        """Return how a topic went, if it was tried."""
        return next((one for one in self.tried if one.topic == topic), None)


def topic_of(question: str) -> str | None:
    """Guess what a free question is about; None if nothing in it tells."""
    said = question.casefold()
    found = [name for name, pattern in _ALSO if pattern.search(said)]
    return next(iter((*found, *topics_named(said))), None)


def choose_trial(items: Sequence[Item], seed: int, most: int = TRIED) -> tuple[Item, ...]:
    """Return about `most` items of each topic, its answers as evenly among them as can be.

    Of an answer that is rare all items are kept, of the others so many that the topic has `most`.
    """
    random = np.random.default_rng(seed)
    groups: dict[str, dict[tuple[str, ...], list[Item]]] = {}
    for item in items:
        groups.setdefault(item.topic, {}).setdefault(tuple(sorted(item.answer)), []).append(item)
    chosen: list[Item] = []
    for answers in groups.values():
        counts = np.array([len(some) for some in answers.values()])
        each = LEAST_OF_A_CLASS
        while each < counts.max() and np.minimum(counts, each).sum() < most:
            each += 1
        for some in answers.values():
            places = sorted(random.permutation(len(some))[:each])
            chosen += [some[place] for place in places]
    return tuple(chosen)


def calibrate(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    items: Sequence[Item],
    shelf: ImageCache,
    topics: Sequence[str],
) -> Competence:
    """Fit the temperature and score the topics, exam context withheld.

    Only questions of one right answer are asked; the likeliest option is the answer given.
    """
    closed = [item for item in items if item.kind is not Kind.MULTIPLE]
    scores = []
    for item in closed:
        pictures = tuple(map(shelf.take, item.images))
        question = Question(prompt_of(item), pictures, context=False)
        scores.append(option_scores(model, processor, question, item.options).cpu())
    truths = [item.options.index(item.answer[0]) for item in closed]
    temperature = fit_temperature(scores, truths) if scores else 1.0
    return Competence(tuple(topics), temperature, len(scores), _tried(closed, scores))


def _tried(items: Sequence[Item], scores: Sequence[Tensor]) -> tuple[TopicScore, ...]:
    went: dict[str, list[tuple[Item, dict[str, float]]]] = {}
    for item, one in zip(items, scores, strict=True):
        chances = dict(zip(item.options, probabilities(one).tolist(), strict=True))
        went.setdefault(item.topic, []).append((item, chances))
    return tuple(
        score_topic(
            topic,
            _options(topic, [item for item, _ in some]),
            [item.answer[0] for item, _ in some],
            [max(chances, key=chances.__getitem__) for _, chances in some],
            [item.cluster for item, _ in some],
            scores=[chances.get(YES) for _, chances in some],
        )
        for topic, some in went.items()
    )


def _options(topic: str, items: Sequence[Item]) -> tuple[str, ...]:
    """Return the options of a topic: the vocabulary's, and others that were offered."""
    known = BY_NAME[topic].options if topic in BY_NAME else ()
    offered = (option for item in items for option in item.options)
    return tuple(dict.fromkeys((*known, *offered)))


def write_competence(folder: Path, competence: Competence) -> None:
    """Write it beside the model."""
    record = {field.name: getattr(competence, field.name) for field in fields(Competence)}
    record["tried"] = [score.to_dict() for score in competence.tried]
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    write_atomically(folder / FILE, text.encode())


def read_competence(folder: Path) -> Competence:
    """Return what the file beside the model says; without one, that nothing is known.

    Older files hold counts of too few questions to tell anything: their topics were never tried.

    Raises:
        InputError: the file is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        return Competence()
    record = read_object(file)
    wanted = [field.name for field in fields(Competence)]
    if set(record) != set(wanted):
        message = f"found the keys {sorted(record)}; expected {', '.join(wanted)}"
        raise InputError(message, file=file, reason="bad-competence")
    topics, temperature = record["topics"], record["temperature"]
    fitted_on, tried = record["fitted_on"], record["tried"]
    if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
        raise _wrong(file, "topics", topics, "a list of texts")
    if (
        isinstance(temperature, bool)
        or not isinstance(temperature, int | float)
        or not 0 < temperature < math.inf
    ):
        raise _wrong(file, "temperature", temperature, "a number above 0")
    if isinstance(fitted_on, bool) or not isinstance(fitted_on, int) or fitted_on < 0:
        raise _wrong(file, "fitted_on", fitted_on, "a number of questions")
    return Competence(
        tuple(topics), float(temperature), fitted_on,
        () if _counts_only(tried) else scores_from(tried, file),
    )  # fmt: skip


def _counts_only(tried: object) -> bool:
    """Return whether these are the counts of an older file."""
    old = {"topic", "asked", "right", "by_chance"}
    return (
        isinstance(tried, list)
        and bool(tried)
        and all(isinstance(one, dict) and set(one) == old for one in tried)
    )


def _wrong(file: Path, field: str, found: object, expected: str) -> InputError:
    message = f"found {found!r}; expected {expected}"
    return InputError(message, file=file, field=field, reason="bad-competence")
