"""The verb `find`: what a model says of mammograms and where, as words, JSON and a picture."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import cv2
import jsonargparse
import numpy as np
from PIL import Image, ImageDraw

from app.ask_command import load_breast
from app.chat.conversation.facts import warnings_of
from app.chat.conversation.report import composed, record
from app.chat.evidence.contracts import Findings
from app.chat.evidence.exam import Exam, gather
from app.chat.models import add_model, choose_folder, load_models
from app.chat.viewer.exam_picture import DisplaySettings, draw
from app.viewer import FINDING, Panel, draw_sheet, font, save_png, shrink
from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.data.allocation import keep_memory
from versamammo.errors import InputError
from versamammo.files import write_atomically

SHEET_HEIGHT = 720  # of one panel, in pixels
SHOWN_BOXES = 5


def parser() -> jsonargparse.ArgumentParser:
    """Describe the verb's arguments."""
    made = command_parser(
        description=f"Say what a model finds in each mammogram, as the chat does. {NOTICE}"
    )
    made.add_argument("files", nargs="+", type=Path, help="DICOM, PNG, JPEG, TIFF or PGM files")
    add_model(made)
    made.add_argument(
        "--encoder", type=Path | None, default=None,
        help="a stage 2 folder: print what its heads put out, untried and not as the chat words it",
    )  # fmt: skip
    made.add_argument("--json", action="store_true", help="print a JSON list, one object per file")
    made.add_argument("--png", type=Path | None, default=None, help="draw images and heat here")
    made.add_argument(
        "--least", type=float, default=0.1, help="with --encoder: lowest score of a candidate"
    )
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Look at every file, print what is said of it and draw it.

    Raises:
        InputError: a file or the model cannot be used.
    """
    keep_memory()  # the next picture has the same sizes
    return run_heads(args) if args.encoder is not None else run_model(args)


def run_model(args: jsonargparse.Namespace) -> int:
    """Print what the chat says of each file; return the exit code 0."""
    models = load_models(choose_folder(args.model), words=False)
    if models.finder is None:
        message = "no model that looks at pictures was found"
        raise InputError(message, field="--model", reason="no-model")
    records, texts, panels = [], [], []
    spoke: dict[str, None] = {}
    for path in args.files:
        exam = gather([load_breast(path)])
        speaking = models.of(exam)
        assert speaking.finder is not None, "each of the bundled models looks at pictures"
        findings = speaking.finder.find(exam)
        told = record(exam, findings, (), speaking.cards)
        told.pop("conversation")
        told.pop("similar")
        records.append({"file": str(path), **told})
        texts.append(_told(path, exam, findings, warnings_of(exam, findings, speaking.cards)))
        spoke[f"{speaking.finder.card.name} {speaking.finder.card.version}"] = None
        if args.png is not None:
            look = DisplaySettings(0, heat=bool(findings.heat))
            panels.append(np.asarray(draw(exam, look, findings, (), SHEET_HEIGHT // 2)))
    print(json.dumps(records, indent=2) if args.json else "\n\n".join(texts))
    if not args.json:
        print(f"\n{'; '.join(spoke)}. {NOTICE}")
    if panels:
        _save(panels, args.png)
    return 0


def _told(path: Path, exam: Exam, findings: Findings, warned: tuple[str, ...]) -> str:
    lines = [str(path), composed(exam, findings, exam.current)]
    return "\n".join([*lines, *(f"warning: {text}" for text in warned)])


def _save(panels: list[np.ndarray[Any, np.dtype[np.uint8]]], path: Path) -> None:
    """Lay pictures side by side, with the notice below."""
    height = max(panel.shape[0] for panel in panels)
    padded = [np.pad(panel, ((0, height - panel.shape[0]), (0, 8), (0, 0))) for panel in panels]
    picture = Image.fromarray(np.concatenate(padded, axis=1))
    foot = Image.new("RGB", (max(picture.width, 620), picture.height + 24))
    foot.paste(picture, (0, 0))
    ImageDraw.Draw(foot).text((6, picture.height + 4), NOTICE, fill=FINDING, font=font(14))
    made = io.BytesIO()
    foot.save(made, "PNG")
    write_atomically(path, made.getvalue())


def run_heads(args: jsonargparse.Namespace) -> int:
    """Print what an encoder's heads put out for every file."""
    from versamammo.model.finding import find
    from versamammo.model.foreign import load_encoder

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
