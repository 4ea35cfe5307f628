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
        held_bytes: of pictures of open exams and of uploads, on disk, for all visitors together.
        held_seconds: after which an exam that nobody asked about is forgotten.
        closed_seconds: for which the exam of a closed page is kept, so that a reload or the Back
            button finds it again.
        waiting_seconds: after which an upload that nobody opened is deleted, and a drawing of
            the API that nobody fetched.
        empty_seconds: after which an empty folder of uploads is deleted.
        sweep_seconds: between two looks for all of these.
    """

    images: int = 8
    file_bytes: int = 300 * MEGABYTE
    unpacked_bytes: int = 1000 * MEGABYTE
    members: int = 400
    ratio: int = 200
    question: int = 2000
    history: int = 20
    held_bytes: int = 1500 * MEGABYTE
    held_seconds: float = 3600
    closed_seconds: float = 300
    waiting_seconds: float = 600
    empty_seconds: float = 10
    sweep_seconds: float = 5
    waiting: int = 40  # events in the queue before newcomers are told to come back
