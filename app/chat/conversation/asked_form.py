"""In which form an answer is wanted: short, in plain words, to the pixel, view against view."""

from __future__ import annotations

import re
from dataclasses import replace

from app.chat.conversation.asked import Asked
from app.chat.conversation.subjects import Subject
from app.chat.conversation.tag_sentences import values_asked

BRIEF = re.compile(
    r"\b(more short|short(er|est)?|brief(ly|er)?|concise(ly)?|tl;?dr|in a nutshell|in short|"
    r"(one|a single|two|three|2|3) (line|sentence)s?|few words|impression only|"
    r"only the impression)\b"
)
_EXACT = re.compile(
    r"\b(lateral|medial|box(es)?|(inner|outer|upper|lower) (half|part|side)|quadrants?|o'?clock|"
    r"clock|hour|coord(inate)?s?|bbox(es)?|pixels?|nipple|distance|how (deep|far)|exact(ly)?|"
    r"precise(ly)?)\b"
)
_PIXELS = re.compile(
    r"\b((bounding )?box(es)?|bbox(es)?|coord(inate)?s?|pixels?|px|corners?|x ?y ?w ?h|x1|edges)\b"
)
_PLAIN = re.compile(
    r"\b(lay(man|person|people|reader|audience)?('?s)?|"
    r"(plain|simple|easy|everyday|normal|ordinary) "
    r"(english|words?|language|terms)|simply put|non-?medical|patient[- ]friendly|jargon|eli5|"
    r"(tell|for) (a|your|my|the) (readers?|newspaper|public|journalist|audience|class)|"
    r"(no idea|don'?t know|can'?t|cannot) (how to )?read|not used to (reading|seeing|these)|"
    r"read (it|that|this) (out )?to (her|him|them|my)|anxious|frightened|"
    r"(very )?simple words|short sentences|(level|wording|version) (for|of) (a |the )?patients?|"
    r"(patient|lay) level|as if i (was|were) (her|him)|"
    r"like i'?m (five|5|a child)|(explain|tell|say|put|describe|read|summar\w+)\b.* (to|for) "
    r"(a|the|my|her|his) (patient|mother|mum|mom|father|dad|sister|daughter|son|wife|husband|"
    r"grand\w+|child|kid|friend|family|relatives?))\b"
)
_BARE = re.compile(
    r"\b(just|only|one|a single|nothing but) (the |a )?(letter|number|category|digit|word|value)\b|"
    r"\b(letter|number|category|digit|value) only\b"
)
_PERCENT = re.compile(r"\b(in|as( a)?|give|want|how many|what) (percent(age)?s?\b|%)")
_PATIENT = re.compile(r"\b(patients?|famil(y|ies)) (can|could|would|will|may|understands?)\b")
_COUNTS = {
    "five": 5, "eight": 8, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
    "fifty": 50,
}  # fmt: skip
_ONE_LINE = re.compile(
    r"\b(one|a|a single|1)[ -](line|liner|sentence|phrase)\b|\btl;?dr\b|\btweet\b|"
    r"\bimpression only\b|\b(only|just) the impression\b|"
    r"\b(two|2|three|3) (short )?lines\b"
)
_COUNT = r"(?:\d+|" + "|".join(_COUNTS) + ")"
_MOST = re.compile(
    r",? ?\b(?:in|exactly|under|max(?:imum)?|at most|within|(?:fewer|less) than|up to|about|around|"
    rf"limit (?:of|is)|no more than) (?P<count>{_COUNT})[ -](?P<of>words|characters|chars)"
    r"(?: (?:or less|or fewer|please))?\b|"
    rf",? ?\b(?P<least>{_COUNT}) words (?:max(?:imum)?|at most|tops|or less|or fewer|only)\b",
    re.IGNORECASE,
)
LETTERS = 7  # of a word, with the space behind it
# a greeting, or what a talk or text is for, before what is asked
_HELLO = re.compile(
    r"^\W*(hi|hello|hey|greetings|good (morning|day|afternoon|evening)|dear \w+)\b"
    r"( there| all| doctor| everyone| everybody| team)?[\s,.!:;-]+(?=\w+\W+\w+\W+\w+)|"
    r"^\W*((ok|okay|great|right|sure)\W+)?(many )?"
    r"(thanks|thank you|thx|ty|great|perfect|got it|cheers)"
    r"( a lot| so much| very much)?\s*[,.!:;-]+\s*(?=\w+\W+\w+\W+\w+\W+\w+)|"
    r"^\W*(i|we)( have| need| am|'m|m)?( to)? (do|give|make|write|prepare|\w+ing) (a|an|my|our) "
    r"(\w+ )?(presentation|talk|poster|essay|article|piece|paper|thesis|homework)\b[^.?!]*[.:]\s*",
    re.IGNORECASE,
)
_TABLE = re.compile(
    r"\b(as|in|into|make|give|show|put|want|need|draw|write)\b.{0,30}\b(tables?|columns)\b|"
    r"\btables? (of|with|please|pls|form|format)\b|^(a )?table$|"
    r"\b(tabular|tabulate\w*|one row (per|for)|rows? per|spreadsheet)\b"
)
_YES_OR_NO = re.compile(
    r"\b(yes or no|yes/no|y/n|normal or (not|abnormal)|(ok|okay|fine|clear|healthy|all right)\b.*"
    r"\b(or not|or what)|(is|are|does|do|looks?) .*"
    r"\b(normal|ok|okay|fine|clear|clean|healthy|all right|negative|unremarkable))\b|"
    r"^(just |so )?(normal|ok|okay|fine|clear|healthy)$"
)
_EACH = re.compile(
    r"\b(each|every|per|both|either|separate(ly)?|individual(ly)?)\b.*"
    r"\b(views?|pictures?|images?|films?|projections?|one)\b|\b(per|by)[ -](view|image|picture)\b|"
    r"\b(view|image|picture|film) by (view|image|picture|film)\b"
)
_BOTH = re.compile(
    r"\b(both|two|either|the other) (of the |of these )?"
    r"(views?|pictures?|images?|films?|projections?)\b|"
    r"\bother (view|projection)s?\b"
)
_AS_DENSE = re.compile(
    r"\b(counts?|law|legal\w*|notif\w*|considered|classif\w*|officially|deemed)\b.*\bdense\b|"
    r"\bdense\b.*\b(counts?|law|legal\w*|notif\w*|considered|officially)\b"
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


RESULTS = "results_file"  # the fact of the program that tells how results are written to a file
_SAME_LESION = re.compile(
    r"\b(same|one) (lesion|mass|finding|thing|spot|place)\b.*\b(views?|both|two|mlo|cc)\b|"
    r"\b(both|two) (views?|pictures|projections)\b.*\bsame (lesion|mass|finding|thing|place)\b"
)


def most_words(words: str) -> int:
    """Return how many words an answer may have at most; 0 if that is not said."""
    found = _MOST.search(words)
    if found is None:
        return 0
    told = (found["count"] or found["least"]).casefold()
    count = _COUNTS.get(told) or int(told)
    of_words = (found["of"] or "words").casefold() == "words"
    return count if of_words else max(1, count // LETTERS)


def without_limit(text: str) -> str:
    """Return a question without how long the answer may be, which is none of what it asks for."""
    return _MOST.sub("", text).strip() or text


def without_greeting(text: str) -> str:
    """Return a question without the greeting and the occasion that stand before it."""
    return _HELLO.sub("", _HELLO.sub("", text))


def with_form(asked: Asked, words: str) -> Asked:
    """Return a question with the form in which its words want the answer."""
    sides = bool(_OF_SIDES.search(words))
    most = most_words(words)
    table = bool(_TABLE.search(words))
    if table and asked.program_fact == RESULTS:  # “as a table please”
        asked = replace(asked, subject=Subject.REPORT, topics=(), program_fact="")
    asked = replace(
        asked, brief=bool(BRIEF.search(words)) or most > 0, table=table, most_words=most,
        bare=bool(_BARE.search(words)), percent=bool(_PERCENT.search(words)),
        values=tuple(value for fact in asked.facts for value in values_asked(fact, words)),
        one_line=bool(_ONE_LINE.search(words)),
        plain=bool(_PLAIN.search(words)), yes_or_no=bool(_YES_OR_NO.search(words)),
        exact=bool(_EXACT.search(words)), pixels=bool(_PIXELS.search(words)),
        each=bool(_EACH.search(words)), both=bool(_BOTH.search(words)), sides=sides,
        as_dense=bool(_AS_DENSE.search(words)),
        views=bool(_OF_VIEWS.search(words)) and not sides,
    )  # fmt: skip
    if asked.bare and asked.subject in (Subject.SCORES, Subject.REPORT) and asked.topics:
        asked = replace(asked, subject=Subject.TOPIC)
    if asked.subject in (Subject.FINDINGS, Subject.PLACES) and _SAME_LESION.search(words):
        asked = replace(asked, subject=Subject.COMPARE, views=True)
    if asked.subject is Subject.REPORT and _PATIENT.search(words):
        asked = replace(asked, plain=True)
    cancer = {*asked.topics} <= {"Pathology", "Cancer"}
    again = asked.subject is Subject.TOPIC and (cancer or _REWRITTEN.search(words))
    if asked.plain and (asked.subject in _PLAINLY or again) and not asked.order:
        return replace(asked, subject=Subject.REPORT, unread=(), unsure=False)
    return asked
