"""A lack of memory is told from a damaged picture: the one may be gone at the next try."""

from __future__ import annotations

import re

import numpy as np

# Decoders keep a few integers of four bytes for each sample; OpenJPEG takes most.
BYTES_PER_SAMPLE = 24
_SAID = re.compile(
    r"(insufficient|out of|not enough|no) memory|cannot allocate|bad_alloc|memory allocation",
    re.IGNORECASE,
)


def is_shortage(error: BaseException) -> bool:
    """Return whether an exception of Python or of a library means that memory ran out."""
    return isinstance(error, MemoryError) or _SAID.search(str(error)) is not None


def check_memory(samples: int) -> None:
    """See whether there is memory to decode so many samples.

    Some libraries only say that they failed, so this is asked before a frame is called damaged.

    Raises:
        MemoryError: there is not.
    """
    np.empty(samples * BYTES_PER_SAMPLE, np.uint8)
