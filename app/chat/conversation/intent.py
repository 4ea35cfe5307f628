"""What a question is about and which pictures it means, told by its words alone.

Names of topics come from the vocabulary. Words that are not read are listed, so that nothing is
answered as if it had been asked in fewer words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from app.chat.conversation.asked import (
    ANY_FINDING,
    Asked,
    bare_words,
    judged_among,
    kinds_among,
)
from app.chat.conversation.follow_ups import after
from app.chat.conversation.languages import foreign
from app.chat.conversation.likely_subject import likely_subject
from app.chat.conversation.spelling import corrected, misspelt
from app.chat.conversation.subjects import ASKS, CARRIERS, FACTS, ORDER, Subject
from app.chat.evidence.contracts import ChatTurn
from app.chat.evidence.exam import Exam
from versamammo.imaging.mammogram import Laterality, View
from versamammo.vocabulary import NAMED, topics_named
from vlm.knowledge.general_questions import explained, is_general, named_in, term_alone

_GREETING = re.compile(r"^(hi|hello|hey|good (morning|afternoon|evening|day))\b")
_SIDES = {Laterality.RIGHT: r"\bright\b", Laterality.LEFT: r"\bleft\b"}
_VIEWS = {View.CC: r"\bcc\b|cranio-?caudal", View.MLO: r"\bmlo\b|oblique"}
_PICTURES = re.compile(
    r"\b([lr][ -]?(cc|mlo)|(picture|image|view) \d+|left|right|cc|mlo|cranio-?caudal|"
    r"medio-?lateral|oblique)\b"
)
_FILES = re.compile(r"\bknow about\b|\bwith (the|this|my) (files?|tags?)\b")
_EXAM = r"(?: (?:exam(?:ination)?|mammogra(?:m|phy)|picture|image|film|view|study|one)s?)"
_PRIOR = re.compile(
    rf"\b(?:(?:in|on|of|at|from|with|to) )?(?:"
    rf"(?:the|her|my|his) (?:priors?|previous|earlier|last year'?s?){_EXAM}?|"
    rf"(?:priors?|previous|earlier){_EXAM}|last (?:year|time)|(?:one|a) year ago)\b|"
    r"\b(?:in|on|with|to) priors?\b",
    re.IGNORECASE,
)
_GOOD_AT = re.compile(r"\bhow (good|accurate|reliable) are you\b|\bhow (well|often) (do|can) you\b")
_NUMBERED = re.compile(r"\b(?:picture|image|view) (\d+)\b")
_ORDINALS = ("first", "second", "third", "fourth")
_ORDINAL = re.compile(rf"\b(?:the )?({'|'.join(_ORDINALS)}) (picture|image|view|film)\b")
_EXACT = re.compile(
    r"\b(quadrants?|o'?clock|hour|coordinates?|pixels?|nipple|distance|how (deep|far)|exact(ly)?|"
    r"precise(ly)?)\b"
)
_BRIEF = re.compile(
    r"\b(short(er|est)?|brief(ly|er)?|concise(ly)?|tl;?dr|in a nutshell|in short|"
    r"(one|a single) (line|sentence)|few words|impression only|only the impression)\b"
)


def understand(question: str, exam: Exam, history: Sequence[ChatTurn] = ()) -> Asked:
    """Return what is asked; a question that leaves out its topic means that of the one before."""
    words = bare_words(question)
    words = _ORDINAL.sub(lambda found: f"{found[2]} {_ORDINALS.index(found[1]) + 1}", words)
    images, chosen = pictures_meant(words, exam)
    earlier = _means_prior(words, exam)
    if earlier:  # which pictures are meant is read; what is asked of them is not
        question, words = _PRIOR.sub(" ", question), " ".join(_PRIOR.sub(" ", words).split())
    asked = _alone(question, words)
    if earlier and asked.subject is Subject.COMPARE:
        asked = replace(asked, subject=Subject.CHANGE)
    asked = replace(
        asked, images=images, chosen=chosen,
        brief=bool(_BRIEF.search(words)), exact=bool(_EXACT.search(words)),
    )  # fmt: skip
    if history:
        before = understand(history[-1].question, exam, history[:-1])
        return _guessed(after(asked, before, question), question, before)
    if asked.subject is Subject.UNKNOWN and not asked.unread and (alone := term_alone(question)):
        return replace(asked, subject=Subject.MEANING, entries=alone)
    return _guessed(asked, question)


def _guessed(asked: Asked, question: str, before: Asked | None = None) -> Asked:
    """Return what a question that no rule reads is most like; itself if to nothing."""
    known = asked.subject is not Subject.UNKNOWN or asked.order or named_in(" ".join(asked.unread))
    likely = None if known else likely_subject(question)
    if likely is None:
        return asked
    follows = likely.subject in (Subject.WHY, Subject.CONFIDENCE, Subject.SIZES, Subject.PLACES)
    topics = before.topics if before is not None and follows else likely.topics
    return replace(
        asked, subject=likely.subject, topics=topics, facts=likely.facts, unread=(), guessed=True
    )


def _alone(question: str, words: str) -> Asked:
    """Read a question without its pictures and without what was asked before."""
    if foreign(question) is not None:
        return Asked(Subject.LANGUAGE, ())
    if ORDER.search(words):
        return Asked(Subject.UNKNOWN, (), unread=_unread(words, ()), order=True)
    if entries := explained(question):
        return Asked(Subject.MEANING, (), judged_among(topics_named(words)), entries=entries)
    read = _read(corrected(words), is_general(question))
    return replace(read, misspelt=misspelt(words))


def _read(words: str, general: bool = False) -> Asked:
    """Read the words of a question, put right; `general` if it asks for a meaning."""
    topics = topics_named(words)
    facts = tuple(name for name, ways in FACTS if re.search(rf"\b(?:{'|'.join(ways)})\b", words))
    found = [s for s, ways in ASKS if any(re.search(way, words) for way in ways)]
    if found[:1] == [Subject.THANKS] and (topics or facts or len(found) > 1):
        found = found[1:]  # thanks for the last answer before the next question
    if found[:1] == [Subject.MEANING] and not general and (topics or len(found) > 1):
        found = found[1:]  # “explain the findings” is about the pictures
    if found[:1] == [Subject.TRUST] and kinds_among(topics) and _GOOD_AT.search(words):
        found = [Subject.CONFIDENCE]  # how well it knows one thing, not whether to trust it
    unread = _unread(words, found[:1])
    subject = found[0] if found else None
    if subject is Subject.COUNT and judged_among(topics) and not _findings_named(topics):
        return Asked(Subject.TOPIC, (), judged_among(topics), unread=unread)
    if subject is None and _GREETING.search(words) and not topics and not facts:
        return Asked(Subject.GREETING, (), unread=unread)
    about_files = topics == (ANY_FINDING,) and _FILES.search(words)
    if (
        facts
        and subject in (None, Subject.SIZES, Subject.WHY)
        and (about_files or not judged_among(topics))
    ):
        return Asked(Subject.TAGS, (), facts=facts, unread=unread)
    if subject is not None and not (subject is Subject.REPORT and kinds_among(topics)):
        return Asked(subject, (), judged_among(topics), facts=facts, unread=unread)
    if kinds_among(topics) or judged_among(topics) == (ANY_FINDING,):
        return Asked(Subject.FINDINGS, (), judged_among(topics), unread=unread)
    if judged_among(topics):
        return Asked(Subject.TOPIC, (), judged_among(topics), unread=unread)
    return Asked(Subject.UNKNOWN, (), unread=unread)


def _findings_named(topics: Sequence[str]) -> bool:
    return bool(kinds_among(topics)) or ANY_FINDING in topics


def _unread(words: str, subjects: Sequence[Subject]) -> tuple[str, ...]:
    """Return the words that nothing here has read."""
    patterns = [pattern.pattern for pattern in NAMED.values()]
    patterns += [way for subject, ways in ASKS if subject in subjects for way in ways]
    patterns += [rf"\b(?:{way})\b" for _, ways in FACTS for way in ways]
    left = _PICTURES.sub(" ", _BRIEF.sub(" ", _GREETING.sub(" ", words)))
    for pattern in patterns:
        left = re.sub(pattern, " ", left)
    return tuple(dict.fromkeys(word for word in left.split() if word not in CARRIERS))


def _means_prior(words: str, exam: Exam) -> bool:
    return bool(exam.prior) and _PRIOR.search(words) is not None


def pictures_meant(words: str, exam: Exam) -> tuple[tuple[int, ...], bool]:
    """Return the pictures that a question means, and whether it says so.

    Where it does not, all current ones are meant; earlier ones only if it speaks of them.
    """
    earlier = _means_prior(words, exam)
    everything = exam.prior if earlier else exam.current
    pairs = re.findall(r"\b([lr])[ -]?(cc|mlo)\b", words)
    if pairs:
        named = {(side.upper(), view.upper()) for side, view in pairs}
        return tuple(
            i for i in everything if (exam.images[i].side, exam.images[i].told.view) in named
        ), True
    numbers = [int(n) - 1 for n in _NUMBERED.findall(words)]
    if numbers:
        return tuple(i for i in range(len(exam.images)) if i in numbers), True
    sides = {side for side, pattern in _SIDES.items() if re.search(pattern, words)}
    views = {view for view, pattern in _VIEWS.items() if re.search(pattern, words)}
    chosen = len(sides) == 1 or len(views) == 1
    if not chosen:
        return everything, earlier
    return tuple(
        i
        for i in everything
        if (len(sides) != 1 or exam.images[i].side in sides)
        and (len(views) != 1 or exam.images[i].told.view in views)
    ), True
