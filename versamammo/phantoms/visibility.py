"""How well a lesion shows: subtlety 1 (subtle) to 5 (obvious), measured on the picture itself.

Contrast is the brightness of a lesion against that of its surroundings, over their clutter: the
spread of the brightness seen through a blur of the lesion's own size. A mass of the size of the
glandular lobules around it is hard to see, the same mass in fat is not.
"""

from __future__ import annotations

import numpy as np

from versamammo.phantoms.grid import Field, blurred
from versamammo.phantoms.lesions import ON_SKIN
from versamammo.phantoms.marks import Mark
from versamammo.phantoms.phantom_picture import Absorption, film

# Contrast between subtlety 1 and 2, 2 and 3, ...
LIMITS = {
    "calcification": (1.4, 2.2, 3.1, 4.0),
    "distortion": (0.55, 0.8, 1.0, 1.2),
    "other": (0.8, 1.3, 1.9, 2.5),
}
PULL_LIMITS_MM = (3.0, 4.0, 5.0, 5.8)  # the same for retractions and thickened skin
NEIGHBOURHOOD_MM = 25.0  # tissue this far around a lesion is compared with it
LEAST_CLUTTER = 0.01
THIN_PIXELS = 0.8  # blur for what is thin, in pixels of the base raster
UNDER_SKIN_MM = 5.0


def subtlety(mark: Mark, clear: Absorption) -> int:
    """Grade a lesion on the base raster; `clear` is the view without it."""
    kind = mark.lesion.look.kind
    if kind in ON_SKIN:
        return 1 + int(np.searchsorted(PULL_LIMITS_MM, mark.lesion.pull))
    return 1 + int(np.searchsorted(LIMITS.get(kind, LIMITS["other"]), contrast(mark, clear)))


def contrast(mark: Mark, clear: Absorption) -> float:
    """Measure how far a lesion stands out, in units of the clutter around it.

    Of what has a body, that is its mean brightness over that of the tissue close by: a mass that
    fills a dark gap between lobules does not show. Of what is thin, it is the added brightness, the
    mean of the brightest tenth (distortions) or of the ten brightest pixels (calcifications).
    """
    kind = mark.lesion.look.kind
    before = clear.total[mark.rows, mark.columns]
    after = film(before + mark.added)
    if kind in ("calcification", "distortion"):
        added = np.sort((after - film(before))[mark.mask])
        brightest = 10 if kind == "calcification" else max(1, added.size // 10)
        return float(added[-brightest:].mean()) / _clutter(mark, clear, THIN_PIXELS)
    near = (clear.depth[mark.rows, mark.columns] > 0) & ~mark.mask
    beside = float(film(before)[near].mean()) if near.any() else 0.0
    scale = 0.5 * float(np.sqrt(mark.mask.sum() / np.pi))
    return (float(after[mark.mask].mean()) - beside) / _clutter(mark, clear, scale)


def _clutter(mark: Mark, clear: Absorption, scale: float) -> float:
    """Half the range of the middle 68 % of the blurred brightness around the lesion."""
    reach = round(NEIGHBOURHOOD_MM / clear.grid.pixel_mm)
    around = tuple(
        slice(max(0, part.start - reach), part.stop + reach) for part in (mark.rows, mark.columns)
    )
    seen: Field = blurred(film(clear.total[around]), scale)
    tissue = seen[clear.depth[around] > UNDER_SKIN_MM]
    low, high = np.quantile(tissue, (0.16, 0.84)) if tissue.size else (0.0, 0.0)
    return max(float(high - low) / 2, LEAST_CLUTTER)
