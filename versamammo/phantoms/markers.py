"""Burns the view marker into the air beside the breast, as film screens and detectors do."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.phantoms.anatomy import ViewPlan

TEXT_MM = 5.5  # height of a capital
MARGIN_MM = 9.0
CLEAR_MM = 5.0  # the marker keeps this distance from the skin, or is left out
FONT_PIXELS = 22.0  # height of a capital of OpenCV's simplex font at scale 1


def burn_marker(
    pixels: NDArray[np.float32], breast: NDArray[np.bool_], plan: ViewPlan, pixel_mm: float
) -> None:
    """Write "L CC" and PHANTOM into `pixels` [H, W], readable with the chest wall at the left.

    A right breast is turned afterwards, so its words are written turned. Nothing is written where
    there is no room.
    """
    scale = TEXT_MM / pixel_mm / FONT_PIXELS
    stroke = max(1, round(0.7 / pixel_mm))
    lines = ((f"{plan.breast.side} {plan.view}", scale), ("PHANTOM", 0.55 * scale))
    sizes = [cv2.getTextSize(t, cv2.FONT_HERSHEY_SIMPLEX, s, stroke)[0] for t, s in lines]
    width, margin = max(w for w, _ in sizes), round(MARGIN_MM / pixel_mm)
    height = sum(round(1.5 * h) for _, h in sizes)
    left, gap = breast.shape[1] - width - margin, round(CLEAR_MM / pixel_mm)
    if left < gap or breast[: margin + height + gap, left - gap :].any():
        return
    board = np.zeros((height, width), np.uint8)
    baseline = 0
    for (text, size), (_, tall) in zip(lines, sizes, strict=True):
        baseline += round(1.3 * tall)
        cv2.putText(
            board, text, (0, baseline), cv2.FONT_HERSHEY_SIMPLEX, size, 255, stroke, cv2.LINE_AA
        )
    if plan.breast.side == "R":
        board = board[:, ::-1]
    area = pixels[margin : margin + height, left : left + width]
    np.maximum(area, board.astype(np.float32) / 255 * np.float32(0.95), out=area)
