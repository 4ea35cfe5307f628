"""Segmentation tasks: a decoder on the encoder's maps; images without a finding count as well.

Masks are learnt on the encoder's input at native aspect and written in pixels of the stored file.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import label

from benchmark.dense.canvas import Canvas
from benchmark.dense.decoder import Decoder, RareLoss
from benchmark.dense.maps import Maps
from benchmark.fitting import FIRST, Batch, Fitting, batches, choosers, fit, own_copy
from benchmark.frozen_features import device_of
from benchmark.samples import MaskSample
from benchmark.task_rows import AdaptSettings, FindingMasks, Row, TaskRows
from benchmark.tasks import Task
from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.finding import heat_on_source

OUTLINES = (0.15, 0.3, 0.45, 0.6, 0.75)  # probability from which a pixel belongs to a piece
PEAKS = (0.15, 0.3, 0.45, 0.6, 0.75, 0.85, 0.92, 0.96)  # that a piece must reach to be kept


@dataclass(frozen=True)
class Marking:
    """How probabilities become a mask: two thresholds, so that a faint speck is no finding.

    Attributes:
        outline: probability from which a pixel belongs to a piece.
        peak: probability that a piece must reach somewhere.
    """

    outline: float = 0.5
    peak: float = 0.5

    def of(self, heat: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Mark pixels by their probabilities, both [H, W]."""
        pieces, count = label(heat >= self.outline)
        highest = np.zeros(count + 1, np.float32)
        np.maximum.at(highest, pieces.ravel(), heat.ravel())
        kept = highest >= self.peak
        kept[0] = False
        marked: NDArray[np.bool_] = kept[pieces]
        return marked


class Segmenting:
    """A decoder for one task, fitted on its training patients.

    Attributes:
        canvas: how rows become inputs.
        decoder: the head.
        marking: how probabilities become a mask, chosen on the validation patients.
        fitting: how the decoder was fitted.
    """

    def __init__(
        self, task: Task, encoder: VersaMammoModel, rows: TaskRows, settings: AdaptSettings
    ) -> None:
        shown = np.array([bool(_truth(row).masks) for row in rows.train], np.bool_)
        if not shown.any():
            message = f"{task.id}: no training image shows what is to be marked"
            raise InputError(message, field="findings", reason="nothing-to-learn")
        val = choosers(rows.val, np.array([bool(_truth(row).masks) for row in rows.val], np.bool_))
        everything = [*rows.train, *rows.val, *rows.test]
        self.canvas = Canvas.of(encoder.config.input_contract, settings.size, everything)
        self.rows = [*rows.train, *val]
        self.trained = len(rows.train)
        self.marking = Marking()
        self.loss = RareLoss()
        self._masks: dict[int, NDArray[np.uint8]] = {}
        tuned = settings.probe == "finetune"
        device = device_of(settings)
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            seen = own_copy(encoder, self._first_inputs) if tuned else encoder
            self.maps = Maps(seen, self._input, tuned, device)
            self.maps.measure(range(self.trained))
            self.decoder = Decoder(self.maps.channels, self.maps.strides).to(device)
            drawn = batches(shown, settings.batch, settings.seed)
            self.fitting: Fitting = fit(
                self.decoder, self.maps if tuned else None, self._loss, self._judge, drawn, settings
            )
        self._judge()

    def probabilities(self, row: Row) -> NDArray[np.float32]:
        """Return the probability of each pixel [H, W] of one image's input."""
        self.rows.append(row)
        try:
            return self._probabilities(len(self.rows) - 1, keep=False)
        finally:
            self.rows.pop()

    def mark(self, row: Row) -> NDArray[np.bool_]:
        """Mark findings in one image [H, W], in pixels of the file as stored."""
        crop = self.canvas.crop(row)
        # smooth probabilities are enlarged, not steps of a mask
        return self.marking.of(heat_on_source(self.probabilities(row), crop))

    def _first_inputs(self) -> torch.Tensor:
        return torch.stack([self._input(number, False) for number in range(self.trained)[:FIRST]])

    def _input(self, number: int, flipped: bool) -> torch.Tensor:
        return self.canvas.image(self.rows[number], flipped)

    def _mask(self, number: int) -> NDArray[np.bool_]:
        """Read a true mask on the input once; it is kept in one bit per pixel."""
        if number not in self._masks:
            self._masks[number] = np.packbits(self.canvas.mask(self.rows[number]))
        height, width = self.canvas.size
        bits = np.unpackbits(self._masks[number], count=height * width)
        return bits.reshape(height, width).astype(np.bool_)

    def _loss(self, batch: Batch) -> torch.Tensor:
        numbers, flips = batch
        truth = [
            self.canvas.flipped(self._mask(n), self.rows[n]) if flip else self._mask(n)
            for n, flip in zip(numbers, flips, strict=True)
        ]
        masks = torch.from_numpy(np.stack(truth)).float()[:, None].to(self.maps.device)
        log_odds = self.decoder(self.maps(numbers, flips, True), self.canvas.size)
        loss: torch.Tensor = self.loss(log_odds, masks)
        return loss

    @torch.no_grad()
    def _probabilities(self, number: int, keep: bool) -> NDArray[np.float32]:
        log_odds = self.decoder(self.maps([number], [False], keep), self.canvas.size)
        shown: NDArray[np.float32] = log_odds[0, 0].sigmoid().float().cpu().numpy()
        return shown

    def _judge(self) -> float:
        """Choose the marking that does best on validation images, and say how well.

        Images with a finding and those without weigh the same: otherwise a mask of nothing wins
        wherever most breasts are normal.
        """
        numbers = range(self.trained, len(self.rows))
        shown = np.array([bool(_truth(self.rows[number]).masks) for number in numbers], np.bool_)
        if not shown.any():
            return float("nan")
        tried = [Marking(low, high) for low in OUTLINES for high in PEAKS if high >= low]
        scores = np.zeros((len(shown), len(tried)))
        for place, number in enumerate(numbers):
            heat, truth = self._probabilities(number, keep=True), self._mask(number)
            scores[place] = [dice(marking.of(heat), truth) for marking in tried]
        sides = [scores[side].mean(axis=0) for side in (shown, ~shown) if side.any()]
        mean = np.mean(sides, axis=0)
        self.marking = tried[int(mean.argmax())]
        return float(mean.max())


