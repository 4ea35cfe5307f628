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
    r"(tell|for) (a|your|my|the) (readers?|newspaper|public|journalist|audience|class)|"
    r"no idea how to read|read (it|that|this) (out )?to (her|him|them|my)|anxious|frightened|"
    r"(very )?simple words|short sentences|as if i (was|were) (her|him)|"
    r"like i'?m (five|5|a child)|(explain|tell|say|put|describe|read|summar\w+)\b.* (to|for) "
    r"(a|the|my|her|his) (patient|mother|mum|mom|father|dad|sister|daughter|son|wife|husband|"
    r"grand\w+|child|kid|friend|family|relatives?))\b"
)
_PATIENT = re.compile(r"\b(patients?|famil(y|ies)) (can|could|would|will|may|understands?)\b")
_ONE_LINE = re.compile(
    r"\b(one|a|a single|1)[ -](line|liner|sentence|phrase)\b|\btl;?dr\b|\btweet\b|"
    r"\bimpression only\b|\b(only|just) the impression\b|"
    r"\b(two|2|three|3) (short )?lines\b|"
    r"\b(in|exactly|under|max(imum)?|at most|within|(fewer|less) than) \d+ (words|characters)\b"
)
_YES_OR_NO = re.compile(
    r"\b(yes or no|yes/no|y/n|normal or (not|abnormal)|(ok|okay|fine|clear|healthy|all right)\b.*"
    r"\b(or not|or what)|(is|are|does|do|looks?) .*"
    r"\b(normal|ok|okay|fine|clear|healthy|all right))\b|"
    r"^(just |so )?(normal|ok|okay|fine|clear|healthy)$"
)
_EACH = re.compile(
    r"\b(each|every|per|both|either|separate(ly)?|individual(ly)?)\b.*"
    r"\b(views?|pictures?|images?|films?|projections?|one)\b|\b(per|by)[ -](view|image|picture)\b|"
    r"\b(view|image|picture|film) by (view|image|picture|film)\b"
)
# what is told in plain words as a whole
_PLAINLY = (Subject.REPORT, Subject.FINDINGS, Subject.PERSON, Subject.UNKNOWN)
_REWRITTEN = re.compile(r"\b(re-?(write|phrase|word)|put (it|that|this)|say (it|that|this) again|"
                        r"the same (thing|report|text|again)?)\b")  # fmt: skip
_OF_VIEWS = re.compile(r"\b(views?|projections?|cc\b.*\bmlo|mlo\b.*\bcc)\b")
_OF_SIDES = re.compile(
    r"\b((which|other|either) breast|left|right|sides?|breasts|bilateral\w*|contralateral|"
    r"symmetr\w*)\b"
)


_SAME_LESION = re.compile(
    r"\b(same|one) (lesion|mass|finding|thing|spot|place)\b.*\b(views?|both|two|mlo|cc)\b|"
    r"\b(both|two) (views?|pictures|projections)\b.*\bsame (lesion|mass|finding|thing|place)\b"
)


def with_form(asked: Asked, words: str) -> Asked:
    """Return a question with the form in which its words want the answer."""
    sides = bool(_OF_SIDES.search(words))
    asked = replace(
        asked, brief=bool(BRIEF.search(words)), one_line=bool(_ONE_LINE.search(words)),
        plain=bool(_PLAIN.search(words)), yes_or_no=bool(_YES_OR_NO.search(words)),
        exact=bool(_EXACT.search(words)), each=bool(_EACH.search(words)), sides=sides,
        views=bool(_OF_VIEWS.search(words)) and not sides,
    )  # fmt: skip
    if asked.subject in (Subject.FINDINGS, Subject.PLACES) and _SAME_LESION.search(words):
        asked = replace(asked, subject=Subject.COMPARE, views=True)
    if asked.subject is Subject.REPORT and _PATIENT.search(words):
        asked = replace(asked, plain=True)
    again = asked.subject is Subject.TOPIC and _REWRITTEN.search(words)
    if asked.plain and (asked.subject in _PLAINLY or again) and not asked.order:
        return replace(asked, subject=Subject.REPORT, unread=(), unsure=False)
    return asked
