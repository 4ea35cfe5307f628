"""Small pieces of HTML for the page; every word from a file or a person is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.chat.conversation.facts import facts_of, warnings_of
from app.chat.evidence.contracts import Card, Findings
from app.chat.evidence.exam import Exam
from versamammo import NOTICE, __version__

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


def scene_html(token: str, turns: int) -> str:
    """Tell the light box where its scene lies; another number of turns makes it look again."""
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
    head = "<tr><th>Picture</th><th></th><th>The tags say</th><th>The pixels say</th></tr>"
    return f'<div class="vm-scroll"><table class="vm-table">{head}{"".join(rows)}</table></div>'


def warnings_html(
    exam: Exam | None, findings: Findings | None = None, cards: Sequence[Card] = ()
) -> str:
    """List warnings, those about the model and about the set of pictures first."""
    said = [] if exam is None else list(warnings_of(exam, findings, cards))
    if exam is not None and exam.phantom:
        said.insert(0, "These are phantom pictures: invented, not of a person.")
    if not said:
        return ""
    items = "".join(f"<li>{escape(warning)}</li>" for warning in said)
    return f'<ul class="vm-warnings" role="status">{items}</ul>'


def refused_html(refused: Sequence[tuple[str, str]], progress: str) -> str:
    """Return how far reading is and which files were refused, and why."""
    lines = "".join(
        f"<li><b>{escape(name)}</b> was not used: {escape(why)}.</li>" for name, why in refused
    )
    listed = f'<ul class="vm-refused" role="alert">{lines}</ul>' if lines else ""
    return f'<p class="vm-progress" role="status">{escape(progress)}</p>{listed}'


def cards_html(cards: Sequence[Card]) -> str:
    """Return the foot of the page: which program, model and data speak."""
    lines = [f"VersaMammo {__version__}"]
    for card in cards:
        lines.append(
            f"{card.name}, version {card.version}, trained on: {card.data}"
            if card.is_model
            else card.name
        )
    return f'<p class="vm-foot">{escape(" · ".join(lines))}</p>'


def banner_html() -> str:
    """Return the notice that stays at the top of the page."""
    return f'<div class="vm-notice" role="note">{escape(NOTICE)}</div>'
