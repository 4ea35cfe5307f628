"""What a question is about and which pictures it means, told by its words alone.

Names of topics come from the vocabulary. Words that are not read are listed, so that nothing is
answered as if it had been asked in fewer words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.chat.conversation.languages import foreign
from app.chat.conversation.likely_subject import likely_subject
from app.chat.conversation.spelling import corrected, misspelt
from app.chat.conversation.subjects import ASKS, CARRIERS, FACTS, ORDER, Subject
from app.chat.evidence.contracts import ChatTurn
from app.chat.evidence.exam import Exam
from versamammo.imaging.mammogram import Laterality, View
from versamammo.vocabulary import BY_NAME, NAMED, TOPICS, topics_named
from vlm.knowledge.general_questions import explained, is_general, named_in, term_alone
from vlm.knowledge.glossary import GlossaryTerm


@dataclass(frozen=True)
class Asked:
    """A question as far as it is understood.

    Attributes:
        topics: named in it; of findings all are meant if none is named.
        images: numbers of the pictures that are meant; empty if there is no such picture.
        chosen: whether the question itself says which pictures it means.
        facts: what is asked of the tags: side, size, warnings, machine.
        unread: words that were not taken into account.
        entries: of the glossary, that answer it.
        order: whether it tells the program how to behave.
        misspelt: words that were read as others, and as which.
        guessed: whether no rule reads it, and it is taken for what it is most like.
        brief: whether a short answer is wanted.
    """

    subject: Subject
    images: tuple[int, ...]
    topics: tuple[str, ...] = ()
    chosen: bool = False
    facts: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    entries: tuple[GlossaryTerm, ...] = ()
    order: bool = False
    misspelt: tuple[tuple[str, str], ...] = ()
    guessed: bool = False
    brief: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of findings that are named."""
        return tuple(name for name in self.topics if name in KINDS)


KINDS = tuple(topic.name for topic in TOPICS if topic.finding)
ANY_FINDING = "Abnormality"
FAMILIES = {"ACR": "density", "Bi-Rads": "BI-RADS"}  # what the glossary calls their values
_GREETING = re.compile(r"^(hi|hello|hey|good (morning|afternoon|evening|day))\b")
_SIDES = {Laterality.RIGHT: r"\bright\b", Laterality.LEFT: r"\bleft\b"}
_VIEWS = {View.CC: r"\bcc\b|cranio-?caudal", View.MLO: r"\bmlo\b|oblique"}
_PICTURES = re.compile(
    r"\b([lr][ -]?(cc|mlo)|(picture|image|view) \d+|left|right|cc|mlo|cranio-?caudal|"
    r"medio-?lateral|oblique)\b"
)
_MORE = re.compile(
    r"\b(more|go on|is (it|that)|are (they|those)|example|dangerous|bad|common)\b", re.IGNORECASE
)
_DETAILS = re.compile(r"^(\W*\w+){0,4}?\W*(more|go on|elaborate|details?)\b", re.IGNORECASE)
_ONE = re.compile(r"\b(one|any|some|it|them|that|here)\b")
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
# what asks for the last answer once more
_AGAIN = re.compile(
    r"^(just |only |please )*((yes|no) or (no|yes)|yes/no|what|huh|pardon( me)?|come again|"
    r"(say|repeat) (that|it)( again)?|i (don't|do not) (get|understand)( it| that)?)"
    r"( please| only)*$"
)
_GO_ON = re.compile(r"^(ok|okay|yes|sure|please|go ahead|go on|do (it|that)|start|then|and| )+$")
_BRIEF = re.compile(
    r"\b(short(er|est)?|brief(ly|er)?|concise(ly)?|tl;?dr|in a nutshell|in short|"
    r"(one|a single) (line|sentence)|few words)\b"
)
# of what a value means for the woman, where the value itself was just told
_BAD = re.compile(r"^(and |so )*(is|are) (it|that|this|they) (\w+ )?(bad|good|normal|dangerous|"
                  r"worrying|serious|common|rare|harmful)$")  # fmt: skip
_LAST_NUMBER = re.compile(
    r"^(and |or |what about |how about |(and )?what (does|is|do) )+(?P<which>\d[abc]?|[a-d])"
    r"( mean| stand for)?$"
)


def understand(question: str, exam: Exam, history: Sequence[ChatTurn] = ()) -> Asked:
    """Return what is asked; a question that leaves out its topic means that of the one before."""
    words = " ".join(re.sub(r"[?!.,;:\"()]+", " ", question.casefold()).split())
    words = _ORDINAL.sub(lambda found: f"{found[2]} {_ORDINALS.index(found[1]) + 1}", words)
    images, chosen = pictures_meant(words, exam)
    earlier = _means_prior(words, exam)
    if earlier:  # which pictures are meant is read; what is asked of them is not
        question, words = _PRIOR.sub(" ", question), " ".join(_PRIOR.sub(" ", words).split())
    asked = _alone(question, words)
    if earlier and asked.subject is Subject.COMPARE:
        asked = replace(asked, subject=Subject.CHANGE)
    asked = replace(asked, images=images, chosen=chosen, brief=bool(_BRIEF.search(words)))
    if history:
        before = understand(history[-1].question, exam, history[:-1])
        return _guessed(_after(asked, before, question), question, before)
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
        return Asked(Subject.MEANING, (), _judged(topics_named(words)), entries=entries)
    read = _read(corrected(words), is_general(question))
    return replace(read, misspelt=misspelt(words))


