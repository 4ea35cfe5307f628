"""Small pieces of HTML for the page; every word from a file or a person is escaped here."""

from __future__ import annotations

from html import escape

from app.chat.conversation.facts import facts_of
from app.chat.evidence.contracts import Findings, StreamedAnswer
from app.chat.evidence.exam import Exam

WORDED = "Worded by the language model; each sentence was checked against this record"
IN_OWN_FORM = "What was understood"
NOT_WORDED = "This is the record itself: the language model's words did not agree with it"
LIGHT_BOX = (
    '<div id="vm-lightbox" class="vm-view vm-empty"><p>The light box is empty.<br>'
    "Drop pictures above, or open the example.</p></div>"
)


def disarm(text: str) -> str:
    """Make words that the chat shows harmless, whoever wrote them.

    Gradio's chat keeps tags that it takes for safe, pictures among them, even without markdown; a
    tag or an entity with a space of no width after its first sign is neither.
    """
    return text.replace("&", "&\u200b").replace("<", "<\u200b")


def record_html(answer: StreamedAnswer) -> str:
    """Return what was understood and the lines that an answer was worded from, folded up."""
    if not answer.facts and not answer.understood:
        return ""
    how = WORDED if answer.written else NOT_WORDED if answer.facts else IN_OWN_FORM
    understood = f"<p>Understood as: {escape(answer.understood)}.</p>" if answer.understood else ""
    why = "".join(f"<li>Not shown, because: {escape(one)}.</li>" for one in answer.rejected[:3])
    lines = "".join(f"<li>{escape(one)}</li>" for one in answer.facts)
    return (
        f'<details class="vm-record"><summary>{how}</summary>{understood}'
        f"{f'<ul>{lines}{why}</ul>' if lines else ''}</details>"
    )


def scene_html(token: str, turns: int) -> str:
    """Return where the light box finds its scene; another number of turns makes it look again."""
    return f'<span data-scene="lightbox/{escape(token)}/scene?{turns}"></span>'


def facts_html(exam: Exam | None, findings: Findings | None = None) -> str:
    """Return the table of what the tags say against what the pixels say."""
    if exam is None:
        return '<p class="vm-hint">Nothing to compare yet.</p>'
    rows = []
    for place, (name, image) in enumerate(zip(exam.names, exam.images, strict=True)):
        facts = facts_of(image, findings.verdict("View", place) if findings is not None else None)
        for number, fact in enumerate(facts):
            head = f'<th rowspan="{len(facts)}" scope="rowgroup">{escape(name)}</th>'
            mark = ' class="vm-clash"' if fact.disagree else ""
            rows.append(
                f"<tr{mark}>{head if number == 0 else ''}<td>{escape(fact.what)}</td>"
                f"<td>{escape(fact.tags)}</td><td>{escape(fact.pixels)}</td></tr>"
            )
    head = "<tr><th>Picture</th><th>What</th><th>The tags say</th><th>The pixels say</th></tr>"
    return f'<div class="vm-scroll"><table class="vm-table">{head}{"".join(rows)}</table></div>'
