"""What an encoder sees in one mammogram, without any language model: words, boxes, a heat map.

For research only; a candidate box is where a heat map is warm, and no diagnosis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box
from versamammo.input.geometry import Crop
from versamammo.model.encoder import HeadInputs, VersaMammoModel
from versamammo.model.heads import Heads
from versamammo.model.image_processor import OneImage, as_mammogram
from versamammo.model.peaks import Candidate, peaks_in

LEAST_HEAT = 0.1  # probability of a cell, from which it belongs to a candidate
MOST_BOXES = 20  # candidates kept of one kind


@dataclass(frozen=True, eq=False)
class Sight:
    """What was seen in one image.

    Attributes:
        probabilities: of each class of each attribute.
        candidates: the most probable first.
        heat: probability that some finding is there, float32 [H, W] on the stored image; None if
            the encoder has not learnt places.
        crop: from the stored image to the encoder's input and back.
        pixels: of the stored image, float32 [H, W].
        warmest: of each kind of finding, the probability of its warmest cell.
        peaks: the warmest place of each kind, however cold, the warmest first.
    """

    probabilities: dict[str, dict[str, float]]
    candidates: tuple[Candidate, ...]
    heat: NDArray[np.float32] | None
    crop: Crop
    pixels: NDArray[np.float32]
    warmest: Mapping[str, float] = field(default_factory=dict)
    peaks: tuple[Candidate, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts and lists, for JSON; boxes are (x1, y1, x2, y2)."""
        return {
            "probabilities": self.probabilities,
            "candidates": [
                {"kind": one.kind, "box": list(one.box.as_tuple()), "score": one.score}
                for one in self.candidates
            ],
        }


@torch.no_grad()
def find(
    encoder: VersaMammoModel, image: OneImage, least: float | Mapping[str, float] = LEAST_HEAT
) -> Sight:
    """Look for attributes and findings in one image.

    Args:
        encoder: with heads, in evaluation mode.
        image: file, `Mammogram`, picture or array.
        least: probability from which a cell belongs to a candidate; by kind of finding if the
            kinds differ, and kinds that are not named have no candidates.

    Raises:
        InputError: the image cannot be read, or the encoder has no heads (`no-heads`).
    """
    if encoder.heads is None:
        message = "has no heads, so there is nothing to say; stage 2 trains them"
        raise InputError(message, field="heads", reason="no-heads")
    mammogram = as_mammogram(image)
    batch = encoder.image_processor.preprocess([mammogram])
    inputs = encoder.head_inputs(batch["pixel_values"].to(encoder.device))
    crop = batch.crops[0]
    heat = _heat(encoder.heads, inputs, crop)
    candidates: list[Candidate] = []
    peaks: list[Candidate] = []
    warmest: dict[str, float] = {}
    if heat is not None and encoder.heads.findings is not None:
        for kind, own in zip(encoder.heads.findings.kinds, heat, strict=True):
            warmest[kind] = float(own.max())
            peaks += peaks_in(own, crop, kind, least=0.0, most=1)
            from_ = least.get(kind) if isinstance(least, Mapping) else least
            if from_ is not None:
                candidates += candidates_in(own, crop, kind, from_)
    return Sight(
        encoder.heads.attributes.in_words(inputs.whole)[0],
        tuple(sorted(candidates, key=lambda one: -one.score)),
        None if heat is None else heat_on_source(heat.max(axis=0), crop),
        crop,
        mammogram.pixels,
        warmest,
        tuple(sorted(peaks, key=lambda one: -one.score)),
    )


def _heat(heads: Heads, inputs: HeadInputs, crop: Crop) -> NDArray[np.float32] | None:
    """Return probabilities [K, H', W'] in pixels of the encoder's input, 0 beside the breast."""
    if inputs.heat is None or heads.findings is None:
        return None
    maps = inputs.heat.sigmoid()[0].float().cpu().numpy()
    return np.stack([spread_cells(one, heads.findings.stride, crop) for one in maps])


def spread_cells(cells: NDArray[np.float32], stride: int, crop: Crop) -> NDArray[np.float32]:
    """Enlarge cells [h, w] to the input [H', W'], smoothly, and clear what is no content."""
    size = (cells.shape[1] * stride, cells.shape[0] * stride)
    smooth = cv2.resize(cells, size, interpolation=cv2.INTER_LINEAR)
    height, width = crop.input_size
    shown = np.zeros(crop.input_size, np.float32)
    h, w = crop.content_size
    shown[:h, :w] = smooth[:height, :width][:h, :w]
    return shown


def candidates_in(
    heat: NDArray[np.float32], crop: Crop, kind: str, least: float
) -> list[Candidate]:
    """Draw a box around each patch of an input's heat [H', W'] that is warm enough."""
    warm = (heat >= least).astype(np.uint8)
    count, marked, stats, _ = cv2.connectedComponentsWithStats(warm, connectivity=8)
    found = []
    for i in range(1, count):
        x, y, width, height = (int(number) for number in stats[i, :4])
        inside = marked[y : y + height, x : x + width] == i
        score = float(heat[y : y + height, x : x + width][inside].max())
        box = crop.boxes_to_source([[x, y, x + width, y + height]])[0]
        if not np.isnan(box).any():
            found.append(Candidate(kind, Box(*(float(side) for side in box)), score))
    return sorted(found, key=lambda one: -one.score)[:MOST_BOXES]


def heat_on_source(heat: NDArray[np.float32], crop: Crop) -> NDArray[np.float32]:
    """Lay an input's heat [H', W'] over the stored image [H, W]; 0 outside the breast's crop."""
    x1, y1, x2, y2 = crop.box
    h, w = crop.content_size
    content = heat[:h, :w]
    if crop.mirrored:
        content = content[:, ::-1]
    placed = np.zeros(crop.source_size, np.float32)
    size = (x2 - x1, y2 - y1)
    placed[y1:y2, x1:x2] = cv2.resize(
        np.ascontiguousarray(content), size, interpolation=cv2.INTER_LINEAR
    )
    return placed
