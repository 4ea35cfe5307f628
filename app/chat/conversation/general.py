"""Answers that are not about what the pictures show: terms, small talk, and what nobody can tell.

They come from the glossary and from fixed texts, the same with a model and without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from app.chat.conversation import sayings
from app.chat.conversation.asked import ANY_FINDING, Asked
from app.chat.conversation.languages import ENGLISH, foreign
from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.repeats import first_sentence
from app.chat.conversation.subjects import Subject
from app.chat.conversation.verdict_words import not_judged, title
from app.chat.evidence.contracts import Card, Findings, StreamedAnswer
from versamammo import __version__
from vlm.knowledge.general_answers import general_answers
from vlm.knowledge.general_questions import named_in

GLOSSARY = Card(
    name="Glossary",
    version=__version__,
    data="none; written for this project",
    is_model=False,
)
GENERAL = frozenset(
    {Subject.MEANING, Subject.SOURCE, Subject.GREETING, Subject.THANKS, Subject.ABOUT,
     Subject.ABILITIES, Subject.TRUST, Subject.PRIVACY, Subject.PAGE, Subject.PROGRAM,
     Subject.ADVICE, Subject.KNOWLEDGE,
     Subject.CHANGE, Subject.PERSON, Subject.LANGUAGE, Subject.ATTRIBUTES}
)  # fmt: skip
# what belongs to mammograms although no table here knows it
_OURS = re.compile(
    r"\b(breasts?|mammo\w*|images?|pictures?|films?|scans?|exams?|x-?rays?|radiolog\w*|patients?|"
    r"views?|nipples?|tissue|skin|find\w*|see|left|right|this|it|cancer\w*|women|woman|all|think)\b"
)


def answer_general(asked: Asked, question: str, seen: Findings, card: Card) -> StreamedAnswer:
    """Return the answer to a question that is not about what the pictures show.

    Args:
        asked: the question as it is understood.
        question: in the user's words.
        seen: the record of evidence, from which it is told what is judged.
        card: who else speaks here.
    """
    if asked.entries:
        return StreamedAnswer(
            sayings.meaning(asked.entries), (), None, (sayings.GENERAL,), GLOSSARY
        )
    if asked.known:
        text = _first(general_answers()[asked.known].text, asked)
        text = f"{sayings.IN_GENERAL}{text}"
        return StreamedAnswer(text, (), None, (sayings.GENERAL,), GLOSSARY)
    topics = [title(name) for name in seen.topics]
    ways: dict[Subject, Callable[[], str]] = {
        Subject.MEANING: lambda: sayings.no_meaning(asked.unread[:6]),
        Subject.SOURCE: lambda: sayings.REST_OF_GLOSSARY,
        Subject.GREETING: lambda: sayings.greeting(topics),
        Subject.THANKS: lambda: sayings.thanks(question),
        Subject.ABOUT: lambda: sayings.about(card, topics),
        Subject.ABILITIES: lambda: sayings.abilities(topics),
        Subject.TRUST: lambda: sayings.trust(
            card,
            seen,
            {name: title(name) for name in seen.topics},
            [name for name in asked.topics if name != ANY_FINDING],
            question,
        ),
        Subject.PRIVACY: sayings.privacy,
        Subject.PAGE: lambda: sayings.PAGE,
        Subject.PROGRAM: lambda: _first(_of_the_program(asked.program_fact, card), asked),
        Subject.ADVICE: lambda: sayings.advice(question),
        Subject.ATTRIBUTES: lambda: _attributes(asked, question, seen, topics),
        Subject.CHANGE: lambda: sayings.CHANGE,
        Subject.PERSON: lambda: sayings.person(question),
        Subject.LANGUAGE: lambda: foreign(question) or ENGLISH,
        Subject.UNKNOWN: lambda: _unknown(asked, question, topics),
    }
    return StreamedAnswer(ways[asked.subject]())


def _of_the_program(name: str, card: Card) -> str:
    """Return what the loaded model says of itself, or else what holds for every one."""
    fact = program_facts()[name]
    told = dict(card.facts).get(name, fact.text)
    return f"{told}\n{sayings.words_of(card)}" if fact.speaker else told


def _first(text: str, asked: Asked) -> str:
    """Return a text, or its first sentence where a short answer is wanted."""
    return first_sentence(text) if asked.brief else text


def _attributes(asked: Asked, question: str, seen: Findings, topics: Sequence[str]) -> str:
    """Return that nothing tells what findings look like, and what is judged."""
    parts = ("masses", "calcifications")
    named = [entry for entry in named_in(question) if entry.part in parts]
    # of “mass”, “mass shape” and the like it is known that they are asked for
    telling = [one for one in named if not one.term.startswith(("mass", "calcification"))]
    if telling:
        return sayings.not_judged_term(telling[0], topics)
    silent = [not_judged(seen, name) for name in asked.kinds if name not in seen.topics]
    return "\n".join([*silent, sayings.no_attributes(topics)])


def _unknown(asked: Asked, question: str, topics: Sequence[str]) -> str:
    if asked.order:
        return sayings.ORDER
    words = asked.unread[:6]
    named = named_in(" ".join(asked.unread))
    if asked.near:
        return sayings.not_understood(words, topics, asked.near)
    if named:
        return sayings.not_judged_term(named[0], topics)
    if words and not _OURS.search(question.casefold()):
        return sayings.off_topic(words)
    return sayings.not_understood(words, topics)
