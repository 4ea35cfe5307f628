"""Small pieces of HTML for the page; every word from a file or a person is escaped here."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np
from PIL import Image

from app.chat.contracts import Attribute, Card, Findings
from app.chat.exam import Exam
from app.chat.facts import facts_of, warnings_of
from versamammo import NOTICE, __version__

EMPTY_VIEW = (
    '<div class="vm-view vm-empty"><p>The light box is empty.<br>'
    "Drop pictures above, or open the example.</p></div>"
)


def disarm(text: str) -> str:
    """Make words that the chat shows harmless, whoever wrote them.

    Gradio's chat keeps tags that it takes for safe, pictures among them, even without markdown; a
    tag or an entity with a space of no width after its first sign is neither.
    """
    return text.replace("&", "&\u200b").replace("<", "<\u200b")


def view_html(picture: Image.Image, description: str, true_size: bool) -> str:
    """Show a picture as part of the page itself, so that no file of it is left anywhere."""
    shown = np.asarray(picture)[..., ::-1]
    _, encoded = cv2.imencode(".png", shown, [cv2.IMWRITE_PNG_COMPRESSION, 2])
    data = base64.b64encode(encoded.tobytes()).decode()
    kind = "vm-view vm-true" if true_size else "vm-view"
    return (
        f'<div class="{kind}" tabindex="0" role="img" aria-label="{escape(description)}">'
        f'<img alt="{escape(description)}" draggable="false" src="data:image/png;base64,{data}">'
        f'<span class="vm-stamp">{escape(NOTICE)}</span></div>'
    )


def facts_html(exam: Exam | None) -> str:
    """Give the table of what the tags say against what the pixels say."""
    if exam is None:
        return '<p class="vm-hint">Nothing to compare yet.</p>'
    rows = []
    for name, image in zip(exam.names, exam.images, strict=True):
        facts = facts_of(image)
        for number, fact in enumerate(facts):
            head = f'<th rowspan="{len(facts)}" scope="rowgroup">{escape(name)}</th>'
            mark = ' class="vm-clash"' if fact.disagree else ""
            rows.append(
                f"<tr{mark}>{head if number == 0 else ''}<td>{escape(fact.what)}</td>"
                f"<td>{escape(fact.tags)}</td><td>{escape(fact.pixels)}</td></tr>"
            )
    head = "<tr><th>Picture</th><th></th><th>The tags say</th><th>The pixels say</th></tr>"
    return f'<div class="vm-scroll"><table class="vm-table">{head}{"".join(rows)}</table></div>'


def warnings_html(exam: Exam | None) -> str:
    """List warnings; disagreements come first because they are written first."""
    said = [] if exam is None else list(warnings_of(exam))
    if exam is not None and exam.phantom:
        said.insert(0, "These are phantom pictures: invented, not of a person.")
    if not said:
        return ""
    items = "".join(f"<li>{escape(warning)}</li>" for warning in said)
    return f'<ul class="vm-warnings" role="status">{items}</ul>'


def refused_html(refused: Sequence[tuple[str, str]], progress: str) -> str:
    """Say how far reading is and which files were refused, and why."""
    lines = "".join(
        f"<li><b>{escape(name)}</b> was not used: {escape(why)}.</li>" for name, why in refused
    )
    listed = f'<ul class="vm-refused" role="alert">{lines}</ul>' if lines else ""
    return f'<p class="vm-progress" role="status">{escape(progress)}</p>{listed}'


def findings_html(exam: Exam | None, findings: Findings | None, card: Card | None) -> str:
    """Give the panel of density, BI-RADS and other attributes with their probabilities."""
    if card is None:
        return (
            '<p class="vm-hint"><b>No model is loaded.</b> Density, BI-RADS and findings are not '
            "assessed. An empty panel does not mean that there is no finding.</p>"
        )
    if exam is None or findings is None:
        return '<p class="vm-hint">No exam is open.</p>'
    parts = [_bars(exam, attribute) for attribute in findings.attributes]
    parts += [f'<p class="vm-refused">Attempted in vain: {escape(w)}.</p>' for w in findings.failed]
    parts += [_region_rows(exam, findings)]
    return "".join(parts)


def _bars(exam: Exam, attribute: Attribute) -> str:
    where = "whole exam" if attribute.image is None else exam.names[attribute.image]
    edition = f", BI-RADS edition {attribute.edition}" if attribute.edition else ""
    rows = "".join(
        f'<tr><td>{escape(value)}</td><td class="vm-bar"><i style="width:{100 * p:.0f}%"></i></td>'
        f"<td>{p:.2f}</td></tr>"
        for value, p in attribute.probabilities.items()
    )
    title = f"{attribute.name} ({where}{edition})"
    return f'<table class="vm-table"><caption>{escape(title)}</caption>{rows}</table>'


def _region_rows(exam: Exam, findings: Findings) -> str:
    if not findings.regions:
        return '<p class="vm-hint">The model marked no region.</p>'
    rows = []
    for region in findings.regions:
        size = exam.images[region.image].millimetres(region.box)
        extent = "size unknown" if size is None else f"{size[0]:.0f} x {size[1]:.0f} mm"
        rows.append(
            f"<tr><td>{escape(exam.names[region.image])}</td><td>{escape(region.word)}</td>"
            f"<td>{extent}</td><td>{region.score:.2f}</td></tr>"
        )
    head = "<tr><th>Picture</th><th>Finding</th><th>Size</th><th>Score</th></tr>"
    return f'<table class="vm-table">{head}{"".join(rows)}</table>'


def cards_html(cards: Sequence[Card]) -> str:
    """Say at the foot of the page which program, model and data speak."""
    lines = [f"VersaMammo {__version__}"]
    for card in cards:
        lines.append(
            f"{card.name}, version {card.version}, trained on: {card.data}"
            if card.is_model
            else card.name
        )
    return f'<p class="vm-foot">{escape(" · ".join(lines))}</p>'


def banner_html() -> str:
    """Give the notice that stays at the top of the page."""
    return f'<div class="vm-notice" role="note">{escape(NOTICE)}</div>'
