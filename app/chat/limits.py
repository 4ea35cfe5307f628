"""What one visitor may bring: sizes, counts and ratios, in one place."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Bounds that keep one drop or one question from taking the machine.

    Attributes:
        images: pictures of one exam; four views and as many again for priors or repeats.
        file_bytes: of one uploaded file, archives included.
        unpacked_bytes: of all that an archive unpacks to.
        members: entries of an archive, folders included.
        ratio: unpacked to packed size of a member; lossless mammograms shrink about threefold,
            blank ones thirtyfold.
        question: characters of one question.
        history: finished turns that a model is given again.
        held_bytes: of pictures in memory for all visitors together.
        held_seconds: after which an exam that nobody asked about is forgotten.
    """

    images: int = 8
    file_bytes: int = 300 * MEGABYTE
    unpacked_bytes: int = 1000 * MEGABYTE
    members: int = 400
    ratio: int = 200
    question: int = 2000
    history: int = 20
    held_bytes: int = 1500 * MEGABYTE
    held_seconds: int = 3600
    waiting: int = 40  # events in the queue before newcomers are told to come back
