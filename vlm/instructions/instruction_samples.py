"""Conversations to learn from: closed, open, about places, in several turns, and short reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from versamammo.data.dataset import Picture
from versamammo.data.labels import FINDINGS
from versamammo.vocabulary import FINDING_WORDS, NORMAL, sentence
from vlm.box_tokens import in_words
from vlm.instructions.topics import BY_NAME, TOPICS, LabelledTopic
from vlm.instructions.wording import answer_of, asked, topic_prompt
from vlm.prompts import Turn

T = TypeVar("T")
Images = tuple[int, ...]  # places in an archive
_REPORT_ASKED = (
    "Write a short report.",
    "Describe {}.",
    "Report on {}.",
    "What do you see?",
    "Summarise the findings.",
)
_WHERE = (
    "Where is the {}?",
    "Give the place of the {}.",
    "In which box does the {} lie?",
    "Locate the {}.",
    "Show me the {}.",
)
_LIST = "List all that is seen."
_ELSEWHERE = (
    "What is the weather like?", "How old is the patient?", "What is her name?", "Who are you?",
    "Write a poem.", "Tell me a joke.", "What is two plus two?", "Is the heart healthy?",
    "Which drug should be given?", "What is the capital of France?", "Can you book a visit?",
    "Is there a broken bone?", "What did she eat?", "Is the lung clear?", "Translate this.",
    "Does the patient have diabetes?", "What time is it?", "Is this a brain scan?",
)  # fmt: skip
NOT_SEEN = "That cannot be told from a mammogram."
SIDE_UNKNOWN = "The side cannot be told from the pixels alone."
_TYPED = 0.2  # share of open questions that are typed in a hurry


@dataclass(frozen=True)
class Lesson:
    """One conversation about one or several images; its answers are to be learned.

    Attributes:
        images: places in the archive.
        question: the last one.
        answer: to the last question.
        topic: what it is about, for counting.
        history: what was asked and answered before.
        context: whether the prompt tells what the tags say.
        facts: lines of the record of evidence that the answer is written from.
        views: what the images are shown as, such as `R MLO`, in place of what their tags say.
    """

    images: Images
    question: str
    answer: str
    topic: str
    history: tuple[Turn, ...] = ()
    context: bool = True
    facts: tuple[str, ...] = ()
    views: tuple[str, ...] = ()


def closed_turn(
    topic: LabelledTopic, pictures: Sequence[Picture], random: np.random.Generator
) -> Turn:
    """Ask with options in a random order; the answer names the options in that order."""
    answer = topic.answer(pictures)
    assert answer is not None, "only what is known is asked"
    options = topic.offered(pictures)
    shuffled = [options[i] for i in random.permutation(len(options))]
    told = answer_of([option for option in shuffled if option in answer])
    wording = int(random.integers(len(topic.wordings)))
    return Turn(topic_prompt(topic, len(pictures), shuffled, wording), told)


def open_turn(
    topic: LabelledTopic, pictures: Sequence[Picture], random: np.random.Generator
) -> Turn:
    """Ask without options; the answer is a sentence."""
    answer = topic.answer(pictures)
    assert answer is not None, "only what is known is asked"
    words = asked(topic, len(pictures), int(random.integers(len(topic.wordings))))
    return Turn(_typed(words, random), sentence(topic, answer, int(random.integers(8))))


def place_turn(pictures: Sequence[Picture], random: np.random.Generator) -> Turn | None:
    """Ask where a kind of finding lies, there or not; none if no kind is known to be either."""
    placed = placed_findings(pictures)
    absent = [n for n in FINDINGS if all(getattr(p.labels, n) == 0 for p in pictures)]
    nothing = BY_NAME["Abnormality"].answer(pictures) == (NORMAL,)
    said = {name: _there(name, places) for name, places in placed.items()}
    if placed:
        said["finding"] = " ".join(_there(name, places) for name, places in placed.items())
    missing = {name: f"There is no {FINDING_WORDS[name].lower()}." for name in absent}
    if nothing:
        missing["finding"] = "There is no finding."
    among = said if said and (not missing or random.random() < 0.7) else missing
    if not among:
        return None
    name = sorted(among)[int(random.integers(len(among)))]
    words = FINDING_WORDS.get(name, name).lower()
    where = _WHERE[int(random.integers(len(_WHERE)))].format(words)
    return Turn(_typed(where, random), among[name])


def report_turn(pictures: Sequence[Picture], random: np.random.Generator) -> Turn | None:
    """Ask for composition, findings with place, and assessment, as far as they are known."""
    text = report(pictures)
    shown = "this mammogram" if len(pictures) == 1 else "these mammograms"
    words = _REPORT_ASKED[int(random.integers(len(_REPORT_ASKED)))].format(shown)
    return None if text is None else Turn(_typed(words, random), text)


def list_turn(picture: Picture, topics: Sequence[str] = ()) -> Turn:
    """Ask for everything that an image shows, in one order: what a projector learns fastest by."""
    return Turn(_LIST, facts(picture, None, topics))


def elsewhere_turn(random: np.random.Generator) -> Turn:
    """Ask what no mammogram shows."""
    words = _ELSEWHERE[int(random.integers(len(_ELSEWHERE)))]
    return Turn(_typed(words, random), NOT_SEEN)


def report(pictures: Sequence[Picture]) -> str | None:
    """Write a short report in the order that readers use; None if findings are unknown."""
    answers = {topic.name: topic.answer(pictures) for topic in TOPICS}
    found = answers["Abnormality"]
    if found is None:
        return None
    parts = []
    if composition := answers["ACR"]:
        parts.append(f"Composition: ACR {composition[0].removeprefix('Level ')}.")
    placed = {FINDING_WORDS[kind]: places for kind, places in placed_findings(pictures).items()}
    named = [
        word.lower() + (f" at {' and '.join(placed[word])}" if word in placed else "")
        for word in found
    ]
    parts.append("Findings: " + ("none." if found == (NORMAL,) else f"{'; '.join(named)}."))
    if assessment := answers["Bi-Rads"]:
        parts.append(f"Assessment: BI-RADS {assessment[0].removeprefix('Bi-Rads ')}.")
    return " ".join(parts)


def placed_findings(pictures: Sequence[Picture]) -> dict[str, list[str]]:
    """Return the places of each kind of finding, in words; of several images, in which."""
    places: dict[str, list[str]] = {}
    for number, picture in enumerate(pictures, start=1):
        suffix = "" if len(pictures) == 1 else f" in image {number}"
        for finding in picture.labels.findings:
            place = None if finding.box is None else in_words(finding.box, picture.crop)
            if place is not None:
                places.setdefault(finding.kind, []).append(place + suffix)
    return places


def facts(
    picture: Picture,
    random: np.random.Generator | None,
    topics: Sequence[str] = (),
    *,
    tagged: bool = False,
) -> str:
    """Return in words what an image shows, in any order: read by a language model before it sees.

    A language model that begins from nothing learns on these what answers follow from; a
    projector then has something to translate into. Tags are left to the exam context.

    Args:
        picture: with its labels.
        random: of the order; None keeps one order.
        topics: only these; all if empty.
        tagged: the exam context tells the view, so that it has to be read there.
    """
    told = []
    elsewhere = ("Laterality", "Abnormality", *(("View",) if tagged else ()))
    for topic in TOPICS:
        answer = topic.answer([picture])
        single = topic.name in FINDING_WORDS.values()
        left_out = topic.name in elsewhere or (topics and topic.name not in topics)
        if answer is not None and not single and not left_out:
            told.append(f"{topic.name} {answer_of(answer)}")
    placed = placed_findings([picture])
    for name in FINDINGS:
        present = getattr(picture.labels, name)
        if topics and FINDING_WORDS[name] not in topics:
            continue
        if present == 1:
            told.append(" ".join([FINDING_WORDS[name], *placed.get(name, [])]))
        elif not math.isnan(present):
            told.append(f"no {FINDING_WORDS[name].lower()}")
    order = range(len(told)) if random is None else random.permutation(len(told))
    return "; ".join(told[i] for i in order)


def _there(name: str, places: Sequence[str]) -> str:
    return f"{FINDING_WORDS[name]} at {' and '.join(places)}."


def _typed(question: str, random: np.random.Generator) -> str:
    return question.lower().rstrip("?.") if random.random() < _TYPED else question


def pick(among: Sequence[T], random: np.random.Generator) -> T:
    """Return one of several, each as likely."""
    return among[int(random.integers(len(among)))]
