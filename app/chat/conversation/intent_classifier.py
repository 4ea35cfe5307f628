"""What a question asks for, learnt from examples by a linear classifier over words and their parts.

It learns from `intent_examples.tsv`, questions that language models wrote in
the voices of radiologists, students, engineers, patients and hurried people, each with what it asks
for; and from plain questions for each finding of the vocabulary and each term of the glossary. What
is generally known are many things of three fields: that one of a field is asked for is told first,
and which one by a classifier of that field.
"""

from __future__ import annotations

import math
import re
import threading
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files

from app.chat.conversation.asked import Asked
from app.chat.conversation.linear_intents import IntentClassifier, kept_or_learnt
from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.subjects import Subject
from vlm.knowledge.general_answers import general_answers
from vlm.knowledge.glossary import glossary
from vlm.knowledge.glossary_search import APOSTROPHE

FILE = "intent_examples.tsv"
SAME = "same"  # what a follow-up asks for that asks the question before once more
OTHER = "off_topic"
ORDER = "order"
# margin of the classifier: a question that is nearer to none is put as one that may be misread
SURE = -0.45
# a question that is further than this from every example is not answered by a guess
FAR = -0.6
# what holds for one thing about the program, or is generally known, is said to questions that are
# near to its examples
SURE_OF_ONE = -0.35
SURE_OF_KNOWN = -0.2
# where nothing else answers, a general answer is said to questions that are as near as this
NEAR_KNOWN = -0.6
# a question that names a term of the glossary asks for it if “meaning” is no further behind
GENERAL, GENERAL_TOO = "meaning", 0.8
# a second fact of the tags is asked for, too, from this margin on
TOO = -0.25
_LEARNING = threading.Lock()  # one thread learns, others wait for it


@dataclass(frozen=True)
class Intent:
    """What a question asks for.

    Attributes:
        topics: that it is about, by their names in the vocabulary.
        fact: what is asked of the tags.
        program_fact: what is asked about the program.
        known: name of the general answer that is asked for.
    """

    subject: Subject
    topics: tuple[str, ...] = ()
    fact: str = ""
    program_fact: str = ""
    known: str = ""


OF_KNOWN = "general."  # what the names of intents for general answers begin with
INTENTS = {
    "findings": Intent(Subject.FINDINGS, ("Abnormality",)),
    "places": Intent(Subject.PLACES),
    "sizes": Intent(Subject.SIZES),
    "count": Intent(Subject.COUNT),
    "attributes": Intent(Subject.ATTRIBUTES),
    "density": Intent(Subject.TOPIC, ("ACR",)),
    "pathology": Intent(Subject.TOPIC, ("Pathology",)),
    "birads": Intent(Subject.TOPIC, ("Bi-Rads",)),
    "scores": Intent(Subject.SCORES),
    "agree": Intent(Subject.AGREE),
    "nature": Intent(Subject.NATURE),
    "compare": Intent(Subject.COMPARE),
    "change": Intent(Subject.CHANGE),
    "report": Intent(Subject.REPORT),
    "view": Intent(Subject.TAGS, fact="side"),
    "pictures": Intent(Subject.TAGS, fact="pictures"),
    "picture_size": Intent(Subject.TAGS, fact="size"),
    "quality": Intent(Subject.TAGS, fact="quality"),
    "warnings": Intent(Subject.TAGS, fact="warnings"),
    "machine": Intent(Subject.TAGS, fact="machine"),
    "exposure": Intent(Subject.TAGS, fact="exposure"),
    "why": Intent(Subject.WHY),
    "confidence": Intent(Subject.CONFIDENCE),
    "about": Intent(Subject.ABOUT),
    "abilities": Intent(Subject.ABILITIES),
    "trust": Intent(Subject.TRUST),
    "privacy": Intent(Subject.PRIVACY),
    "page": Intent(Subject.PAGE),
    "advice": Intent(Subject.ADVICE),
    "person": Intent(Subject.PERSON),
    GENERAL: Intent(Subject.MEANING),
    "source": Intent(Subject.SOURCE),
    "greeting": Intent(Subject.GREETING),
    "thanks": Intent(Subject.THANKS),
    ORDER: Intent(Subject.UNKNOWN),
    OTHER: Intent(Subject.UNKNOWN),
    SAME: Intent(Subject.UNKNOWN),
    **{name: Intent(Subject.PROGRAM, program_fact=name) for name in program_facts()},
    **{f"{OF_KNOWN}{name}": Intent(Subject.KNOWLEDGE, known=name) for name in general_answers()},
}
FACTS = tuple(one.fact for one in INTENTS.values() if one.fact)


