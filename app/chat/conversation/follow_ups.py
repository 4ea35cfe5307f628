"""What a question means after the one before it: “where?”, “and 5?”, “yes or no”."""

from __future__ import annotations

import re
from dataclasses import replace

from app.chat.conversation.asked import (
    ANY_FINDING,
    KINDS,
    Asked,
    bare_words,
    judged_among,
    kinds_among,
)
from app.chat.conversation.subjects import Subject
from versamammo.vocabulary import BY_NAME, topics_named
from vlm.knowledge.general_questions import named_in, term_alone, terms_in
from vlm.knowledge.glossary import GlossaryTerm

FAMILIES = {"ACR": "density", "Bi-Rads": "BI-RADS"}  # what the glossary calls their values
_MORE = re.compile(
    r"\b(more|go on|is (it|that)|are (they|those)|example|dangerous|bad|common)\b", re.IGNORECASE
)
_DETAILS = re.compile(
    r"^(?!.*\bonce more\b)(\W*\w+){0,4}?\W*(more|go on|elaborate|details?)\b", re.IGNORECASE
)
_ONE = re.compile(r"\b(one|any|some|it|them|that|here)\b")
# of a figure that was told, such as “what does the 0.94 mean?”
_FIGURE = re.compile(
    r"(?<!\d)0?\.\d+\b|\b\d{1,3} ?(%|per ?cent)|\b(number|figure)s?\b", re.IGNORECASE
)
_WHAT_IT_MEANS = re.compile(
    r"\bwhat (do|does|is|did) (that|this|it|they|those|these|the)( \w+)? mean\b"
)
_OF_A_FIGURE = (
    Subject.MEANING, Subject.UNKNOWN, Subject.TOPIC, Subject.WHY, Subject.CONFIDENCE,
)  # fmt: skip
_AND = re.compile(r"(and|or|what about|how about|also)\b")
# what asks for the last answer once more
_AGAIN = re.compile(
    r"^(just |only |please )*((yes|no) or (no|yes)|yes/no|what|huh|pardon( me)?|come again|"
    r"(say|repeat) (that|it)( again)?|i (don't|do not) (get|understand)( it| that)?)"
    r"( please| only)*$"
)
_SHORTER = re.compile(r"\b(shorter|too long|in short|briefly|shorten (it|that)|one sentence)\b")
_TEXTS = (Subject.MEANING, Subject.KNOWLEDGE, Subject.PROGRAM)  # a text of some sentences
_GO_ON = re.compile(r"^(ok|okay|yes|sure|please|go ahead|go on|do (it|that)|start|then|and| )+$")
# of what a value means for the woman, where the value itself was just told
_BAD = re.compile(
    r"^(and |so |ok |oh )*((is|are) (it|that|this|they)|(that|it)'?s|they are) (\w+ )?"
    r"(bad|good|normal|dangerous|worrying|serious|common|rare|harmful)$"
)
# of what was explained just now, whether these pictures show it
_HERS = re.compile(
    r"\b(have i|has she|(do|does|did) (i|she|they) have|is there|are there|do you see|"
    r"got (it|one|that)|there (too|here)?$|here$)\b"
)
# of two terms, the first of which was explained just now
_APART = re.compile(r"\b(differen\w*|differs?|distinguish\w*|versus|vs|compared|same as|apart)\b")
_CATEGORIES = re.compile(
    r"\b(?:category|class|grade|level|type|density|acr) ([a-d])\b|\b(\d[abc]?)\b"
)
_LAST_NUMBER = re.compile(
    r"^(and |or |what about |how about |(and )?what (does|is|do) )+(?P<which>\d[abc]?|[a-d])"
    r"( mean| stand for)?$"
)


def after(asked: Asked, before: Asked, question: str) -> Asked:
    """Read a question that may go on from the one before.

    Args:
        asked: the question by itself.
        before: the one before it.
        question: in the user's words.
    """
    told = _by_words(asked, before, question)
    return _by_subject(asked, before, question) if told is None else told


def _by_words(asked: Asked, before: Asked, question: str) -> Asked | None:
    """Return what the words of a follow-up mean by themselves: “again”, “and 5?”, “is that bad?”.

    None where they do not tell; arguments as `after`.
    """
    words = bare_words(question)
    if _AGAIN.match(words):
        return before
    if _SHORTER.search(words) and before.subject in _TEXTS and not asked.topics:
        return replace(before, brief=True)
    if _DETAILS.search(question) and before.topics and not asked.topics:
        return replace(before, subject=Subject.WHY)
    if _GO_ON.match(words) and before.subject in (Subject.ABILITIES, Subject.GREETING):
        return replace(asked, subject=Subject.REPORT, topics=(), unread=())
    figure = _FIGURE.search(question) and not asked.topics
    if before.topics and figure and asked.subject in _OF_A_FIGURE:
        return replace(asked, subject=Subject.CONFIDENCE, topics=before.topics, unread=())
    explained = asked.subject in (Subject.KNOWLEDGE, Subject.MEANING) and not asked.entries
    if explained and _WHAT_IT_MEANS.search(words) and (told := _told(before)):
        return replace(asked, subject=Subject.MEANING, entries=told, known="", unread=())
    if entries := _next_category(words, before) or (_BAD.match(words) and _told(before)):
        return replace(asked, subject=Subject.MEANING, entries=entries, unread=())
    meant = judged_among(topics_named(" ".join(one.term for one in before.entries).casefold()))
    unnamed = asked.topics in ((), (ANY_FINDING,))
    if before.subject is Subject.MEANING and meant and _HERS.search(words) and unnamed:
        found = bool(kinds_among(meant))
        return replace(asked, subject=Subject.FINDINGS if found else Subject.TOPIC, topics=meant)
    if before.entries and asked.entries and _APART.search(words) and len(asked.entries) == 1:
        both = tuple(dict.fromkeys((*before.entries[:1], *asked.entries)))
        return replace(asked, subject=Subject.MEANING, entries=both)
    if before.subject is Subject.TRUST and asked.topics and _AND.match(words):
        return replace(asked, subject=Subject.TRUST, unread=())
    if asked.subject is Subject.TRUST and not asked.topics and _ONE.search(words):
        return replace(asked, topics=tuple(one for one in before.topics if one != ANY_FINDING))
    return _same(asked, before, question) if asked.same else None


