"""The panel of similar cases: small pictures with what is known of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from app.chat.evidence.contracts import Similar
from app.chat.evidence.exam import Exam

MEANING = (
    "The nearest pictures of the index by the encoder's features, of the same view. What is near "
    "in features need not be alike in diagnosis."
)


def similar_html(exam: Exam | None, found: Sequence[Sequence[Similar]]) -> str:
    """Show the neighbours of each picture."""
    if exam is None or not any(found):
        return '<p class="vm-hint">Nothing to compare yet, or nothing of the same view.</p>'
    rows = "".join(
        f'<h4>{escape(name)}</h4><div class="vm-similar">{"".join(map(_figure, own))}</div>'
        for name, own in zip(exam.names, found, strict=True)
        if own
    )
    return f'<p class="vm-hint">{escape(MEANING)}</p>{rows}'


def _figure(one: Similar) -> str:
    data = base64.b64encode(one.thumb).decode()
    return (
        f'<figure><img alt="{escape(one.told)}" src="data:image/jpeg;base64,{data}">'
        f"<figcaption>{escape(one.told)}; similarity {one.score:.2f}</figcaption></figure>"
    )
