"""The verb `find`: what an encoder sees in mammograms, as words, JSON and a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import jsonargparse
import numpy as np

from app.viewer import Panel, draw_sheet, save_png, shrink
from versamammo import NOTICE
from versamammo.config import command_parser

SHEET_HEIGHT = 720  # of one panel, in pixels
SHOWN_BOXES = 5


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(
        description=f"Say what an encoder sees in mammogram files, and where. {NOTICE}"
    )
    made.add_argument("files", nargs="+", type=Path, help="DICOM, PNG, JPEG, TIFF or PGM files")
    made.add_argument(
        "--encoder", type=Path, default=Path("runs/stage2/encoder"), help="a stage 2 folder"
    )
    made.add_argument("--json", action="store_true", help="print a JSON list, one object per file")
    made.add_argument("--png", type=Path | None, default=None, help="draw images and heat here")
    made.add_argument("--least", type=float, default=0.1, help="lowest probability of a candidate")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Look at every file, print what is seen and draw it."""
    from versamammo.finding import find
    from versamammo.foreign import load_encoder

    encoder = load_encoder(args.encoder)
    records, panels = [], []
    for path in args.files:
        sight = find(encoder, path, args.least)
        records.append({"file": str(path), **sight.to_dict()})
        if args.png is not None:
            boxes = tuple(
                (one.box, f"{one.kind} {one.score:.2f}") for one in sight.candidates[:SHOWN_BOXES]
            )
            pixels = np.clip(sight.pixels, 0, 1)
            panels.append(shrink(Panel(pixels, (path.name[:40],), None, boxes), SHEET_HEIGHT))
            if sight.heat is not None:
                panels.append(shrink(Panel(glowing(sight.heat), ("heat",)), SHEET_HEIGHT))
    if args.json:
        print(json.dumps(records, indent=2))
    else:
        print("\n\n".join(map(as_text, records)))
        print(f"\n{NOTICE}")
    if panels:
        title = f"{len(records)} files; candidates are no diagnosis"
        sheet = draw_sheet(panels, columns=min(4, len(panels)), height=SHEET_HEIGHT, title=title)
        save_png(sheet, args.png)
    return 0


def glowing(heat: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Show heat [H, W] with its warmest place white, so that weak warmth is visible too."""
    smooth = cv2.GaussianBlur(heat, (0, 0), 1.0)
    return np.asarray(smooth / max(float(smooth.max()), 1e-6), dtype=np.float32)


def as_text(record: dict[str, Any]) -> str:
    """Lay one record out for a terminal: each attribute's answer, then the candidates."""
    lines = [record["file"]]
    for name, shares in record["probabilities"].items():
        likely = max(shares, key=shares.get)
        every = ", ".join(f"{label} {share:.2f}" for label, share in shares.items())
        lines.append(f"  {name:<18} {likely:<10} ({every})")
    for one in record["candidates"]:
        box = ", ".join(f"{side:.0f}" for side in one["box"])
        lines.append(f"  candidate          {one['kind']} {one['score']:.2f} at ({box})")
    if not record["candidates"]:
        lines.append("  candidate          none")
    return "\n".join(lines)
