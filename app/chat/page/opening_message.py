"""The first words of a conversation: small pictures of the exam, and what they are."""

from __future__ import annotations

import base64
from html import escape

import cv2
import numpy as np

from app.chat.evidence.exam import Exam
from app.chat.session.session_store import Visit
from app.chat.viewer.exam_picture import DisplaySettings, draw
from versamammo import NOTICE

THUMB = 72  # rows of a small picture
PHANTOM = "These are phantom pictures: invented, not of a person."
OPENING = 2  # messages before the first question


def opening(visit: Visit) -> list[dict[str, str]]:
    """Return the messages that stand before the first question; said once per conversation."""
    kind = PHANTOM if visit.exam.phantom else ""
    said = " ".join(filter(None, [kind, visit.attribution, NOTICE]))
    visit.thumbnails = visit.thumbnails or thumbnails_html(visit.exam)
    return [
        {"role": "user", "content": visit.thumbnails},
        {"role": "assistant", "content": f'<span class="vm-note">{escape(said)}</span>'},
    ]


def thumbnails_html(exam: Exam) -> str:
    """Draw each picture small, as a part of the message itself: nothing is fetched for it."""
    figures = []
    for number, name in enumerate(exam.names):
        look = DisplaySettings(view=number, outline=False, boxes=False)
        large = np.asarray(draw(exam, look, height=2 * THUMB))[..., ::-1]
        columns = max(1, round(large.shape[1] * THUMB / large.shape[0]))
        small = cv2.resize(large, (columns, THUMB), interpolation=cv2.INTER_AREA)
        _, encoded = cv2.imencode(".png", cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))
        data = base64.b64encode(encoded.tobytes()).decode()
        figures.append(
            f'<span class="vm-thumb"><img alt="{escape(name)}" width="{columns}" height="{THUMB}" '
            f'src="data:image/png;base64,{data}"></span>'
        )
    return f'<span class="vm-thumbs">{"".join(figures)}</span>'
