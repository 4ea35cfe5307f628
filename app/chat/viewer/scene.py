"""What the light box in the browser needs to know of an exam, but for the pixels."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from app.chat.evidence.contracts import HeatMap
from app.chat.evidence.exam import ExamImage
from app.chat.session.session_store import Visit
from app.chat.viewer.exam_layout import PicturePlace, place_all
from app.chat.viewer.exam_picture import COLD, HEAT, PRESETS
from app.chat.viewer.hangings import hangings
from app.chat.viewer.pixels import PREVIEW
from app.chat.viewer.scene_boxes import boxes
from versamammo import NOTICE
from versamammo.imaging.grayscale import WindowFunction

HEIGHT = 1000  # of the cells that the layout is asked for; only proportions are taken from it


def scene(visit: Visit, address: str) -> dict[str, Any]:
    """Return hanging, pictures and layers of a visit, ready for JSON.

    Args:
        visit: what is on the light box.
        address: below which its pixels are served.
    """
    exam, findings = visit.exam, visit.findings
    placed, _ = place_all(exam, HEIGHT)
    return {
        "label": f"Mammogram: {', '.join(exam.names)}",
        "notice": NOTICE,
        "phantom": exam.phantom,
        "pictures": [_picture(place, exam.names[place.number], address) for place in placed],
        "hangings": hangings(exam),
        "presets": [
            {"name": name, "level": level, "width": width}
            for name, (level, width) in PRESETS.items()
        ],
        "boxes": boxes(exam, findings, visit.pointed),
        "heat": _heat(findings.heat if findings is not None else ()),
        "heat_strength": HEAT,
    }


def _picture(place: PicturePlace, name: str, address: str) -> dict[str, Any]:
    image, number = place.image, place.number
    rows, columns = image.size
    display = image.display
    return {
        "number": number,
        "name": name,
        "side": str(image.side),
        "view": str(image.told.view or "?"),
        "prior": prior_words(image),
        "rows": rows,
        "columns": columns,
        "spacing_mm": image.told.spacing_mm,
        "cut": place.cut,
        "mirrored": place.mirrored,
        "outer": place.outer,
        "window": _window(display.window),
        "windows": _offered(image),
        "slope": display.slope,
        "intercept": display.intercept,
        "inverse": display.inverse,
        "padding": display.padding,
        "in_file_units": display.in_file_units,
        "outline": _outline(image),
        "pixels": f"{address}/pixels/{number}",
        "preview": f"{address}/preview/{number}",
        "preview_step": PREVIEW,
    }


def prior_words(image: ExamImage) -> str:
    """Return how much earlier than the current exam a picture was made; empty for a current one."""
    if not image.days_before:
        return ""
    return f"prior, {image.how_long_before} earlier"


def _window(window: WindowFunction) -> dict[str, Any]:
    return {"kind": window.kind, "center": window.center, "width": window.width}


def _offered(image: ExamImage) -> list[dict[str, Any]]:
    """Return the windows that the file offers beside the one that is shown first."""
    if not image.display.in_file_units:
        return []
    kind = image.display.window.kind
    return [
        {"name": one.explanation or f"Window {number}", "center": one.center, "width": one.width}
        for number, one in enumerate(image.told.provenance.windows, start=1)
        if one.center is not None and one.kind == kind
    ]


def _outline(image: ExamImage) -> list[list[float]]:
    if image.breast is None or len(image.breast.outline) < 2:
        return []
    return [[round(float(x), 1), round(float(y), 1)] for x, y in image.breast.outline]


def _heat(maps: tuple[HeatMap, ...]) -> list[dict[str, Any]]:
    """Return the heat maps as bytes of one scale, which a cold exam does not fill."""
    warmest = max([COLD, *(float(heat.values.max()) for heat in maps)])
    return [
        {
            "picture": heat.image,
            "box": heat.box.as_tuple(),
            "rows": heat.values.shape[0],
            "columns": heat.values.shape[1],
            "values": base64.b64encode(
                np.round(np.clip(heat.values / warmest, 0, 1) * 255).astype(np.uint8).tobytes()
            ).decode(),
        }
        for heat in maps
    ]
