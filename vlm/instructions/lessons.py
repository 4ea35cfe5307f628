"""Conversations to learn from: closed, open, about places, in several turns, and short reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from versamammo.dataset import Picture
from versamammo.labels import FINDINGS
from vlm.instructions.topics import FINDING_WORDS, TOPICS, Topic
from vlm.instructions.wording import answer_of, closed_prompt, sentence
from vlm.places import in_words
from vlm.prompts import Turn

_REPORT_ASKED = ("Write a short report.", "Describe this mammogram.", "Report on this image.")
_WHERE = ("Where is the {}?", "Give the place of the {}.", "In which box does the {} lie?")


@dataclass(frozen=True)
class Lesson:
    """One conversation about one or several images; its last answer is to be learned.

    Attributes:
        images: places in the archive.
        question: the last one.
        answer: to the last question.
        topic: what it is about, for counting.
        history: what was asked and answered before.
        context: whether the prompt tells what the tags say.
    """

    images: tuple[int, ...]
    question: str
    answer: str
    topic: str
    history: tuple[Turn, ...] = ()
    context: bool = True


def closed_turn(topic: Topic, pictures: Sequence[Picture], random: np.random.Generator) -> Turn:
    """Ask with options in a random order; the answer names the options in that order."""
    answer = topic.answer(pictures)
    assert answer is not None, "only what is known is asked"
    options = topic.offered(pictures)
    shuffled = [options[i] for i in random.permutation(len(options))]
    told = answer_of([option for option in shuffled if option in answer])
    return Turn(closed_prompt(topic.kind, _asked(topic, random), shuffled), told)


def open_turn(topic: Topic, pictures: Sequence[Picture], random: np.random.Generator) -> Turn:
    """Ask without options; the answer is a sentence."""
    answer = topic.answer(pictures)
    assert answer is not None, "only what is known is asked"
    return Turn(_asked(topic, random), sentence(topic.name, answer, int(random.integers(8))))


def place_turn(picture: Picture, random: np.random.Generator) -> Turn | None:
    """Ask where a kind of finding lies; none if none has a place."""
    placed = placed_findings(picture)
    if not placed:
        return None
    kind = sorted(placed)[int(random.integers(len(placed)))]
    asked = _WHERE[int(random.integers(len(_WHERE)))].format(FINDING_WORDS[kind].lower())
    return Turn(asked, " and ".join(placed[kind]) + ".")


def report_turn(picture: Picture, random: np.random.Generator) -> Turn | None:
    """Ask for composition, findings with place, and assessment, as far as they are known."""
    text = report(picture)
    asked = _REPORT_ASKED[int(random.integers(len(_REPORT_ASKED)))]
    return None if text is None else Turn(asked, text)


def report(picture: Picture) -> str | None:
    """Write a short report in the order that readers use; None if findings are unknown."""
    answers = {topic.name: topic.answer([picture]) for topic in TOPICS}
    found = answers["Abnormality"]
    if found is None:
        return None
    parts = []
    if composition := answers["ACR"]:
        parts.append(f"Composition: ACR {composition[0].removeprefix('Level ')}.")
    placed = {FINDING_WORDS[kind]: places for kind, places in placed_findings(picture).items()}
    named = [
        word.lower() + (f" at {' and '.join(placed[word])}" if word in placed else "")
        for word in found
    ]
    parts.append("Findings: " + ("none." if found == ("Normal",) else f"{'; '.join(named)}."))
    if assessment := answers["Bi-Rads"]:
        parts.append(f"Assessment: BI-RADS {assessment[0].removeprefix('Bi-Rads ')}.")
    return " ".join(parts)


def placed_findings(picture: Picture) -> dict[str, list[str]]:
    """Give the places of each kind of finding, in words."""
    places: dict[str, list[str]] = {}
    for finding in picture.labels.findings:
        place = None if finding.box is None else in_words(finding.box, picture.crop)
        if place is not None:
            places.setdefault(finding.kind, []).append(place)
    return places


def facts(picture: Picture, random: np.random.Generator) -> str:
    """Tell in words what an image shows, in any order: what a language model reads before it sees.

    A language model that begins from nothing learns on these what answers follow from; a
    projector then has something to translate into. Tags are left to the exam context.
    """
    told = []
    for topic in TOPICS:
        answer = topic.answer([picture])
        single = topic.name in FINDING_WORDS.values()
        if answer is not None and not single and topic.name not in ("Laterality", "Abnormality"):
            told.append(f"{topic.name} {answer_of(answer)}")
    placed = placed_findings(picture)
    for name in FINDINGS:
        present = getattr(picture.labels, name)
        if present == 1:
            told.append(" ".join([FINDING_WORDS[name], *placed.get(name, [])]))
        elif not math.isnan(present):
            told.append(f"no {FINDING_WORDS[name].lower()}")
    return "; ".join(told[i] for i in random.permutation(len(told)))


def _asked(topic: Topic, random: np.random.Generator) -> str:
    return topic.wordings[int(random.integers(len(topic.wordings)))]
