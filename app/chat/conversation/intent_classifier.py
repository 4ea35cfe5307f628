"""What a question asks for, learnt from examples by a linear classifier over words and their parts.

It learns within five seconds from `intent_examples.tsv`, questions that language models wrote in
the voices of radiologists, students, engineers, patients and hurried people, each with what it asks
for; and from plain questions for each finding of the vocabulary and each term of the glossary.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.subjects import Subject
from vlm.knowledge.glossary import glossary
from vlm.knowledge.glossary_search import APOSTROPHE

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FILE = "intent_examples.tsv"
SAME = "same"  # what a follow-up asks for that asks the question before once more
OTHER = "off_topic"
ORDER = "order"
# margin of the classifier: a question that is nearer to none is put as one that may be misread
SURE = -0.45
# what holds for one thing about the program is said to questions that are near to its examples
SURE_OF_PROGRAM = -0.35
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
    """

    subject: Subject
    topics: tuple[str, ...] = ()
    fact: str = ""
    program_fact: str = ""


INTENTS = {
    "findings": Intent(Subject.FINDINGS, ("Abnormality",)),
    "places": Intent(Subject.PLACES),
    "sizes": Intent(Subject.SIZES),
    "count": Intent(Subject.COUNT),
    "attributes": Intent(Subject.ATTRIBUTES),
    "density": Intent(Subject.TOPIC, ("ACR",)),
    "pathology": Intent(Subject.TOPIC, ("Pathology",)),
    "birads": Intent(Subject.TOPIC, ("Bi-Rads",)),
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
    """

    name: str
    sure: bool
    facts: tuple[str, ...]
    general: bool
    other: str

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


def classifier() -> Pipeline:
    """Return the classifier, learnt at the first call."""
    with _LEARNING:
        return _learnt()


@cache
def _learnt() -> Pipeline:
    # a second to import
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"[\w']+"),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2),
    )
    made = make_pipeline(features, LinearSVC(C=0.5, random_state=0))
    pairs = examples()
    return made.fit([plain(question) for _, question in pairs], [name for name, _ in pairs])


@lru_cache(maxsize=512)
def likely_intent(question: str) -> Likely:
    """Return what a question most likely asks for."""
    model = classifier()
    (margins,) = model.decision_function([plain(question)])
    ranked = sorted(zip(margins, map(str, model.classes_), strict=True), reverse=True)
    if INTENTS[ranked[0][1]].program_fact and ranked[0][0] < SURE_OF_PROGRAM:
        ranked = [one for one in ranked if not INTENTS[one[1]].program_fact]
    margin, first = ranked[0]
    facts = [INTENTS[name].fact for near, name in ranked if near >= TOO and INTENTS[name].fact]
    fact = INTENTS[first].fact
    asked = tuple(dict.fromkeys([fact, *facts])) if fact else ()
    general = margin - next(near for near, name in ranked if name == GENERAL) <= GENERAL_TOO
    return Likely(first, margin >= SURE, asked, general, ranked[1][1])
