"""The line on top of the page, its foot, and the list of keys."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.chat.evidence.contracts import Card
from app.chat.evidence.exam import Exam
from versamammo import NOTICE, __version__

EMPTY_LINE = "Pictures stay on this computer and are forgotten when you leave."
KEYS = (
    ("?", "this list"),
    ("/", "go to the question"),
    ("Enter", "ask; Shift and Enter begin a new line"),
    ("N", "open another exam"),
    ("D", "light or dark theme"),
    ("Esc", "close what lies above the page"),
    ("Tab", "next control; the first two lead to picture and question"),
)


def banner_html() -> str:
    """Return the name of the page, the notice that stays, and ways past the rest by keyboard."""
    return (
        '<a class="vm-skip" href="#vm-viewer">Skip to the picture</a>'
        '<a class="vm-skip" href="#vm-question">Skip to the question</a>'
        '<div class="vm-brand"><h1>VersaMammo</h1>'
        f'<div class="vm-notice" role="note">{escape(NOTICE)}</div></div>'
    )


def line_html(name: str = "", exam: Exam | None = None) -> str:
    """Return what is open in a few words, or that nothing is."""
    if exam is None:
        return f'<p class="vm-line">{escape(EMPTY_LINE)}</p>'
    count = len(exam.images)
    told = f"{name or 'Exam'} · {count} picture{'' if count == 1 else 's'}"
    return f'<p class="vm-line vm-exam" role="status" title="{escape(told)}">{escape(told)}</p>'


def keys_html() -> str:
    """Return the list of keys, shown by the key `?`."""
    rows = "".join(f"<dt>{escape(key)}</dt><dd>{escape(what)}</dd>" for key, what in KEYS)
    return (
        '<dialog id="vm-keys" class="vm-dialog" aria-labelledby="vm-keys-title">'
        f'<h2 id="vm-keys-title">Keys</h2><dl>{rows}</dl>'
        '<button type="button">Close</button></dialog>'
    )


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
