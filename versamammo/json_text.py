"""Reading JSON that somebody else wrote."""

from __future__ import annotations

import json
from typing import Any


def parse_json(text: str | bytes, **options: Any) -> Any:
    """Return what a JSON text holds.

    Args:
        text: UTF-8.
        options: for `json.loads`.

    Raises:
        ValueError: it is no JSON, no UTF-8, or nested so deeply that Python gives up.
    """
    try:
        return json.loads(text, **options)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
