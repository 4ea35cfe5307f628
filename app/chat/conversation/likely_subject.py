"""What a question most likely asks for, where no rule reads it: its nearest kind of examples.

A linear classifier over words and parts of words, learnt within a second from the sentences in
`example_questions.yaml`. What is far from all of them stays not understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

from app.chat.conversation.subjects import Subject

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FILE = "example_questions.yaml"
# Probability of one kind among all; below, nothing is guessed. Of the examples, kept back in five
# parts, a quarter is answered then, three of four of these for what they ask.
LEAST = 0.5
SHORTEST = 2  # words of a question that can be guessed


@dataclass(frozen=True)
class Likely:
    """What a question most likely asks for.

    Attributes:
        topics: that it is about, by their names in the vocabulary.
        facts: what is asked of the tags.
    """

    subject: Subject
    topics: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


KINDS = {
    "findings": Likely(Subject.FINDINGS, ("Abnormality",)),
    "places": Likely(Subject.PLACES),
    "sizes": Likely(Subject.SIZES),
    "density": Likely(Subject.TOPIC, ("ACR",)),
    "pathology": Likely(Subject.TOPIC, ("Pathology",)),
    "birads": Likely(Subject.TOPIC, ("Bi-Rads",)),
    "compare": Likely(Subject.COMPARE),
    "report": Likely(Subject.REPORT),
    "view": Likely(Subject.TAGS, facts=("side",)),
    "machine": Likely(Subject.TAGS, facts=("machine",)),
    "picture_size": Likely(Subject.TAGS, facts=("size",)),
    "why": Likely(Subject.WHY),
    "confidence": Likely(Subject.CONFIDENCE),
    "about": Likely(Subject.ABOUT),
    "trust": Likely(Subject.TRUST),
    "abilities": Likely(Subject.ABILITIES),
    "privacy": Likely(Subject.PRIVACY),
    "advice": Likely(Subject.ADVICE),
    "person": Likely(Subject.PERSON),
    "change": Likely(Subject.CHANGE),
    "off_topic": Likely(Subject.UNKNOWN),
}


def examples() -> dict[str, list[str]]:
    """Return the example questions of each kind."""
    text = (files(__package__) / FILE).read_text(encoding="utf-8")
    return {kind: some.split("; ") for kind, some in yaml.safe_load(text).items()}


@cache
def _classifier() -> Pipeline:
    # a second to import, for the few questions that no rule reads
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    pairs = [(one, kind) for kind, some in examples().items() for one in some]
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"[\w']+"),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
    )
    learner = LogisticRegression(
        C=20.0, class_weight="balanced", solver="saga", tol=1e-2, random_state=0
    )
    made = make_pipeline(features, learner)
    return made.fit([one for one, _ in pairs], [kind for _, kind in pairs])


def likely_subject(question: str) -> Likely | None:
    """Return what a question most likely asks for; None where that is not clear."""
    if len(question.split()) < SHORTEST:
        return None
    model = _classifier()
    (chances,) = model.predict_proba([question.casefold()])
    first = chances.argmax()
    kind = KINDS[str(model.classes_[first])]
    if chances[first] < LEAST or kind.subject is Subject.UNKNOWN:
        return None
    return kind