FINDINGS = (
    "mass", "lump", "nodule", "tumour", "lesion", "calcification", "microcalcification", "calcs",
    "asymmetry", "architectural distortion", "distorted architecture", "skin thickening",
    "thickened skin", "skin retraction", "nipple retraction", "retracted nipple", "lymph node",
    "suspicious node", "abnormality", "finding", "spot", "shadow",
)  # fmt: skip
OF_FINDINGS = {
    "findings": ("is there {}?", "is there a {} in the breast?", "any {}s?", "do you see a {}?",
                 "{}?", "and {}s?", "rule out {}", "no {}, right?", "can you spot a {}?",
                 "could that be a {}?", "is a {} visible on the left?"),
    "places": ("where is the {}?", "show me the {}", "is there a {}, and where?"),
    "sizes": ("how large is the {}?", "size of the {}"),
    "count": ("how many {}s?", "number of {}s"),
    "attributes": ("what shape is the {}?", "describe the margin of the {}"),
    GENERAL: ("what is a {}?", "what does {} mean?"),
    "change": ("has the {} changed?", "is the {} new?"),
}  # fmt: skip
OF_TERMS = ("what is {}?", "tell me about {}")


@dataclass(frozen=True)
class Likely:
    """The intent that a question most likely has.

    Attributes:
        name: of the intent.
        sure: whether it is near enough to its examples.
        facts: of the tags, that are asked for; more than one where several are near.
        general: whether it may as well ask for general knowledge.
        other: name of the intent that is next likely.
        known: name of the nearest general answer, if it is near.
        sure_of_known: whether it is near enough to be told beside a term of the glossary.
        far: what it is nearest to, in words, where it is far from every example; else empty.
    """

    name: str
    sure: bool
    facts: tuple[str, ...]
    general: bool
    other: str
    known: str = ""
    sure_of_known: bool = False
    far: tuple[str, ...] = ()

    @property
    def intent(self) -> Intent:
        """Return what is asked for."""
        return INTENTS[self.name]

    def or_else(self) -> Likely:
        """Return the same with what is next likely asked for."""
        fact = INTENTS[self.other].fact
        return replace(self, name=self.other, facts=(fact,) if fact else ())


def typed_examples() -> list[tuple[str, str]]:
    """Return the questions of the file, each after the name of its intent."""
    text = (files(__package__) / FILE).read_text(encoding="utf-8")
    return [(name, words) for name, words in (row.split("\t") for row in text.splitlines())]


def examples() -> list[tuple[str, str]]:
    """Return all questions that are learnt from, each after the name of its intent."""
    plain_ones = [
        (name, form.format(finding))
        for finding in FINDINGS
        for name, forms in OF_FINDINGS.items()
        for form in forms
    ]
    explained = [
        (GENERAL, form.format(name)) for entry in glossary() for name in entry.names
        for form in OF_TERMS
    ]  # fmt: skip
    return [*typed_examples(), *plain_ones, *explained]


def plain(question: str) -> str:
    """Return a question as the classifier reads it."""
    return " ".join(re.sub(r"[“”\"]", " ", question.casefold().replace(APOSTROPHE, "'")).split())


def learn_ahead() -> None:
    """Begin to learn in a thread, while models are opened."""
    threading.Thread(target=classifier, daemon=True).start()


def field_of(name: str) -> str:
    """Return the field of knowledge of an intent; empty if it asks for no general answer."""
    known = INTENTS[name].known
    return general_answers()[known].part if known else ""


def classifier() -> IntentClassifier:
    """Return the classifier, learnt at the first call."""
    with _LEARNING:
        return _learnt()


@cache
def _learnt() -> IntentClassifier:
    return kept_or_learnt([(name, plain(words)) for name, words in examples()], field_of)


def _least(name: str) -> float:
    """Return how near a question has to be to an intent for which one text is said."""
    intent = INTENTS[name]
    return SURE_OF_KNOWN if intent.known else SURE_OF_ONE if intent.program_fact else -math.inf


def _called(name: str) -> str:
    """Return in words what an intent asks for."""
    one = INTENTS[name]
    asked = Asked(one.subject, (), one.topics, known=one.known, program_fact=one.program_fact)
    return "something else" if name == OTHER else asked.in_words(())


@lru_cache(maxsize=512)
def likely_intent(question: str) -> Likely:
    """Return what a question most likely asks for."""
    every = classifier().ranked(plain(question))
    ranked = [(margin, name) for margin, name in every if margin >= _least(name)]
    margin, first = ranked[0]
    facts = [INTENTS[name].fact for near, name in ranked if near >= TOO and INTENTS[name].fact]
    fact = INTENTS[first].fact
    asked = tuple(dict.fromkeys([fact, *facts])) if fact else ()
    general = margin - next(near for near, name in ranked if name == GENERAL) <= GENERAL_TOO
    near = [(margin, INTENTS[name].known) for margin, name in every if INTENTS[name].known]
    elsewhere = first == OTHER and margin > 0  # surely about something else
    answered = near and near[0][0] >= NEAR_KNOWN and not elsewhere
    distance, known = near[0] if answered else (-math.inf, "")
    far = tuple(_called(name) for _, name in every[:2]) if every[0][0] < FAR else ()
    return Likely(
        first, margin >= SURE, asked, general, ranked[1][1], known, distance >= SURE_OF_ONE, far
    )
