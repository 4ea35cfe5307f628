"""Questions about mammography in general, kept apart from questions about the pictures at hand.

“What is a mass?” asks for a meaning, “Is there a mass?” and “What is the mass?” for what a picture
shows. Only the former are answered from the glossary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from versamammo.vocabulary import TOPICS
from vlm.knowledge.glossary import GlossaryTerm
from vlm.knowledge.glossary_search import APOSTROPHE, Hit, retriever, words_of

_SLIPS = (  # ways of writing what a question begins with
    (r"\b(what|wat|wht|waht|whta)'?\s*(is|are|s|re)\b", "what is"),
    (r"\b(whats|wats|whas|what're)\b", "what is"),
    (r"\bwut\b|\bwhat is is\b", "what is"),
    (r"\b(wat|wht|waht|whta)\b", "what"),
    (r"\b(meen|mens|maen)\b", "mean"),
    (r"\b(explane|explian|exlpain|explin)\b", "explain"),
    (r"\b(defin|difine|deffine)\b", "define"),
    (r"\bdiff?e?r[ea]n[cs]e?\b|\bdiff\b", "difference"),
)
# what asks for a meaning whatever else is said
_MEANING = re.compile(
    r"\bwhat (do|does|would) .*\b(mean|stand for|signify|imply|look like|show|tell|say|do|"
    r"measure|describe|refer to|involve|cause)\b|"
    r"\b(do|does|can|could|would) .*\b(mean|become|turn into|cause|lead to|hurt|spread|go away|"
    r"be (cancer|benign|harmless|malignant|dangerous|removed|treated|cured|felt))\b|"
    r"\bmean(ing|s)?( of)?\b|\bdefin(e|ition)\b|\bmeant by\b|\bexplain\b|\bexplanation\b|"
    r"\babbreviat\w+|\bacronym\b|\bshort for\b|\bstands? for\b|\bin general\b|\bgenerally\b|"
    r"\b(tell|teach|educate) me (more |something |a bit |all )?about\b|\blearn about\b|"
    r"\bdifference between\b|\bwhat is the difference\b|\bdiffer(s)? from\b|"
    r"\b(good|used|needed) for\b|"
    r"\bhow (do|does|is|are|can|much|long|common|dangerous|accurate|often|big|well) |"
    r"\bwhy (do|does|is|are|would|should|might|can) |"
    r"\bwhen (is|are|would|do|does|will|should) |\bwhat happens\b|\bwho (needs|gets|should get|"
    r"has) |"
    r"\bwhat (percentage|share|proportion|fraction) of\b|"
    r"\bwhich is (worse|better|more)\b|"
    r"\bwhat (causes|kinds? of|types? of|sorts? of)\b|"
    r"\bwhat is (the )?(point|purpose|use|role) of\b|"
    r"\bdescribe what\b|\bremind me what\b|\bwonder(ing)? what\b"
)
_JUDGED = (
    r"(an? )?(kinds? of |types? of |form of |sign of |always |usually |mostly |necessarily |"
    r"really |the same as )*"
    r"(cancer\w*|benign|malignant|dangerous|harmful|harmless|bad|serious|painful|safe|"
    r"curable|treatable|hereditary|common|rare|a problem|worrying|deadly|suspicious|good|"
    r"reliable|better|worse|normal|important|necessary)"
)
_IS_IT = re.compile(rf"^(and |so |but )?(is|are) (?!there\b).+ {_JUDGED}\b")
_WHAT_IS = re.compile(r"^(and |so |but |ok |hi |hello |please )*what is (?P<what>.+)$")
_THEN_WHAT = re.compile(r"^(?P<what>.+?) what is (that|it|this|meant)$")
# what points at the pictures
_POINTING = re.compile(
    r"\b(this|these|those|here|her|his|she|he|your|it|its|them|they|there|image|images|picture|"
    r"pictures|exam|film|films|left|right|visible|present|shown|any|case|scan|light box|i see|"
    r"should (i|we|he|my)|you (see|think|find|found|give|say|mark|marked)|would you|did you|"
    r"do you|are you|have you|"
    r"was|were|did|patient's|my|me have|we have)\b|\bthat (breast|mass|one|spot|thing|area|white)"
)
_ALLOWED = re.compile(  # of these words, where they point at nothing
    r"\bto me\b|\b(and|are|is|do|does|can|why) (it|they|that)\b(?= (is |are )?(bad|dangerous|used|"
    r"done|harmful|matter|important|a problem|worrying|serious|needed))|"
    r"\b(and|or) (why|how|when) (it|they|that) (is|are)\b|\bwhy do they\b|"
    r"\b(i|you|one|we|they) (have|has|get|gets) cancer\b|\bdo you (mean|call)\b|"
    r"\bmean by (it|this)\b|"
    r"\bhow do you (compute|calculate|measure|define|diagnose|treat)\b|"
    r"\bleft (or|and|from|versus) right\b|\bright (or|and|from) left\b|\bwould you explain\b|"
    r"\bon an? (picture|image|film|scan)\b|\bfor (images|pictures|patients)\b"
)
_NAMES = "|".join(
    synonym
    for topic in TOPICS
    for synonym in topic.synonyms
    if topic.name not in ("View", "Laterality")
)
_THE = re.compile(  # the findings of these pictures, and not findings as such
    rf"\b(the|that) (?!(mean|diff|definition|term|word|purpose|point|concept|risk|"
    rf"(cc|mlo|lm|ml|xccl|magnification|spot compression) view))(\w+ ){{0,2}}?"
    rf"(?:{_NAMES}|view|projection|side|size|spacing|resolution|bit depth|positioning|"
    r"image quality|exposure)"
    r"\b(?! (\d|[a-d]\b|categories|classes|levels|letters|"
    r"system|scale|lexicon|view|margin|shape|score mean))"
)
_SEVERAL = re.compile(r"\b(and|or|between|versus|vs|than|from)\b")
_COMPARED = re.compile(r"\b(between|versus|vs|differs? from)\b")
_GENERIC = ("mammogram", "breast cancer", "screening mammography", "finding", "mammographic view")
_TOPIC_ALONE = re.compile(rf"^(?:breast |mammographic )?(?:{_NAMES})$")
_PICTURE_ALONE = re.compile(r"^([lr] ?)?(cc|mlo)( views?)?$")
MOST = 3  # terms that are explained at once
SHORT = 5  # words of a question that is a term and nothing else

# what asks for what a term is, and not for more
_DEFINES = re.compile(
    r"^(and |so |but |ok |please |hi |hello )*(what'?s?( is| are| does| do)?|whats|define|explain|"
    r"difference)\b|\b(mean|means|meaning|definition|stand for|stands for)\b"
)
_OPEN = re.compile(
    r"\b(these|this (picture|image|film|mammogram|breast|scan|case)|here|"
    r"(my|her) (picture|image|breast|scan|mammogram)s?)\b"
)


def asks_what_it_is(words: str) -> bool:
    """Return whether a question asks for what a term is, and not for more."""
    return _DEFINES.search(words) is not None


def of_open_pictures(words: str) -> bool:
    """Return whether a question names the pictures that are open."""
    return _OPEN.search(words) is not None


def explained(question: str) -> tuple[GlossaryTerm, ...]:
    """Return the entries that answer a question; none where it is about pictures or not known."""
    words = plain_words(question)
    focus = _focus(words)
    if not focus:
        return ()
    return _chosen(retriever().find(focus), words)


def points_at(question: str) -> bool:
    """Return whether a question speaks of “the mass” or “the density”: of these pictures."""
    return _THE.search(plain_words(question)) is not None


def speaks_of_these(question: str) -> bool:
    """Return whether a question points at what lies here: “this”, “her”, “the left”."""
    return _POINTING.search(_ALLOWED.sub(" ", plain_words(question))) is not None


def terms_in(question: str) -> tuple[GlossaryTerm, ...]:
    """Return the entries that a question for a meaning asks for, whatever its words point at."""
    words = plain_words(question)
    return _chosen(retriever().find(words), words)


def term_alone(question: str) -> tuple[GlossaryTerm, ...]:
    """Return the entry of a question that is a term and nothing else."""
    words = re.sub(r"^(and|or|what about|how about|ok|so) ", "", plain_words(question))
    words = re.sub(r"^(what about|how about) ", "", words)
    if len(words.split()) > SHORT or _POINTING.search(words):
        return ()
    hits = retriever().find(words)
    whole = len(hits) == 1 and hits[0].score > 0.8 and _spans(hits[0], words)
    return (hits[0].entry,) if whole else ()


def named_in(question: str) -> tuple[GlossaryTerm, ...]:
    """Return the entries that any text names."""
    return tuple(hit.entry for hit in retriever().find(question))


def plain_words(question: str) -> str:
    """Return a question in lower case, without punctuation and with its beginning put right."""
    words = question.casefold().replace(APOSTROPHE, "'")
    for slip, right in _SLIPS:
        words = re.sub(slip, right, words)
    return " ".join(re.sub(r"[?!.,;:\"()]+|\s-+\s", " ", words).split())


def _focus(words: str) -> str:
    """Return the words that ask for a meaning; empty if the question is about the pictures."""
    bare = _ALLOWED.sub(" ", words)
    asked = _THEN_WHAT.match(words)
    if asked is not None:
        bare = asked["what"]
    points = bool(_POINTING.search(bare)) or bool(_THE.search(bare))
    if points:
        return ""
    if asked is not None:
        return asked["what"]
    if _MEANING.search(words) or _IS_IT.match(words):
        return words
    if (asked := _WHAT_IS.match(words)) is not None:
        return asked["what"]
    return words if _may_stand_alone(words) else ""


def _may_stand_alone(words: str) -> bool:
    """Return whether words are a term that cannot be meant as a question about pictures."""
    if _TOPIC_ALONE.match(words) or _PICTURE_ALONE.match(words):
        return False
    return any(not _TOPIC_ALONE.match(entry.term.casefold()) for entry in term_alone(words))


def _spans(hit: Hit, words: str) -> bool:
    return hit.span == (0, len(words_of(words)))


def _chosen(hits: Sequence[Hit], words: str) -> tuple[GlossaryTerm, ...]:
    """Return the entry that is asked for; several where the question names them side by side."""
    telling = [hit for hit in hits if hit.entry.term not in _GENERIC] or list(hits)
    if _COMPARED.search(words):
        telling = list(hits)
    several = len(telling) > 1 and _SEVERAL.search(words)
    return tuple(hit.entry for hit in telling[: MOST if several else 1])
