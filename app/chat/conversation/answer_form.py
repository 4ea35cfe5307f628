"""An answer in the form that is asked for: a table, one sentence, a value alone, percent."""

from __future__ import annotations

import re
from dataclasses import replace

from app.chat.conversation.asked import Asked, bare_words
from app.chat.conversation.one_line import one_line, places_alone
from app.chat.conversation.record_answers import topics_told
from app.chat.conversation.record_table import as_table
from app.chat.conversation.stated_reading import place_lines
from app.chat.conversation.subjects import Subject
from app.chat.conversation.verdict_words import DENSE, FIGURES, ONE_PICTURE
from app.chat.evidence.contracts import Findings, StreamedAnswer
from app.chat.evidence.exam import Exam

# what is answered with regard to a place that is named
OF_PLACES = (Subject.FINDINGS, Subject.PLACES, Subject.COUNT, Subject.SIZES, Subject.NATURE)
# what a table tells as well
AS_A_TABLE = (*OF_PLACES, Subject.REPORT, Subject.COMPARE, Subject.SCORES, Subject.TOPIC)
# “ACR density: C, heterogeneously dense (0.47); also possible: B 0.32 ...”
_OF_A_TOPIC = re.compile(r"[A-Z][^:(]{2,40}: .*\(0\.\d\d\)")
_CHANCE = re.compile(r"(?<![\d.])([01]\.\d\d)(?![\d.])")


def in_form(
    made: StreamedAnswer, exam: Exam, asked: Asked, seen: Findings, question: str
) -> StreamedAnswer:
    """Return an answer about the pictures in the form that its question wants.

    Args:
        made: as it is told where no form is wanted.
        exam: whose pictures are spoken of.
        asked: the question as it is understood.
        seen: the record of evidence.
        question: in the user's words.
    """
    short = asked.subject in (Subject.FINDINGS, Subject.REPORT)
    short = short or (asked.one_line and asked.subject in (Subject.PLACES, Subject.COMPARE))
    if asked.table and asked.subject in AS_A_TABLE:
        made = replace(made, text=as_table(exam, seen, asked.images))
    elif short and (asked.one_line or _is_too_long(made, asked)):
        made = replace(made, text=one_line(exam, seen, asked.images, asked.most_words))
    elif asked.subject is Subject.TOPIC and _is_too_long(made, asked):
        made = topics_told(exam, asked.named, asked.images, seen, bare=True)
    elif asked.bare and asked.subject is Subject.PLACES:
        made = replace(made, text=places_alone(exam, seen, asked.images) or made.text)
    elif asked.subject in OF_PLACES:
        place = place_lines(exam, seen, asked.images, bare_words(question), asked.kinds)
        made = replace(made, text="\n".join([*place, made.text]))
    if asked.percent:
        made = replace(made, text="\n".join(map(_in_percent, made.text.splitlines())))
    if asked.as_dense and asked.topics == ("ACR",):
        made = replace(made, text=f"{DENSE}\n{made.text}")
    if asked.both and len(exam.current) == 1:
        made = replace(made, text=f"{ONE_PICTURE}{exam.names[0]}.\n{made.text}")
    return made


def _is_too_long(made: StreamedAnswer, asked: Asked) -> bool:
    """Return whether an answer has more words than are wanted."""
    return 0 < asked.most_words < len(made.text.split())


def _in_percent(line: str) -> str:
    """Return a line of a topic with its probabilities in percent; others as they are."""
    if line == FIGURES:
        return line.replace("0 to 1", "in percent")
    if not _OF_A_TOPIC.match(line):
        return line
    return _CHANCE.sub(lambda chance: f"{float(chance[1]):.0%}".replace("%", " %"), line)
