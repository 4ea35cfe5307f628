"""Images from which nothing can be learnt, found before training starts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from versamammo.errors import InputError


def refuse_uninformative(images: Sequence[NDArray[np.uint16]]) -> None:
    """Refuse a sample of an archive from which nothing can be learnt, before training starts.

    Raises:
        InputError: if there are fewer than two images, or all are constant, or all identical.
    """
    if len(images) < 2:
        message = f"there are {len(images)} images; telling images apart takes at least two"
        raise InputError(message, field="images", reason="too-few-images")
    if all(image.min() == image.max() for image in images):
        message = f"all {len(images)} images sampled are constant; expected mammograms"
        raise InputError(message, field="images", reason="constant-images")
    if all(np.array_equal(image, images[0]) for image in images[1:]):
        message = f"all {len(images)} images sampled are identical; expected different ones"
        raise InputError(message, field="images", reason="identical-images")
