"""What a question is about and which pictures it means, told by its words alone.

Names of topics come from the vocabulary. Words that are not read are listed, so that nothing is
answered as if it had been asked in fewer words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.chat.evidence.contracts import Turn
from app.chat.evidence.exam import Exam
from versamammo.imaging.mammogram import Laterality, View
from versamammo.vocabulary import NAMED, TOPICS, topics_named


class Subject(StrEnum):
    """What is asked for."""

    FINDINGS = "whether findings are there"
    PLACES = "where findings lie"
    SIZES = "how large findings are"
    COUNT = "how many findings there are"
    TOPIC = "one attribute"
    COMPARE = "how the breasts differ"
    REPORT = "a report"
    TAGS = "what the tags and measurements say"
    CONFIDENCE = "how sure an answer is"
    WHY = "what an answer rests on"
    CHANGE = "what has changed since an earlier exam"
    ADVICE = "what to do"
    MEANING = "what a term means"
    PERSON = "something no mammogram shows"
    ABOUT = "who answers"
    GREETING = "a greeting"
    THANKS = "thanks"
    UNKNOWN = "not understood"


@dataclass(frozen=True)
class Asked:
    """A question as far as it is understood.

    Attributes:
        topics: named in it; of findings all are meant if none is named.
        images: numbers of the pictures that are meant; empty if there is no such picture.
        chosen: whether the question itself says which pictures it means.
        facts: what is asked of the tags: side, size, warnings, machine.
        unread: words that were not taken into account.
    """

    subject: Subject
    images: tuple[int, ...]
    topics: tuple[str, ...] = ()
    chosen: bool = False
    facts: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of findings that are named."""
        return tuple(name for name in self.topics if name in KINDS)


