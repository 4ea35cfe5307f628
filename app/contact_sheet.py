"""The verb `sheet`: prepared exams on one picture, to see what a run would learn from."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import jsonargparse
import numpy as np

from app.hanging import HangingView, hang
from app.viewer import Panel, draw_sheet, save_png
from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.data.cache import read_levels
from versamammo.data.labels import DENSITIES
from versamammo.data.manifest import read_manifest
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box, Laterality, View
from versamammo.input.geometry import Crop

CELL_HEIGHT = 420  # of one view, in pixels
COLUMNS = (
    "image_id", "source", "cache_path", "patient_id", "exam_id", "exam_date", "laterality", "view",
    "spacing_mm", "crop", "split", "density", "birads", "findings",
)  # fmt: skip

Row = dict[str, Any]


def exams(folder: Path, limit: int) -> list[list[Row]]:
    """Group the manifest's rows by exam, in the manifest's order; at most `limit` exams."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in read_manifest(folder, COLUMNS).to_pylist():
        if row["laterality"] and row["view"]:
            groups[row["exam_id"] or row["image_id"]].append(row)
    if not groups:
        raise InputError(
            "no prepared image has a known side and view", file=folder, reason="nothing-to-draw"
        )
    return list(groups.values())[:limit]


def as_hung(folder: Path, row: Row) -> HangingView:
    """Load one prepared image with its findings in pixels of the prepared picture."""
    levels = read_levels(folder / row["cache_path"])
    crop = Crop.from_dict(row["crop"])
    spacing = row["spacing_mm"]
    if spacing is not None:
        x1, y1, x2, y2 = crop.box
        spacing = (
            spacing["row"] * (y2 - y1) / crop.content_size[0],
            spacing["column"] * (x2 - x1) / crop.content_size[1],
        )
    boxes = []
    for finding in row["findings"] or ():
        if (place := finding["box"]) is not None:
            corners = np.array([[place["x1"], place["y1"], place["x2"], place["y2"]]])
            inside = crop.boxes_to_input(corners)[0]
            if np.isfinite(inside).all():
                boxes.append((Box(*inside.tolist()), finding["kind"].replace("_", " ")))
    return HangingView(
        Laterality(row["laterality"]),
        View(row["view"]),
        levels.astype(np.float32) / np.float32(65535),
        spacing,
        tuple(boxes),
    )


def as_panel(folder: Path, rows: list[Row]) -> Panel:
    """Hang one exam, with what is known of it below."""
    known = [row["density"] for row in rows if not math.isnan(row["density"])]
    density = DENSITIES[int(max(known)) - 1] if known else "unknown"
    sides = []
    for side in Laterality:
        given = [
            r["birads"] for r in rows if r["laterality"] == side and not math.isnan(r["birads"])
        ]
        sides.append(f"{side} {int(max(given))}" if given else f"{side} unknown")
    first = rows[0]
    caption = (
        "  ".join(first[k] or "" for k in ("source", "patient_id", "exam_date", "split")),
        f"density {density}   BI-RADS {', '.join(sides)}",
    )
    return hang([as_hung(folder, row) for row in rows], height=CELL_HEIGHT, caption=caption)


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(
        description=f"Draw prepared exams, four views hung as readers hang them. {NOTICE}"
    )
    made.add_argument("folder", type=Path, help="what `versamammo prepare` wrote")
    made.add_argument("--png", type=Path, required=True, help="the picture to write")
    made.add_argument("--exams", type=int, default=3, help="how many exams to draw")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Draw the first exams of a prepared folder."""
    if args.exams < 1:
        raise InputError(f"expected at least 1, got {args.exams}", field="--exams")
    chosen = exams(args.folder, args.exams)
    panels = [as_panel(args.folder, rows) for rows in chosen]
    sources = sorted({row["source"] for rows in chosen for row in rows})
    phantom = " (phantoms: not real data)" if "phantom" in sources else ""
    title = f"{len(panels)} exams from {', '.join(sources)}{phantom}"
    sheet = draw_sheet(panels, columns=min(3, len(panels)), height=2 * CELL_HEIGHT, title=title)
    save_png(sheet, args.png)
    print(f"{args.png}: {title}. {NOTICE}")
    return 0
