"""In which form an answer is wanted: short, in plain words, to the pixel, view against view."""

from __future__ import annotations

import re
from dataclasses import replace

from app.chat.conversation.asked import Asked
from app.chat.conversation.subjects import Subject

BRIEF = re.compile(
    r"\b(short(er|est)?|brief(ly|er)?|concise(ly)?|tl;?dr|in a nutshell|in short|"
    r"(one|a single|two|three|2|3) (line|sentence)s?|few words|impression only|"
    r"only the impression)\b"
)
_EXACT = re.compile(
    r"\b(lateral|medial|box(es)?|(inner|outer|upper|lower) (half|part|side)|quadrants?|o'?clock|"
    r"clock|hour|coord(inate)?s?|bbox(es)?|pixels?|nipple|distance|how (deep|far)|exact(ly)?|"
    r"precise(ly)?)\b"
)
_PLAIN = re.compile(
    r"\b(lay(man|person|people|reader|audience)?('?s)?|(plain|simple|easy|everyday) "
    r"(english|words?|language|terms)|simply put|non-?medical|patient[- ]friendly|jargon|eli5|"
    r"like i'?m (five|5|a child)|(explain|tell|say|put|describe|read|summar\w+)\b.* (to|for) "
    r"(a|the|my|her|his) (patient|mother|mum|mom|father|dad|sister|daughter|son|wife|husband|"
    r"grand\w+|child|kid|friend|family|relatives?))\b"
)
_PATIENT = re.compile(r"\b(patients?|famil(y|ies)) (can|could|would|will|may|understands?)\b")
# what is told in plain words as a whole
_PLAINLY = (Subject.REPORT, Subject.FINDINGS, Subject.PERSON, Subject.UNKNOWN)
_OF_VIEWS = re.compile(r"\b(views?|projections?|cc\b.*\bmlo|mlo\b.*\bcc)\b")
_OF_SIDES = re.compile(r"\b(left|right|sides?|breasts|bilateral\w*|contralateral|symmetr\w*)\b")


_SAME_LESION = re.compile(
    r"\b(same|one) (lesion|mass|finding|thing|spot|place)\b.*\b(views?|both|two|mlo|cc)\b|"
    r"\b(both|two) (views?|pictures|projections)\b.*\bsame (lesion|mass|finding|thing|place)\b"
)


def with_form(asked: Asked, words: str) -> Asked:
    """Return a question with the form in which its words want the answer."""
    asked = replace(
        asked, brief=bool(BRIEF.search(words)), exact=bool(_EXACT.search(words)),
        plain=bool(_PLAIN.search(words)),
        views=bool(_OF_VIEWS.search(words)) and not _OF_SIDES.search(words),
    )  # fmt: skip
    if asked.subject in (Subject.FINDINGS, Subject.PLACES) and _SAME_LESION.search(words):
        asked = replace(asked, subject=Subject.COMPARE, views=True)
    if asked.subject is Subject.REPORT and _PATIENT.search(words):
        asked = replace(asked, plain=True)
    if asked.plain and asked.subject in _PLAINLY and not asked.order:
        return replace(asked, subject=Subject.REPORT, unread=(), unsure=False)
    return asked
