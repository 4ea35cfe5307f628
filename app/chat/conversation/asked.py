"""A question as far as it is understood: what is asked, of which pictures and topics."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.subjects import Subject
from versamammo.vocabulary import BY_NAME, TOPICS
from vlm.knowledge.general_answers import general_answers
from vlm.knowledge.glossary import GlossaryTerm

KINDS = tuple(topic.name for topic in TOPICS if topic.finding)
ANY_FINDING = "Abnormality"


@dataclass(frozen=True)
class Asked:
    """A question as far as it is understood.

    Attributes:
        topics: named in it; of findings all are meant if none is named.
        images: numbers of the pictures that are meant; empty if there is no such picture.
        chosen: whether the question itself says which pictures it means.
        facts: what is asked of the tags, as `FACTS` names it: side, size, machine and so on.
        values: of exposure and sizes, that are asked for by name; none for all that there are.
        program_fact: name of what is asked about the program.
        known: name of the general answer that is asked for.
        unread: words that were not taken into account.
        entries: of the glossary, that answer it.
        order: whether it tells the program how to behave.
        misspelt: words that were read as others, and as which.
        near: what it is nearest to, in words, if it is far from all that can be asked.
        unsure: whether it may be misread: it is far from all examples of what it is taken for.
        same: whether it asks the question before once more, of another picture or topic.
        brief: whether a short answer is wanted.
        plain: whether words are wanted for somebody who does not read mammograms.
        views: whether views are set against each other, and not sides.
        sides: whether left and right, or both breasts, are named.
        exact: whether a place is asked for by quadrant, hour, distance or pixels.
        pixels: whether boxes are asked for.
        one_line: whether one sentence is wanted.
        yes_or_no: whether yes or no is wanted to whether anything is there.
        each: whether each picture's own value is asked for.
        both: whether both views are named.
        as_dense: whether it is asked what counts as a dense breast.
        table: whether a table is wanted.
        bare: whether a value alone is wanted, such as a letter.
        percent: whether probabilities are wanted in percent.
        most_words: that an answer may have; 0 for any number.
    """

    subject: Subject
    images: tuple[int, ...]
    topics: tuple[str, ...] = ()
    chosen: bool = False
    facts: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    program_fact: str = ""
    known: str = ""
    unread: tuple[str, ...] = ()
    entries: tuple[GlossaryTerm, ...] = ()
    order: bool = False
    misspelt: tuple[tuple[str, str], ...] = ()
    near: tuple[str, ...] = ()
    unsure: bool = False
    same: bool = False
    brief: bool = False
    plain: bool = False
    views: bool = False
    sides: bool = False
    exact: bool = False
    pixels: bool = False
    one_line: bool = False
    yes_or_no: bool = False
    each: bool = False
    both: bool = False
    as_dense: bool = False
    table: bool = False
    bare: bool = False
    percent: bool = False
    most_words: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of findings that are named."""
        return tuple(name for name in self.topics if name in KINDS)

    @property
    def named(self) -> tuple[str, ...]:
        """Return the topics; “the lesion” beside another is no topic of its own."""
        return tuple(name for name in self.topics if name != ANY_FINDING) or self.topics

    def in_words(self, pictures: Sequence[str]) -> str:
        """Return what is asked, of which topics and of which of some pictures, by their names."""
        topics = [BY_NAME[name].title for name in self.topics if name != ANY_FINDING]
        terms = [entry.term for entry in self.entries]
        said = str(self.subject) if not self.order else "an order to the program"
        if self.program_fact:
            return program_facts()[self.program_fact].title
        if self.known:
            return f"{said}: “{general_answers()[self.known].question}”"
        named = ", ".join([*terms, *([] if terms else topics)])
        about = f": {named}" if named else ""
        those = ", ".join(pictures[image] for image in self.images)
        chosen = self.chosen and those and not terms
        return f"{said}{about}{f' (of {those})' if chosen else ''}"


def kinds_among(topics: Sequence[str]) -> tuple[str, ...]:
    """Return those of some topics that are kinds of findings."""
    return tuple(name for name in topics if name in KINDS)


def judged_among(topics: Sequence[str]) -> tuple[str, ...]:
    """Return the topics that a model judges: side and view are told by the tags."""
    return tuple(name for name in topics if name not in ("View", "Laterality"))


def bare_words(question: str) -> str:
    """Return a question in lower case, without punctuation."""
    return " ".join(re.sub(r"[?!.,;:\"()]+", " ", question.casefold()).split())
