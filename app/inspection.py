"""The verb `inspect`: what was read from a file, in words, as JSON and as a picture."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonargparse

from app.viewer import Panel, draw_sheet, save_png, shrink
from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.errors import InputError
from versamammo.imaging.breast import Breast, find_breast
from versamammo.imaging.mammogram import Mammogram
from versamammo.imaging.reading import read
from versamammo.input.preprocess import stored_mirrored

SHEET_HEIGHT = 720  # of one panel, in pixels


@dataclass(frozen=True)
class Inspection:
    """What `inspect` learned of one file: the image and its breast, or why not."""

    file: Path
    mammogram: Mammogram | None = None
    breast: Breast | None = None
    error: InputError | None = None


def look(path: Path, args: jsonargparse.Namespace) -> Inspection:
    """Read one file and find its breast; a refusal is kept, not raised."""
    mammogram = None
    try:
        mammogram = read(
            path, window=args.window, for_processing=args.for_processing, frame=args.frame
        )
        return Inspection(path, mammogram, find_breast(mammogram.pixels))
    except InputError as error:
        return Inspection(path, mammogram, error=error)


def as_record(found: Inspection) -> dict[str, Any]:
    """Return the JSON object of one file; unknown values are null."""
    record: dict[str, Any] = dict.fromkeys(
        (
            "view", "view_source", "laterality", "laterality_source", "rows", "columns", "bits",
            "photometric", "windows", "spacing_mm", "mirrored", "breast_box",
        )
    )  # fmt: skip
    record = {"file": str(found.file), **record, "warnings": [], "error": None}
    image, breast = found.mammogram, found.breast
    if image is not None:
        record |= describe_image(image)
    if breast is not None and image is not None:
        record["mirrored"] = stored_mirrored(image.laterality, breast.chest_wall)
        record["chest_wall"] = breast.chest_wall
        record["breast_box"] = [round(v, 1) for v in breast.box.as_tuple()]
        record["marks"] = [[round(v, 1) for v in mark.as_tuple()] for mark in breast.marks]
        record["warnings"] = [*record["warnings"], *breast.notes]
    if found.error is not None:
        record["error"] = {"reason": found.error.reason, "message": str(found.error)}
    return record


def describe_image(image: Mammogram) -> dict[str, Any]:
    """List what the file said of itself, without anything that identifies a person."""
    rows, columns = image.size
    made = image.provenance
    return {
        "view": image.view,
        "view_source": image.view_source,
        "laterality": image.laterality,
        "laterality_source": image.laterality_source,
        "modifiers": list(image.modifiers),
        "rows": rows,
        "columns": columns,
        "bits": image.bits,
        "photometric": made.photometric,
        "windows": [
            {"kind": w.kind, "center": w.center, "width": w.width, "explanation": w.explanation}
            for w in made.windows
        ],
        "window_used": made.window_used,
        "spacing_mm": None if image.spacing_mm is None else list(image.spacing_mm),
        "format": made.format,
        "transfer_syntax": made.transfer_syntax,
        "decoder": made.decoder,
        "vendor": made.vendor,
        "model": made.model,
        "warnings": list(image.warnings),
    }


def as_text(record: dict[str, Any]) -> str:
    """Lay one record out for a terminal, a line per fact; unknown is written as such."""
    if record["error"] is not None and record["rows"] is None:
        return f"{record['file']}\n  refused        {record['error']['message']}"
    lines = [record["file"]]
    for key, value in record.items():
        if key in ("file", "warnings", "error", "windows", "window_used", "marks"):
            continue
        lines.append(f"  {key:<18} {'unknown' if value in (None, []) else value}")
    for index, window in enumerate(record["windows"] or []):
        used = "  <- shown" if index == record["window_used"] else ""
        numbers = "" if window["center"] is None else f" {window['center']:g} / {window['width']:g}"
        words = window["explanation"] or ""
        lines.append(f"  window {index:<11} {window['kind']}{numbers} {words}{used}")
    lines += [f"  warning            {warning}" for warning in record["warnings"]]
    if record["error"] is not None:
        lines.append(f"  refused            {record['error']['message']}")
    return "\n".join(lines)


def as_panel(found: Inspection) -> Panel | None:
    """Draw what was read; None if nothing was."""
    image, breast = found.mammogram, found.breast
    if image is None:
        return None
    side = f"{image.laterality or '?'} {image.view or '?'}"
    mirrored = breast is not None and stored_mirrored(image.laterality, breast.chest_wall)
    rows, columns = image.size
    return Panel(
        image.pixels,
        (
            f"{side}  {'stored mirrored' if mirrored else ''}",
            f"{found.file.name[:40]}  {columns} x {rows}, {image.bits} bits",
        ),
        None if breast is None else breast.outline,
        () if breast is None else ((breast.box, "breast"), *((m, "mark") for m in breast.marks)),
    )


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(description=f"Say what was read from mammogram files. {NOTICE}")
    made.add_argument("files", nargs="+", type=Path, help="DICOM, PNG, JPEG, TIFF or PGM files")
    made.add_argument("--json", action="store_true", help="print a JSON list, one object per file")
    made.add_argument("--png", type=Path | None, default=None, help="draw the images into this PNG")
    made.add_argument("--window", type=int | None, default=None, help="which VOI window, from 0")
    made.add_argument("--frame", type=int | None, default=None, help="slice of a stack, from 0")
    made.add_argument("--for-processing", action="store_true", help="accept FOR PROCESSING images")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Print and draw every file; 2 if any was refused, the others are shown all the same."""
    records, panels, refused = [], [], []
    for path in args.files:
        found = look(path, args)
        records.append(as_record(found))
        if found.error is not None:
            refused.append(found.error)
        # reduced at once: a folder of full-size mammograms would not fit in memory
        if args.png is not None and (panel := as_panel(found)) is not None:
            panels.append(shrink(panel, SHEET_HEIGHT))
    if args.json:
        print(json.dumps(records, indent=2))
    else:
        print("\n\n".join(map(as_text, records)))
        print(f"\n{NOTICE}")
    if panels:
        title = f"{len(panels)} of {len(records)} files read"
        sheet = draw_sheet(panels, columns=min(4, len(panels)), height=SHEET_HEIGHT, title=title)
        save_png(sheet, args.png)
    for error in refused:
        print(f"versamammo: {error}", file=sys.stderr)
    return 2 if refused else 0
