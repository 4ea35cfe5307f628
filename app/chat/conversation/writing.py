"""A language model words what the record of evidence says; what disagrees with it is not shown.

The lines that the page would show are its record. The answer comes sentence by sentence, each one
compared before it is shown; one that disagrees gives way to the record's own lines, and what an
answer leaves out of them is added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum

from app.chat.conversation.asked import Asked
from app.chat.conversation.exact_places import NO_DISTANCE, OF_THE_BOX
from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.report_findings import SUSPECT
from app.chat.conversation.sayings import NOT_UNDERSTOOD
from app.chat.conversation.subjects import Subject
from app.chat.conversation.tag_sentences import TAG_SENTENCES
from app.chat.conversation.verdict_words import (
    AS_THEY_ARE,
    LIKELIEST,
    MARKED_IN,
    OF_BREASTS,
    title,
)
from app.chat.evidence.contracts import Card, ChatTurn, StreamedAnswer
from app.chat.evidence.exam import Exam
from app.chat.evidence.option_likelihoods import LanguageSource
from versamammo.errors import InputError
from vlm.grounding import completed, disagreements, hedged, numbers_in, out_of_order
from vlm.prompts import Turn

# what keeps its form: reports are forms; who answers, how well and what may be asked is told whole
_IN_OWN_FORM = frozenset(
    {Subject.REPORT, Subject.ABOUT, Subject.ABILITIES, Subject.TRUST, Subject.PRIVACY, Subject.PAGE,
     Subject.GREETING, Subject.LANGUAGE, Subject.SOURCE, Subject.SCORES, Subject.AGREE}
)  # fmt: skip
FIXED_TEXTS = (Subject.PROGRAM, Subject.KNOWLEDGE)  # whose texts stand in files
LEGAL = "cleared"  # a fact whose every word counts
UNREAD = "Not taken into account: "
UNDERSTOOD = "Understood as a question about "
OF_THE_PAGE = (UNREAD, UNDERSTOOD)  # what lines begin with that the page says itself
RELATED = "See also: "
# characters of a record of one or two pictures, and of more, whose figures it mixes up; longer ones
# are shown as they are
LONGEST, LONGEST_OF_MORE, FEW = 800, 500, 2
FEW_CASES = "it was tried on only "  # numbers with what they count, which must not be mixed up
REMEMBERED = 2  # earlier turns that are read again
MOST_TOKENS = 220
REPEATED = "says the same as the answer before, to another question"
_SENTENCE = re.compile(r"[.!?](?=\s)")


def is_worded(asked: Asked, exam: Exam, card: Card) -> bool:
    """Return whether a language model has learnt to word the answer to a question."""
    dated = asked.subject is Subject.CHANGE and exam.prior
    own = (
        dated or asked.table or asked.one_line or asked.bare or asked.percent or asked.most_words
        or asked.subject in _IN_OWN_FORM
        or (asked.subject is Subject.COMPARE and asked.views)  # it mixes up the two
        or (asked.subject in FIXED_TEXTS and asked.brief)  # one sentence as it stands
        or (asked.subject is Subject.PROGRAM and _keeps_form(asked.program_fact, card))
    )  # fmt: skip
    return bool(asked.images) and not own and "warnings" not in asked.facts


def _keeps_form(name: str, card: Card) -> bool:
    """Return whether a fact of the program is told as it stands: figures of a model, commands."""
    fact = program_facts()[name]
    own = name in dict(card.facts) or name == LEGAL
    return own or fact.speaker or fact.boxes or "`" in fact.text


def told_as_it_is(asked: Asked, made: StreamedAnswer) -> tuple[str, ...]:
    """Return the lines of an answer that no model words: warnings, sizes in pixels, doubts.

    Nor is a lesion's place worded beside a finding asked for by name, whose it is not, nor where
    views or sides are compared.
    """
    lines = record_lines(made.text)
    if asked.facts == ("quality",):
        return lines[1:]
    if "exposure" in asked.facts and len(asked.values) != 1:  # it mixes up several values
        return tuple(one for one in lines if numbers_in(one))
    named = bool(asked.kinds) and asked.subject in (Subject.FINDINGS, Subject.COUNT)
    apart = named or asked.subject is Subject.COMPARE
    kept = (*AS_THEY_ARE, NOT_UNDERSTOOD, *((LIKELIEST,) if apart else ()))
    if asked.subject is Subject.PROGRAM:  # what is judged stands below its text
        kept = (*kept, *(f"{title(name)}: " for name in asked.topics))
    if asked.subject is Subject.FINDINGS and "Pathology" not in asked.topics:
        kept = (*kept, f"{title('Pathology')}: ")
    boxes = tuple(one for one in lines if one.endswith(OF_THE_BOX) or one.startswith(NO_DISTANCE))
    located = asked.exact and asked.subject is Subject.PLACES
    exact = [one for one in lines if located and one.startswith(OF_BREASTS)]
    several = any(one.startswith(LIKELIEST) and MARKED_IN in one and "; " in one for one in lines)
    if several or len(exact) > 1 or any(SUSPECT not in one for one in exact):
        return lines  # it mixes up places
    kept = (*kept, *boxes)
    if len(asked.kinds) > 1:  # of several it makes one that is not there
        kept = (*kept, *(f"{title(name)}: not judged" for name in asked.kinds))
    return tuple(line for line in lines if line.startswith(kept))


def record_lines(text: str) -> tuple[str, ...]:
    """Return the lines of the page's text that an answer is to be written from."""
    lines = text.splitlines()
    return tuple(one for one in lines if one and not one.startswith((*OF_THE_PAGE, RELATED)))


