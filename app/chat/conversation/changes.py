"""What is said of the current pictures beside what is said of prior ones."""

from __future__ import annotations

from app.chat.conversation.answer_evidence import notes_of
from app.chat.conversation.asked import KINDS
from app.chat.conversation.verdict_words import not_judged, title, topic_words
from app.chat.evidence.contracts import LOOKED_AT, Evidence, Findings, StreamedAnswer, Verdict
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam

NOT_COMPARED = (
    "Whether anything has changed cannot be told: no model here compares exams. Each date is "
    "judged by itself, and a difference between the two may be chance."
)


def both_dates(exam: Exam, seen: Findings) -> tuple[list[str], list[Verdict]]:
    """Return lines about the current and the latest prior pictures, and the verdicts in them."""
    days = min(exam.images[number].days_before or 0 for number in exam.prior)
    prior = [number for number in exam.prior if exam.images[number].days_before == days]
    listed = ", ".join(exam.names[number] for number in prior)
    ago = exam.images[prior[0]].how_long_before
    lines = [f"Earlier pictures: {listed}, made {ago} before the current ones.", NOT_COMPARED]
    found: list[Verdict] = []
    for name in ("ACR", "Bi-Rads", *KINDS):
        now = of_several(exam, seen, name, exam.current)
        then = of_several(exam, seen, name, prior)
        if now is not None and then is not None:
            found += [now, then]
            lines.append(f"{title(name)}: now {topic_words(now)}; before {topic_words(then)}.")
    return lines, found


def changed(exam: Exam, seen: Findings) -> StreamedAnswer:
    """Return what is said of the current pictures beside that of the latest prior ones."""
    lines, found = both_dates(exam, seen)
    lines += [] if found else [not_judged(seen, "ACR")]
    looked = dict.fromkeys(image for one in found for image in one.images)
    evidence = tuple(Evidence(number, LOOKED_AT) for number in looked)
    return StreamedAnswer("\n".join(lines), evidence, None, notes_of(seen, found))