KINDS = tuple(topic.name for topic in TOPICS if topic.finding)
ANY_FINDING = "Abnormality"
# what is asked, the first that matches wins
_ASKS: tuple[tuple[Subject, tuple[str, ...]], ...] = (
    (Subject.THANKS, (r"^(many )?thank(s| you)\b", r"^cheers\b")),
    (Subject.ABOUT, (r"\bwho (are|made|built|trained) (you|this)\b", r"\bwhat are you\b",
                     r"\bwhat can you do\b", r"\b(which|what) model\b", r"\bhow were you\b")),
    (Subject.ADVICE, (r"\bshould\b(?! know)", r"\bbiops\w*", r"\btreat\w*", r"\brecommend\w*",
                      r"\bnext step\w*", r"\bprognos\w*", r"\bsurviv\w*", r"\bto worry\b",
                      r"\bworried\b", r"\bneed to\b", r"\bfollow[- ]?up\b")),
    (Subject.CHANGE, (r"\bchang(e|ed|es)\b", r"\bsince\b", r"\bgrown\b(?! into)", r"\bgrew\b",
                      r"\bprior\w*\b", r"\bprevious\w*\b", r"\bearlier\b", r"\blast (year|time)\b",
                      r"\bcompared? (to|with) (the )?(last|old)", r"\bnew\b", r"\bprogress\w*")),
    (Subject.PERSON, (r"\bhow old\b", r"\bage\b", r"\bher name\b", r"\bname of\b", r"\brisk\b",
                      r"\bpacemaker\b", r"\bimplants?\b", r"\bheart\b", r"\blungs?\b",
                      r"\bpregnan\w*", r"\bpain\w*", r"\bsymptom\w*", r"\bwho is\b")),
    (Subject.MEANING, (r"\bwhat (do|does|did)\b.*\bmean\b", r"^what (is|are|'s) (an?|meant)\b",
                       r"\bexplain\b", r"\bdefin\w+", r"\bmeaning of\b", r"^why (does|do|is|are)\b"
                       r"(?! (you|that your))", r"^how (do|does|can) (?!you (know|see))",
                       r"\bwhat happens\b", r"^what(?: is| are|'s)? (bi-?rads|acr|micro\w*|mlo|cc|"
                       r"calcif\w*|mass(es)?|asymmetry|density)$")),
    (Subject.CONFIDENCE, (r"\bhow (sure|certain|confident|reliable)\b", r"\bare you sure\b",
                          r"\bconfiden(t|ce)\b", r"\bcertain(ty)?\b", r"\bhow likely\b")),
    (Subject.WHY, (r"^why\b", r"\bwhat makes you\b", r"\bbased on what\b", r"\bevidence\b",
                   r"\bhow (do|can|did) you (know|tell|see)\b")),
    (Subject.COMPARE, (r"\bcompar\w+", r"\bdenser\b",
                       r"\bwhich (breast|side) (is|looks) (more|less|larger|bigger|worse)\b",
                       r"\b(between|difference)\b.*\b(sides|breasts|left|right)\b",
                       r"\bmore dense\b", r"\bboth (breasts|sides)\b.*\b(same|alike|equal)\b")),
    (Subject.COUNT, (r"\bhow many\b", r"\bcount\b", r"\bnumber of\b")),
    (Subject.PLACES, (r"\bwhere\b", r"\blocat\w+", r"\bplace of\b", r"\bpoint to\b",
                      r"\bshow me (the|where)\b", r"\bwhich (region|quadrant|part)\b")),
    (Subject.SIZES, (r"\bhow (large|big|wide|long|small)\b", r"\bsizes?\b", r"\bdiameter\b",
                     r"\bmeasures?\b", r"\bextent\b", r"\bmm\b", r"\bmillimet\w+")),
    (Subject.REPORT, (r"\breport\w*", r"\bdescri(be|ption)\b", r"\bsummar\w+",
                      r"\bwhat (do|can) you see\b", r"\btell me about\b", r"\bimpression\b")),
)  # fmt: skip
_FACTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("side", (r"which (breast|side)", r"side and view", r"lateralit\w*", r"left or( the)? right",
              r"right or( the)? left", r"which views?", r"what (view|projection)\w*",
              r"wh?ich v(ie|ei)ws?", r"projections?", r"tags?", r"agree\w*", r"mlo or cc",
              r"cc or mlo", r"cranio-?caudal or( an)? oblique")),
    ("size", (r"how (large|big) (is|are) (the )?(breasts?|pictures?|images?)", r"resolution",
              r"pixels?( size)?", r"spacing", r"dimensions?", r"breast size")),
    ("warnings", (r"warn\w*", r"know about( the)? (images?|pictures?)", r"problems?", r"quality",
                  r"trust\w*", r"attention", r"anything i should know")),
    ("machine", (r"machines?", r"vendor", r"manufactur\w*", r"device", r"equipment", r"scanner",
                 r"made with", r"taken (on|with)")),
)  # fmt: skip
_GREETING = re.compile(r"^(hi|hello|hey|good (morning|afternoon|evening))\b")
_SIDES = {Laterality.RIGHT: r"\bright\b", Laterality.LEFT: r"\bleft\b"}
_VIEWS = {View.CC: r"\bcc\b|cranio-?caudal", View.MLO: r"\bmlo\b|oblique"}
_PICTURES = re.compile(
    r"\b([lr][ -]?(cc|mlo)|(picture|image|view) \d+|left|right|cc|mlo|cranio-?caudal|"
    r"medio-?lateral|oblique)\b"
)
_NUMBERED = re.compile(r"\b(?:picture|image|view) (\d+)\b")
# words that carry a question and ask for nothing by themselves
_CARRIERS = frozenset(
    """a an and any are as at be breast breasts by can category could describe do does doc exam
    exactly film films find fits for from give given got has have here how i if image images in is
    it its itself just kind large largest let level like look looking looks mammogram mammograms
    may me mean might most my nothing of on one only or other out patient picture pictures please
    present really say see seen show shown shows side sides so some something still tell than that
    the their them there these they think this those to two us view views was we were what what's
    when which with would write you your think visible biggest big small smallest no not many much
    more also too about ok okay final am""".split()  # noqa: SIM905 - a paragraph reads better than a list
)


