"""Detection tasks: a detector on the encoder's maps, with the images that show nothing.

Places are learnt on the encoder's input at native aspect and told in pixels of the stored file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torchvision.ops import box_iou

from benchmark.dense.anchors import anchor_sizes
from benchmark.dense.canvas import Boxes, Canvas, to_source
from benchmark.dense.detector import DetectedBoxes, Detector
from benchmark.dense.maps import Maps
from benchmark.dense.pyramid_adapter import STRIDES
from benchmark.fitting import FIRST, Batch, Fitting, batches, choosers, fit, own_copy
from benchmark.frozen_features import device_of
from benchmark.samples import BoxesSample
from benchmark.task_rows import AdaptSettings, Places, Row, TaskRows
from benchmark.tasks import Task
from versamammo.errors import InputError
from versamammo.model.encoder import VersaMammoModel

CHOOSING = (0.1, 0.3, 0.5)  # IoU; a detector that is not yet exact shall be told from a bad one


class Detecting:
    """A detector for one task, fitted on its training patients.

    Attributes:
        canvas: how rows become inputs.
        detector: the heads.
        fitting: how they were fitted.
    """

    def __init__(
        self, task: Task, encoder: VersaMammoModel, rows: TaskRows, settings: AdaptSettings
    ) -> None:
        if not any(_truth(row).boxes for row in rows.train):
            message = f"{task.id}: no training image shows what is to be found"
            raise InputError(message, field="findings", reason="nothing-to-learn")
        val = choosers(rows.val, np.array([bool(_truth(row).boxes) for row in rows.val], np.bool_))
        everything = [*rows.train, *rows.val, *rows.test]
        self.canvas = Canvas.of(encoder.config.input_contract, settings.size, everything)
        self.rows = [*rows.train, *val]
        self.trained = len(rows.train)
        tuned = settings.probe == "finetune"
        device = device_of(settings)
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            seen = own_copy(encoder, self._first_inputs) if tuned else encoder
            self.maps = Maps(seen, self._input, tuned, device)
            self.maps.measure(range(self.trained))
            anchors = anchor_sizes(rows.train, self.canvas, len(STRIDES))
            self.detector = Detector(
                self.maps.channels, self.maps.strides, anchors, len(task.classes)
            ).to(device)
            shown = np.array([bool(_truth(row).boxes) for row in rows.train])
            drawn = batches(shown, settings.batch, settings.seed)
            self.fitting: Fitting = fit(
                self.detector,
                self.maps if tuned else None,
                self._loss,
                self._judge,
                drawn,
                settings,
            )

    def find(self, row: Row) -> DetectedBoxes:
        """Find boxes on one image's input."""
        self.rows.append(row)
        try:
            return self._find(len(self.rows) - 1, keep=False)
        finally:
            self.rows.pop()

    def _first_inputs(self) -> torch.Tensor:
        return torch.stack([self._input(number, False) for number in range(self.trained)[:FIRST]])

    def _input(self, number: int, flipped: bool) -> torch.Tensor:
        return self.canvas.image(self.rows[number], flipped)

    def _loss(self, batch: Batch) -> torch.Tensor:
        numbers, flips = batch
        device = self.maps.device
        truth = [
            self.canvas.boxes(self.rows[n], f).to(device)
            for n, f in zip(numbers, flips, strict=True)
        ]
        losses = self.detector.losses(self.maps(numbers, flips, True), self.canvas.size, truth)
        return torch.stack(list(losses.values())).sum()

    @torch.no_grad()
    def _find(self, number: int, keep: bool) -> DetectedBoxes:
        found: DetectedBoxes = self.detector(self.maps([number], [False], keep), self.canvas.size)[
            0
        ]
        return found.cpu()

    def _judge(self) -> float:
        """Return the average precision on validation images, over classes and overlaps."""
        numbers = range(self.trained, len(self.rows))
        truth = [self.canvas.boxes(self.rows[number]) for number in numbers]
        found = [self._find(number, keep=True) for number in numbers]
        classes = sorted({int(one) for boxes in truth for one in boxes.classes})
        scores = [
            average_precision([boxes_of(t, kind) for t in truth], own, least)
            for kind in classes
            for own in ([found_of(one, kind) for one in found],)
            for least in CHOOSING
        ]
        return float(np.mean(scores)) if scores else float("nan")


def run(
    task: Task, encoder: VersaMammoModel, rows: TaskRows, settings: AdaptSettings, out: Path
) -> Iterator[BoxesSample]:
    """Fit a detector and look at each test image once.

    Args:
        task: of kind detection.
        encoder: left as it is; with `probe="finetune"` a copy of it is trained too.
        rows: no patient stands on two sides.
        settings: steps, size, seed.
        out: folder of this run; `fitting.json` tells how the detector was chosen.

    Raises:
        InputError: no training image shows a finding, or a picture cannot be read.
    """
    detecting = Detecting(task, encoder, rows, settings)
    detecting.fitting.write(out / "fitting.json")
    for row in rows.test:
        found, truth = detecting.find(row), _truth(row)
        crop = detecting.canvas.crop(row)
        sides, kept = to_source(found.sides, crop)
        yield BoxesSample(
            *row.about,
            size=crop.source_size,
            truth=truth.boxes,
            truth_classes=truth.classes,
            boxes=sides,
            classes=tuple(found.classes.numpy()[kept].tolist()),
            scores=tuple(found.scores.numpy()[kept].tolist()),
        )


def average_precision(
    truth: Sequence[torch.Tensor], found: Sequence[DetectedBoxes], least: float
) -> float:
    """Return the mean precision at each true box, 0 where missed; to choose by, not to report.

    Args:
        truth: boxes [N, 4] of each image.
        found: of each image.
        least: IoU from which a true box is hit; one box hits one.
    """
    hits: list[tuple[float, bool]] = []
    for sides, one in zip(truth, found, strict=True):
        overlaps = box_iou(one.sides, sides) if len(sides) else torch.zeros(len(one.sides), 1)
        taken: set[int] = set()
        for score, overlap in zip(one.scores.tolist(), overlaps, strict=True):
            best = int(overlap.argmax())
            hit = float(overlap[best]) >= least and best not in taken
            taken |= {best} if hit else set()
            hits.append((score, hit))
    ranked = np.array([hit for _, hit in sorted(hits, key=lambda pair: -pair[0])], np.bool_)
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].sum() / sum(len(sides) for sides in truth))


def boxes_of(boxes: Boxes, kind: int) -> torch.Tensor:
    """Return the true boxes of one class."""
    return boxes.sides[boxes.classes == kind]


def found_of(found: DetectedBoxes, kind: int) -> DetectedBoxes:
    """Return the found boxes of one class."""
    own = found.classes == kind
    return DetectedBoxes(found.sides[own], found.classes[own], found.scores[own])


def _truth(row: Row) -> Places:
    assert isinstance(row.truth, Places)
    return row.truth
