"""How the light box shows an exam, as it tells the server for an export."""

from __future__ import annotations

import json
import math

from app.chat.session.session_store import Visit
from app.chat.viewer.exam_picture import DisplaySettings


def look_of(visit: Visit, told: str) -> DisplaySettings:
    """Read what the light box says of itself; what makes no sense is as the exam opens."""
    plain = DisplaySettings(view=0 if len(visit.exam.images) == 1 else None)
    try:
        look = json.loads(told or "{}")
        view, level, width = look["view"], float(look["level"]), float(look["width"])
        switches = [bool(look[name]) for name in ("invert", "outline", "boxes", "heat")]
    except (ValueError, KeyError, TypeError):
        return plain
    if not (math.isfinite(level) and math.isfinite(width)):
        return plain
    chosen = view if isinstance(view, int) and 0 <= view < len(visit.exam.images) else plain.view
    invert, outline, boxes, heat = switches
    return DisplaySettings(chosen, level, max(width, 1.0), invert, outline, boxes, heat)
