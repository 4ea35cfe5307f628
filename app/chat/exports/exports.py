"""A visit as files to take away: text, JSON, FHIR, PNG and PDF, each with the notice in it."""

from __future__ import annotations

import io
import json
import textwrap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from app.chat.conversation.report import record, written_draft
from app.chat.evidence.contracts import Card, ChatTurn
from app.chat.exports.export_name import exam_key, export_name
from app.chat.exports.fhir import as_fhir
from app.chat.exports.report_formats import as_record, marked
from app.chat.session.session_store import Visit
from app.chat.viewer.exam_picture import DisplaySettings, draw
from app.viewer import FINDING, GROUND, font
from versamammo import NOTICE, __version__
from versamammo.errors import InputError
from versamammo.files import is_full_disk, write_atomically

PAGE = (8.27, 11.69)  # A4, in inches
LINES = 58  # of one page, above its foot
COLUMNS = 92
FULL = "There is no room left on the server's disk: nothing was written."


def write_all(
    visit: Visit, look: DisplaySettings, report: str, cards: Sequence[Card], folder: Path
) -> list[Path]:
    """Write the visit into `folder` in every form, called by exam and time; returns the paths.

    Args:
        visit: what is taken away.
        look: how the pictures are drawn.
        report: the draft's text as the reader has left it.
        cards: of those who spoke.
        folder: where to.

    Raises:
        InputError: `disk-full`; nothing is left in the folder.
    """
    now = datetime.now().astimezone()
    name = export_name(visit.exam, now)
    picture = with_notice(
        draw(visit.exam, look, visit.findings, visit.pointed), cards, visit.exam.phantom
    )
    draft = written_draft(visit.exam, visit.findings, cards, visit.turns)
    told = record(visit.exam, visit.findings, visit.turns, cards, visit.similar)
    told |= {"report_draft": report, "report": as_record(draft, report)}
    encoded = io.BytesIO()
    picture.save(encoded, "PNG")
    content = {
        "txt": f"{marked(draft, report)}\n".encode(),
        "json": as_json(told),
        "fhir.json": as_json(as_fhir(draft, exam_key(visit.exam), now, report)),
        "png": encoded.getvalue(),
        "pdf": as_pdf(picture, marked(draft, report), visit.turns, cards),
    }
    paths = [folder / f"{name}.{ending}" for ending in content]
    try:
        for path, data in zip(paths, content.values(), strict=True):
            write_atomically(path, data)
    except OSError as error:
        for path in paths:
            path.unlink(missing_ok=True)
        if is_full_disk(error):
            raise InputError(FULL, reason="disk-full") from error
        raise
    return paths


def as_json(told: object) -> bytes:
    """Return JSON as all files of the report hold it: UTF-8, a line for each value."""
    return f"{json.dumps(told, indent=2, ensure_ascii=False)}\n".encode()


def with_notice(picture: Image.Image, cards: Sequence[Card], phantom: bool) -> Image.Image:
    """Add a foot to a picture: the notice, and who spoke."""
    width = max(picture.width, 620)
    small = font(13)
    lines = textwrap.wrap(who(cards), int(width / small.getlength("e")))
    foot = Image.new("RGB", (width, picture.height + 33 + 17 * len(lines)), GROUND)
    foot.paste(picture, ((foot.width - picture.width) // 2, 0))
    pen = ImageDraw.Draw(foot)
    kind = "PHANTOM, not a person. " if phantom else ""
    pen.text((8, picture.height + 5), f"{kind}{NOTICE}", fill=FINDING, font=font(15))
    for number, line in enumerate(lines):
        pen.text((8, picture.height + 27 + 17 * number), line, fill=(200, 200, 200), font=small)
    return foot


def who(cards: Sequence[Card]) -> str:
    """Name program, models and their data in one line."""
    return f"VersaMammo {__version__}. " + "; ".join(
        f"{card.name}" + (f" {card.version}, data: {card.data}" if card.is_model else "")
        for card in cards
    )


def as_pdf(
    picture: Image.Image, report: str, turns: Sequence[ChatTurn], cards: Sequence[Card]
) -> bytes:
    """Lay picture, report and conversation out on A4 pages, the notice on each."""
    talk = "\n\n".join(map(_in_words, turns))
    text = f"{report}\n\nCONVERSATION\n{talk or 'No question was asked.'}"
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, COLUMNS) or [""]]
    made = io.BytesIO()
    # no creation date: the same visit gives the same file
    with PdfPages(
        made, metadata={"Title": f"Mammogram chat. {NOTICE}", "CreationDate": None}
    ) as pdf:
        page = _page(cards)
        axes = page.add_axes((0.06, 0.08, 0.88, 0.84))
        axes.imshow(np.asarray(picture), interpolation="lanczos")
        axes.set_axis_off()
        pdf.savefig(page)
        for start in range(0, len(lines), LINES):
            page = _page(cards)
            page.text(0.08, 0.93, "\n".join(lines[start : start + LINES]), va="top", fontsize=9,
                      family="DejaVu Sans", linespacing=1.35, parse_math=False)  # fmt: skip
            pdf.savefig(page)
    return made.getvalue()


def _in_words(turn: ChatTurn) -> str:
    sure = "" if turn.answer.confidence is None else f"\n(confidence {turn.answer.confidence:.2f})"
    by = turn.answer.speaker
    source = "\n(no model: from tags and measurements)" if by and not by.is_model else ""
    notes = "".join(f"\n(note: {note})" for note in turn.answer.notes)
    return f"Q: {turn.question}\nA: {turn.answer.text}{sure}{source}{notes}"


def _page(cards: Sequence[Card]) -> Figure:
    page = Figure(figsize=PAGE)
    FigureCanvasPdf(page)
    page.text(0.5, 0.97, NOTICE, ha="center", fontsize=10, color="#a04000", weight="bold")
    said = "\n".join(textwrap.wrap(who(cards), 125))
    page.text(0.5, 0.02, said, ha="center", va="bottom", fontsize=7, color="#444444",
              parse_math=False)  # fmt: skip
    return page