def run(
    task: Task, encoder: VersaMammoModel, rows: TaskRows, settings: AdaptSettings, out: Path
) -> Iterator[MaskSample]:
    """Fit a decoder and mark each test image once.

    Args:
        task: of kind segmentation.
        encoder: left as it is; with `probe="finetune"` a copy of it is trained too.
        rows: no patient stands on two sides.
        settings: steps, size, seed.
        out: folder of this run; masks go to `masks/` in it, `fitting.json` tells how the decoder
            was chosen.

    Raises:
        InputError: no training image shows a finding, or a picture or mask cannot be read.
    """
    segmenting = Segmenting(task, encoder, rows, settings)
    segmenting.fitting.write(out / "fitting.json")
    for row in rows.test:
        size, name = row.picture.crop.source_size, hashlib.sha256(row.id.encode()).hexdigest()[:16]
        yield MaskSample(
            *row.about,
            truth=_write(out, f"masks/{name}-true.png", _truth(row).read(size)),
            mask=_write(out, f"masks/{name}.png", segmenting.mark(row)),
            spacing_mm=_stored_spacing(row),
        )


def dice(marked: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Return Dice of two masks, 1 if both are empty; to choose by, not to report."""
    both = marked.sum() + truth.sum()
    return 1.0 if both == 0 else float(2 * (marked & truth).sum() / both)


def _write(out: Path, name: str, mask: NDArray[np.bool_]) -> str:
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    path = out / name
    write_atomically(path, stream.getvalue(), durable=False)
    return name


def _stored_spacing(row: Row) -> tuple[float, float] | None:
    """Turn the spacing of the cached levels back into that of the stored file."""
    spacing, crop = row.picture.spacing_mm, row.picture.crop
    if spacing is None:
        return None
    rows, columns = (
        content / cut for content, cut in zip(crop.content_size, crop.cut_size, strict=True)
    )
    return spacing[0] * rows, spacing[1] * columns


def _truth(row: Row) -> FindingMasks:
    assert isinstance(row.truth, FindingMasks)
    return row.truth