def understand(question: str, exam: Exam, history: Sequence[Turn] = ()) -> Asked:
    """Return what is asked; a question that leaves out its topic means that of the one before."""
    words = " ".join(re.sub(r"[?!.,;:\"()]+", " ", question.casefold()).split())
    images, chosen = pictures_meant(words, exam)
    asked = replace(_read(words), images=images, chosen=chosen)
    if not history:
        return asked
    before = understand(history[-1].question, exam, history[:-1])
    if asked.subject is Subject.UNKNOWN and not asked.unread and chosen:
        return replace(before, images=images, chosen=chosen)
    follows = (Subject.PLACES, Subject.SIZES, Subject.COUNT, Subject.CONFIDENCE, Subject.WHY)
    if asked.subject in follows and not asked.topics and not asked.facts:
        return replace(
            asked, topics=before.topics, images=images if chosen else before.images,
            chosen=chosen or before.chosen,
        )  # fmt: skip
    return asked


def _read(words: str) -> Asked:
    """Read a question without its pictures."""
    topics = topics_named(words)
    facts = tuple(name for name, ways in _FACTS if re.search(rf"\b(?:{'|'.join(ways)})\b", words))
    found = [s for s, ways in _ASKS if any(re.search(way, words) for way in ways)]
    unread = _unread(words, found[:1])
    subject = found[0] if found else None
    if subject is None and _GREETING.search(words) and not topics and not facts:
        return Asked(Subject.GREETING, (), unread=unread)
    about_files = topics == (ANY_FINDING,) and "know about" in words
    if (
        facts
        and subject in (None, Subject.SIZES, Subject.WHY)
        and (about_files or not _judged(topics))
    ):
        return Asked(Subject.TAGS, (), facts=facts, unread=unread)
    if subject is not None and not (subject is Subject.REPORT and _kinds(topics)):
        return Asked(subject, (), _judged(topics), facts=facts, unread=unread)
    if _kinds(topics) or topics == (ANY_FINDING,):
        return Asked(Subject.FINDINGS, (), topics, unread=unread)
    if _judged(topics):
        return Asked(Subject.TOPIC, (), _judged(topics), unread=unread)
    return Asked(Subject.UNKNOWN, (), unread=unread)


def _kinds(topics: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in topics if name in KINDS)


def _judged(topics: Sequence[str]) -> tuple[str, ...]:
    """Return the topics that a model judges: side and view are told by the tags."""
    return tuple(name for name in topics if name not in ("View", "Laterality"))


def _unread(words: str, subjects: Sequence[Subject]) -> tuple[str, ...]:
    """Return the words that nothing here has read."""
    patterns = [pattern.pattern for pattern in NAMED.values()]
    patterns += [way for subject, ways in _ASKS if subject in subjects for way in ways]
    patterns += [rf"\b(?:{way})\b" for _, ways in _FACTS for way in ways]
    left = _PICTURES.sub(" ", words)
    for pattern in patterns:
        left = re.sub(pattern, " ", left)
    return tuple(dict.fromkeys(word for word in left.split() if word not in _CARRIERS))


def pictures_meant(words: str, exam: Exam) -> tuple[tuple[int, ...], bool]:
    """Return the pictures that a question means, and whether it says so; all if it does not."""
    everything = tuple(range(len(exam.images)))
    pairs = re.findall(r"\b([lr])[ -]?(cc|mlo)\b", words)
    if pairs:
        named = {(side.upper(), view.upper()) for side, view in pairs}
        return tuple(
            i for i in everything if (exam.images[i].side, exam.images[i].told.view) in named
        ), True
    numbers = [int(n) - 1 for n in _NUMBERED.findall(words)]
    if numbers:
        return tuple(i for i in everything if i in numbers), True
    sides = {side for side, pattern in _SIDES.items() if re.search(pattern, words)}
    views = {view for view, pattern in _VIEWS.items() if re.search(pattern, words)}
    chosen = len(sides) == 1 or len(views) == 1
    if not chosen:
        return everything, False
    return tuple(
        i
        for i in everything
        if (len(sides) != 1 or exam.images[i].side in sides)
        and (len(views) != 1 or exam.images[i].told.view in views)
    ), True