def _by_subject(asked: Asked, before: Asked, question: str) -> Asked:
    """Return what a follow-up means by what it and the question before ask for, as `after`."""
    general = before.subject in (Subject.MEANING, Subject.SOURCE)
    if asked.subject is Subject.SIZES and before.subject is Subject.TAGS and not asked.topics:
        return replace(asked, subject=Subject.TAGS, facts=("size",))  # of the files
    if asked.subject is Subject.SOURCE and before.topics and not general:
        return replace(before, subject=Subject.CONFIDENCE)  # where its figures come from
    bare = not asked.topics and not asked.entries
    if asked.subject in (Subject.WHY, Subject.CONFIDENCE) and bare:
        if general:
            return replace(asked, subject=Subject.SOURCE, facts=())
        if before.facts and not before.topics:
            return replace(asked, facts=before.facts)
        if before.subject in (Subject.ADVICE, Subject.CHANGE, Subject.PERSON, Subject.LANGUAGE):
            return before
    if asked.subject in (Subject.MEANING, Subject.UNKNOWN) and bare:
        entries = _meant(before, question) if asked.subject is Subject.MEANING else ()
        if general and not entries:
            entries = term_alone(question) or (before.entries if _MORE.search(question) else ())
        if entries:
            return replace(asked, subject=Subject.MEANING, entries=entries)
    if asked.subject is Subject.UNKNOWN and not asked.unread and not asked.order:
        if asked.chosen and not general:
            return replace(before, images=asked.images, chosen=True)
        if before.topics and _ONE.search(question.casefold()):
            of_findings = before.kinds or before.topics == (ANY_FINDING,)
            subject = Subject.FINDINGS if of_findings else Subject.TOPIC
            return replace(asked, subject=subject, topics=before.topics)
    follows = (Subject.PLACES, Subject.SIZES, Subject.COUNT, Subject.CONFIDENCE, Subject.WHY)
    if asked.subject in follows and bare and (not asked.facts or asked.subject in follows[3:]):
        findings = tuple(name for name in before.topics if name in (*KINDS, ANY_FINDING))
        of_findings = asked.subject in follows[:3]  # a density lies nowhere and has no size
        return replace(
            asked, topics=findings if of_findings else before.topics,
            images=asked.images if asked.chosen else before.images,
            chosen=asked.chosen or before.chosen, facts=(),
        )  # fmt: skip
    return asked


def _same(asked: Asked, before: Asked, question: str) -> Asked:
    """Return the question before, of what the one after it names."""
    made = replace(
        before, brief=before.brief or asked.brief, plain=before.plain or asked.plain,
        table=before.table or asked.table, one_line=before.one_line or asked.one_line,
        most_words=asked.most_words or before.most_words, bare=before.bare or asked.bare,
    )  # fmt: skip
    if asked.plain and before.subject in (Subject.FINDINGS, Subject.TOPIC):
        made = replace(made, subject=Subject.REPORT)
    if asked.chosen:
        made = replace(made, images=asked.images, chosen=True)
    if before.subject is Subject.MEANING:
        return replace(made, entries=asked.entries or terms_in(question) or before.entries)
    if not asked.topics or before.subject is Subject.TAGS:
        return made
    subject = before.subject
    if subject in (Subject.FINDINGS, Subject.TOPIC):
        found = kinds_among(asked.topics) or ANY_FINDING in asked.topics
        subject = Subject.FINDINGS if found else Subject.TOPIC
    return replace(made, subject=subject, topics=asked.topics)


def _next_category(words: str, before: Asked) -> tuple[GlossaryTerm, ...]:
    """Return the entry of “and 5?” where BI-RADS was spoken of, or of “what does C mean?”."""
    families = [entry.term.rpartition(" ")[0] for entry in before.entries]
    families += [FAMILIES[name] for name in before.topics if name in FAMILIES]
    if not families:
        return ()
    if found := _LAST_NUMBER.match(words):
        return named_in(f"{families[0]} {found['which']}")[:1]
    if not re.search(r"\b(means?|stands?)\b", words):
        return ()
    which = [letter or number for letter, number in _CATEGORIES.findall(words)]
    return tuple(entry for one in which for entry in named_in(f"{families[0]} {one}")[:1])


def _told(before: Asked) -> tuple[GlossaryTerm, ...]:
    """Return the entries of the values that were asked for before: density, BI-RADS."""
    titles = [BY_NAME[name].title for name in judged_among(before.topics) if name not in KINDS]
    return (
        before.entries
        or tuple(
            entry for one in titles if one != BY_NAME[ANY_FINDING].title for entry in named_in(one)
        )[:1]
    )


def _meant(before: Asked, question: str) -> tuple[GlossaryTerm, ...]:
    """Return the entries of what was spoken of before, if a question asks what that means."""
    if not re.search(r"\b(that|this|it|those|these|they)\b", question.casefold()):
        return ()
    titles = [BY_NAME[name].title for name in before.topics if name != ANY_FINDING]
    return before.entries or tuple(entry for one in titles for entry in named_in(one))[:2]
