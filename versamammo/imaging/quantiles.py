"""Single order statistics of many values: `np.quantile` with method "lower", without its checks.

On a few thousand values it takes half the time, and the breast's search asks a dozen times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def quantile(values: NDArray[np.floating[Any]], share: float) -> float:
    """Return one order statistic, 0 of nothing; nothing is interpolated."""
    return quantiles(values, share)[0]


def quantiles(values: NDArray[np.floating[Any]], *shares: float) -> tuple[float, ...]:
    """Return several order statistics, as `quantile`."""
    if not values.size:
        return (0.0,) * len(shares)
    places = [int(share * (values.size - 1)) for share in shares]
    # the last place twice: numpy 2.4 selects one alone without vectors, in three times the time
    ordered = np.partition(values, (*places, places[-1]), axis=None)
    return tuple(float(ordered[place]) for place in places)
