"""What the page says above picture and talk: refusals, warnings, and the verdict that stays."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.chat.conversation.asked import KINDS
from app.chat.conversation.facts import together, warnings_of
from app.chat.conversation.verdict_words import title, verdict_words
from app.chat.evidence.contracts import Card, Findings, Verdict
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from versamammo.vocabulary import BY_NAME, YES
from vlm.option_words import figure

AT_A_GLANCE = ("Bi-Rads", "ACR")
NOTHING_ASSESSED = (
    "No model is loaded: findings, density and BI-RADS are not assessed, which is not the same as "
    "no finding."
)


def refused_html(refused: Sequence[tuple[str, str]], progress: str) -> str:
    """Return how far reading is and which files were refused, and why; a line for each."""
    if not refused:
        return f'<p class="vm-progress" role="status">{escape(progress)}</p>' if progress else ""
    lines = "".join(
        f"<li><b>{escape(name)}</b> was not used: {escape(why)}.</li>" for name, why in refused
    )
    count = "1 file was" if len(refused) == 1 else f"{len(refused)} files were"
    return (
        '<div role="alert"><details class="vm-fold vm-refused" open>'
        f"<summary>{escape(progress)} {count} not used</summary><ul>{lines}</ul></details></div>"
    )


def warnings_html(
    exam: Exam | None, findings: Findings | None = None, cards: Sequence[Card] = ()
) -> str:
    """Return one line with the number of warnings, which opens to all, each of them once."""
    said = [] if exam is None else together(exam.names, warnings_of(exam, findings, cards))
    if not said:
        return ""
    count = "1 warning" if len(said) == 1 else f"{len(said)} warnings"
    items = "".join(f"<li>{escape(warning)}</li>" for warning in said)
    return (
        '<div role="status"><details class="vm-fold vm-warnings">'
        f"<summary><b>{count}</b>: {escape(said[0])}</summary><ul>{items}</ul></details></div>"
    )


def verdict_html(exam: Exam | None, findings: Findings | None, card: Card | None) -> str:
    """Return what is said of the exam in a line or two: findings, then BI-RADS and density."""
    if exam is None:
        return ""
    if card is None or findings is None:
        return f'<p class="vm-verdict">{escape(NOTHING_ASSESSED)}</p>'
    parts = [*_kinds(exam, findings), *_suspects(exam, findings)]
    parts += [
        _topic(one)
        for name in AT_A_GLANCE
        if (one := of_several(exam, findings, name, exam.current)) is not None
    ]
    if not parts:
        parts = ["Nothing is judged in these pictures, which does not mean that nothing is there"]
    return f'<p class="vm-verdict">{" · ".join(parts)}</p>'


def _kinds(exam: Exam, findings: Findings) -> list[str]:
    """Return the pictures that each finding is in; places are told in the panel."""
    told, absent = [], []
    for name in KINDS:
        own = [
            one for one in findings.verdicts if one.topic == name and one.images[0] in exam.current
        ]
        there = [one for one in own if one.value == YES]
        unsure = [one for one in own if one.value is None]
        if there:
            listed = ", ".join(
                f"{exam.names[one.images[0]]} {figure(one.probabilities[YES])}" for one in there
            )
            told.append(f"<b>{escape(title(name))}</b>: {escape(listed)}")
        elif unsure:
            surest = max(unsure, key=lambda one: one.probabilities[YES])
            told.append(f"<b>{escape(title(name))}</b>: {escape(verdict_words(surest))}")
        elif own:
            absent.append(name.lower())
    return [*told, *([f"in no picture: {escape(', '.join(absent))}"] if absent else [])]


def _suspects(exam: Exam, findings: Findings) -> list[str]:
    marked = [one.image for one in findings.suspects if one.image in exam.current]
    if not marked:
        return []
    where = ", ".join(dict.fromkeys(exam.names[image] for image in marked))
    return [f"if there is a lesion, the likeliest place is marked in {escape(where)}"]


def _topic(verdict: Verdict) -> str:
    topic = BY_NAME[verdict.topic]
    likeliest = figure(verdict.probabilities[verdict.likeliest])
    value = "not sure" if verdict.value is None else topic.plain(verdict.value)
    held = f", {verdict.condition}" if verdict.condition else ""
    return f"<b>{escape(topic.title)}</b>: {escape(f'{value} ({likeliest}){held}')}"