def worded_lines(made: StreamedAnswer, below: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of an answer that a language model words, beside those that stay."""
    return tuple(line for line in record_lines(made.text) if line not in below)


class Order(Enum):
    """Of which sentences of an answer the order of words is that of the record."""

    FREE = "of none"
    WHOLE = "of all"
    TEXT = "of all, of a text that is not about these pictures"


def kept_order(asked: Asked, made: StreamedAnswer) -> Order:
    """Return for an answer which order holds: texts of files, tags, exact places, few cases."""
    if asked.subject in FIXED_TEXTS or asked.entries:
        return Order.TEXT
    exact = asked.exact and asked.subject is Subject.PLACES
    whole = exact or {*TAG_SENTENCES} & {*asked.facts} or FEW_CASES in made.text
    return Order.WHOLE if whole else Order.FREE


def _anew(text: str, facts: Sequence[str], kept: Order) -> tuple[str, ...]:
    """Return the sentences that were put together anew though their order holds."""
    return () if kept is Order.FREE else out_of_order(text, facts)


class RecordWriter:
    """Words answers from their record, with a language model that has learned to."""

    def __init__(self, language: LanguageSource) -> None:
        self._language = language

    @property
    def named(self) -> str:
        """Return what the language model is called."""
        return self._language.named

    def write(
        self,
        exam: Exam,
        question: str,
        history: Sequence[ChatTurn],
        made: StreamedAnswer,
        below: Sequence[str] = (),
        *,
        kept: Order = Order.FREE,
    ) -> Iterator[StreamedAnswer]:
        """Yield the answer as far as it is written and agrees; at last whole, or as it was made.

        Args:
            exam: whose pictures are shown to the model.
            question: in the user's words.
            history: earlier turns.
            made: what the page would say without a language model.
            below: lines of it that stand below the model's words as they are.
            kept: of which sentences the order of words holds.
        """
        facts = worded_lines(made, below)
        longest = LONGEST if len(exam.images) <= FEW else LONGEST_OF_MORE
        if not facts or len(made.text) > longest:
            yield made
            return
        above, below = _around(made.text.splitlines(), facts, below)
        before = [
            Turn(turn.question, turn.answer.written or turn.answer.text, turn.answer.facts)
            for turn in history[-REMEMBERED:]
        ]
        text, shown = "", ""
        of_pictures = kept is not Order.TEXT
        try:
            for text in self._language.write(exam, question, before, facts, MOST_TOKENS):
                ended = [match.end() for match in _SENTENCE.finditer(text)]
                whole = text[: ended[-1]].strip() if ended else ""
                if whole == shown:
                    continue
                strange = _anew(whole, facts, kept)
                if strange or disagreements(
                    whole, facts, question, complete=False, of_pictures=of_pictures
                ):
                    break
                shown = whole
                yield replace(made, text="\n".join([*above, hedged(shown), *below]), facts=facts)
            text, wrong = completed(hedged(text.strip()), facts, question, of_pictures=of_pictures)
            wrong = (*wrong, *_anew(text, facts, kept))
        except InputError as error:
            wrong = (error.message,)
        if not wrong and _is_repeated(text, question, facts, history):
            wrong = (REPEATED,)
        if wrong:
            yield replace(made, facts=facts, rejected=wrong)
            return
        yield replace(
            made, text="\n".join([*above, text, *below]), facts=facts, written=text, speaker=None
        )


def _around(
    lines: Sequence[str], facts: Sequence[str], kept: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the lines that stand above a model's words, and below them, in their own order."""
    own = [n for n, line in enumerate(lines) if line in facts]
    stays = [(n, line) for n, line in enumerate(lines) if line in kept]
    page = [line for line in lines if line.startswith(OF_THE_PAGE)]
    return (
        [*page, *(line for n, line in stays if n < own[0])],
        [line for n, line in stays if n > own[0]],
    )


def _is_repeated(
    text: str, question: str, facts: Sequence[str], history: Sequence[ChatTurn]
) -> bool:
    """Return whether an answer is that of the turn before, which asked for something else."""
    if not history or question.casefold() == history[-1].question.casefold():
        return False
    last = history[-1].answer
    return text == (last.written or last.text) and tuple(facts) != tuple(last.facts)
