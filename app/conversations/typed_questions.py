"""Questions as people type them: wordings of each subject, with names put in, and mistypings."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import yaml

from app.chat.conversation.intent_classifier import INTENTS, typed_examples
from app.chat.evidence.exam import Exam
from vlm.knowledge.glossary import glossary

FILE = Path(__file__).parent / "typed_questions.yaml"
FINDINGS = (
    ("mass", 6), ("lump", 1), ("tumor", 1), ("nodule", 1), ("calcification", 4),
    ("microcalcification", 1), ("asymmetry", 3), ("architectural distortion", 2),
    ("skin thickening", 1), ("skin retraction", 1), ("nipple retraction", 1),
    ("suspicious lymph node", 1),
)  # fmt: skip
SHAPES = ("spiculated", "round", "oval", "irregular", "lobulated", "dense", "tiny", "palpable")
# subjects that are asked for in the words of an intent's examples too, or in these alone
EXAMPLES = {
    "findings": "findings", "places": "places", "sizes": "sizes", "count": "count",
    "density": "density", "birads": "birads", "pathology": "pathology", "compare": "compare",
    "exact": "places", "nature": "nature", "attributes": "attributes", "change": "change",
    "person": "person", "advice": "advice", "meaning": "meaning", "sure": "confidence",
    "why": "why", "known": "known", "program": "program", "exposure": "exposure",
    "view": "view", "picture_size": "picture_size", "machine": "machine",
}  # fmt: skip
AS_TYPED = 0.3  # share of the questions of such a subject that are examples
TYPED = 0.25  # share of questions that are typed in a hurry
NAMED = 0.2  # share of questions that name a picture or a side
SUBJECTS = (  # how often each is asked first
    ("findings", 4), ("finding", 7), ("negated", 2), ("shaped", 2), ("count", 2), ("places", 3),
    ("sizes", 2), ("density", 4), ("birads", 2), ("pathology", 3), ("tissue", 1), ("cancer", 2),
    ("side", 5), ("view", 5), ("picture_size", 2), ("bits", 1), ("warnings", 1), ("machine", 2),
    ("film_or_digital", 1), ("quality", 3), ("pictures", 1), ("compare", 4), ("views_of_one", 2),
    ("meaning", 14), ("two_terms", 1), ("greeting", 1), ("thanks", 1), ("about", 1),
    ("abilities", 1), ("trust", 1), ("advice", 3), ("change", 3), ("person", 3), ("off_topic", 3),
    ("privacy", 1), ("order", 2), ("exact", 3), ("nature", 3), ("attributes", 3), ("program", 10),
    ("known", 14), ("exposure", 3), ("implant", 2), ("indication", 1),
)  # fmt: skip
NEXT = (  # and after another question
    ("where", 4), ("size_of_it", 3), ("sure", 4), ("why", 4), ("other_side", 2), ("more", 1),
    ("thanks", 1),
)  # fmt: skip


@cache
def wordings() -> dict[str, list[str]]:
    """Return the wordings of each subject."""
    told = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {str(name): [str(one) for one in some] for name, some in told.items()}


def first_question(exam: Exam, random: np.random.Generator) -> str:
    """Draw a question that needs none before it."""
    return _typed(_filled(_drawn(SUBJECTS, random), exam, random), random)


def next_question(exam: Exam, random: np.random.Generator) -> str:
    """Draw a question that goes on from the one before, or begins anew."""
    if random.random() < 0.5:
        return first_question(exam, random)
    return _typed(_filled(_drawn(NEXT, random), exam, random), random)


def _drawn(shares: tuple[tuple[str, int], ...], random: np.random.Generator) -> str:
    chances = np.array([share for _, share in shares], float)
    return shares[int(random.choice(len(shares), p=chances / chances.sum()))][0]


@cache
def _examples() -> dict[str, list[str]]:
    """Return the questions of each intent; all of fixed texts together."""
    found: dict[str, list[str]] = {}
    for name, words in typed_examples():
        intent = INTENTS[name]
        of = "known" if intent.known else "program" if intent.program_fact else name
        found.setdefault(of, []).append(words)
    return found


def _filled(subject: str, exam: Exam, random: np.random.Generator) -> str:
    plain = wordings().get(subject)
    if not plain or (subject in EXAMPLES and random.random() < AS_TYPED):
        typed = _examples()[EXAMPLES[subject]]
        return typed[int(random.integers(len(typed)))]
    words = plain[int(random.integers(len(plain)))]
    finding = _drawn(FINDINGS, random)
    article = "an" if finding[0] in "aeiou" else "a"
    plural = finding.removesuffix("s") + ("es" if finding.endswith("ss") else "s")
    plural = {"asymmetry": "asymmetries", "mass": "masses"}.get(finding, plural)
    entries = glossary()
    names = entries[int(random.integers(len(entries)))].names
    filled = words.format(
        finding=finding, a_finding=f"{article} {finding}", findings=plural,
        shape=SHAPES[int(random.integers(len(SHAPES)))],
        term=names[0] if random.random() < 0.7 else names[int(random.integers(len(names)))],
        other_term=entries[int(random.integers(len(entries)))].names[0],
        picture=exam.names[int(random.integers(len(exam.names)))],
    )  # fmt: skip
    if subject in ("findings", "finding", "density", "pathology") and random.random() < NAMED:
        picture = exam.names[int(random.integers(len(exam.names)))]
        side = "right" if picture.startswith("R") else "left"
        ways = (f" in the {picture}", f" in {picture}", f" in the {side} breast", f" on the {side}")
        where = ways[int(random.integers(len(ways)))]
        filled = f"{filled.rstrip('?.')}{where}{filled[len(filled.rstrip('?.')) :]}"
    return filled


def _typed(words: str, random: np.random.Generator) -> str:
    """Return a question as it was typed: some in lower case, some with letters swapped."""
    if random.random() < TYPED:
        words = words.lower().rstrip("?.")
    long = [i for i, word in enumerate(words.split()) if len(word) > 5 and word.isalpha()]
    if long and random.random() < 0.08:
        split = words.split()
        at = long[int(random.integers(len(long)))]
        cut = int(random.integers(1, len(split[at]) - 2))
        word = split[at]
        split[at] = word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
        words = " ".join(split)
    return words