def _after(asked: Asked, before: Asked, question: str) -> Asked:
    """Read a question that may go on from the one before."""
    words = " ".join(re.sub(r"[?!.,;:\"()]+", " ", question.casefold()).split())
    if _AGAIN.match(words):
        return before
    if asked.brief and asked.subject is Subject.UNKNOWN and before.subject is Subject.REPORT:
        return replace(before, brief=True)
    if _GO_ON.match(words) and before.subject in (Subject.ABILITIES, Subject.GREETING):
        return replace(asked, subject=Subject.REPORT, unread=())
    if entries := _next_category(words, before) or (_BAD.match(words) and _told(before)):
        return replace(asked, subject=Subject.MEANING, entries=entries, unread=())
    general = before.subject in (Subject.MEANING, Subject.SOURCE)
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
    if asked.subject is Subject.UNKNOWN and before.topics and _DETAILS.search(question):
        return replace(before, subject=Subject.WHY)
    if asked.subject is Subject.UNKNOWN and not asked.unread and not asked.order:
        if asked.chosen and not general:
            return replace(before, images=asked.images, chosen=True)
        if before.topics and _ONE.search(question.casefold()):
            of_findings = before.kinds or before.topics == (ANY_FINDING,)
            subject = Subject.FINDINGS if of_findings else Subject.TOPIC
            return replace(asked, subject=subject, topics=before.topics)
    follows = (Subject.PLACES, Subject.SIZES, Subject.COUNT, Subject.CONFIDENCE, Subject.WHY)
    if asked.subject in follows and bare and (not asked.facts or asked.subject in follows[3:]):
        return replace(
            asked, topics=before.topics, images=asked.images if asked.chosen else before.images,
            chosen=asked.chosen or before.chosen, facts=(),
        )  # fmt: skip
    return asked


def _next_category(words: str, before: Asked) -> tuple[GlossaryTerm, ...]:
    """Return the entry of “and 5?” where BI-RADS was spoken of, or of “what does C mean?”."""
    found = _LAST_NUMBER.match(words)
    families = [entry.term.rpartition(" ")[0] for entry in before.entries]
    families += [FAMILIES[name] for name in before.topics if name in FAMILIES]
    if found is None or not families:
        return ()
    return named_in(f"{families[0]} {found['which']}")[:1]


def _told(before: Asked) -> tuple[GlossaryTerm, ...]:
    """Return the entries of the values that were asked for before: density, BI-RADS."""
    titles = [BY_NAME[name].title for name in _judged(before.topics) if name not in KINDS]
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


def _read(words: str, general: bool = False) -> Asked:
    """Read the words of a question, put right; `general` if it asks for a meaning."""
    topics = topics_named(words)
    facts = tuple(name for name, ways in FACTS if re.search(rf"\b(?:{'|'.join(ways)})\b", words))
    found = [s for s, ways in ASKS if any(re.search(way, words) for way in ways)]
    if found[:1] == [Subject.THANKS] and (topics or facts or len(found) > 1):
        found = found[1:]  # thanks for the last answer before the next question
    if found[:1] == [Subject.MEANING] and not general and (topics or len(found) > 1):
        found = found[1:]  # “explain the findings” is about the pictures
    if found[:1] == [Subject.TRUST] and _kinds(topics) and _GOOD_AT.search(words):
        found = [Subject.CONFIDENCE]  # how well it knows one thing, not whether to trust it
    unread = _unread(words, found[:1])
    subject = found[0] if found else None
    if subject is Subject.COUNT and _judged(topics) and not _findings_named(topics):
        return Asked(Subject.TOPIC, (), _judged(topics), unread=unread)
    if subject is None and _GREETING.search(words) and not topics and not facts:
        return Asked(Subject.GREETING, (), unread=unread)
    about_files = topics == (ANY_FINDING,) and _FILES.search(words)
    if (
        facts
        and subject in (None, Subject.SIZES, Subject.WHY)
        and (about_files or not _judged(topics))
    ):
        return Asked(Subject.TAGS, (), facts=facts, unread=unread)
    if subject is not None and not (subject is Subject.REPORT and _kinds(topics)):
        return Asked(subject, (), _judged(topics), facts=facts, unread=unread)
    if _kinds(topics) or _judged(topics) == (ANY_FINDING,):
        return Asked(Subject.FINDINGS, (), _judged(topics), unread=unread)
    if _judged(topics):
        return Asked(Subject.TOPIC, (), _judged(topics), unread=unread)
    return Asked(Subject.UNKNOWN, (), unread=unread)


def _kinds(topics: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in topics if name in KINDS)


def _findings_named(topics: Sequence[str]) -> bool:
    return bool(_kinds(topics)) or ANY_FINDING in topics


def _judged(topics: Sequence[str]) -> tuple[str, ...]:
    """Return the topics that a model judges: side and view are told by the tags."""
    return tuple(name for name in topics if name not in ("View", "Laterality"))


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
