"""What changes over training, as plain functions of the step: there is no state to resume."""

from __future__ import annotations

import math


def cosine(step: int, steps: int, start: float, end: float) -> float:
    """Go from `start` at step 0 to `end` at the last step along half a cosine.

    Written here rather than taken from transformers or timm, whose schedules live in an
    optimiser and its saved state.
    """
    progress = min(1.0, step / max(1, steps - 1))
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))


def linear(step: int, steps: int, start: float, end: float) -> float:
    """Go from `start` at step 0 to `end` at step `steps`, then stay."""
    return end if step >= steps else start + (end - start) * step / steps


def warm_cosine(step: int, steps: int, warmup: int, peak: float, end: float) -> float:
    """Rise linearly from nearly 0 to `peak` over `warmup` steps, then fall along a cosine."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return cosine(step - warmup, steps - warmup, peak, end)
