"""What a caller may choose about phantoms, and the random streams that follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from versamammo.errors import InputError

MAX_HEIGHT = 6000  # rows; the largest mammography detectors have 5,928
MIN_HEIGHT = 128  # rows; below this a breast has no visible inside


@dataclass(frozen=True)
class PhantomSettings:
    """How many phantoms, of what kind; the same settings give the same bytes anywhere.

    Attributes:
        exams: number of phantom patients; each is examined once per date, four views each time.
        seed: any whole number from 0 up; another seed gives other patients.
        height: rows of every image. Detectors are 232 to 306 mm high, so 1024 rows are 0.23 to
            0.30 mm per pixel, 2048 half of that (single calcifications need it).
        dates: 1, or 2 to add a prior exam one to two years earlier.
        lesion_rate: share of exams with a lesion; the others are normal, BI-RADS 1.
        malignant_share: share of the exams with a lesion in which it is malignant.
        density_prior: probabilities of ACR composition A, B, C and D.
        label_noise: probability that the reader's BI-RADS is one category off.
    """

    exams: int = 100
    seed: int = 0
    height: int = 1024
    dates: int = 1
    lesion_rate: float = 0.5
    malignant_share: float = 0.4
    density_prior: tuple[float, float, float, float] = (0.10, 0.42, 0.38, 0.10)
    label_noise: float = 0.1

    def __post_init__(self) -> None:
        _whole("exams", self.exams, 1, 10_000_000)
        _whole("seed", self.seed, 0, 2**63 - 1)
        _whole("height", self.height, MIN_HEIGHT, MAX_HEIGHT)
        _whole("dates", self.dates, 1, 2)
        for name in ("lesion_rate", "malignant_share", "label_noise"):
            _share(name, getattr(self, name))
        prior = self.density_prior
        for share in prior:
            _share("density_prior", share)
        if len(prior) != 4 or not math.isclose(sum(prior), 1.0, abs_tol=1e-6):
            raise InputError(
                f"four probabilities that sum to 1 are expected, got {prior}",
                field="density_prior", reason="bad-setting",
            )  # fmt: skip


class Stream(IntEnum):
    """What a random stream is for; numbers are part of every phantom's identity."""

    PATIENT = 0
    BREAST = 1
    SHAPE = 2  # shared by both breasts of a patient, so that they are alike
    TEXTURE = 3
    LESION = 4
    LABEL = 5
    MOVEMENT = 6  # how the breast lies differently at the prior exam
    NOISE = 7
    STORAGE = 8


def random_stream(seed: int, index: int, purpose: Stream, *key: int) -> np.random.Generator:
    """Open the random numbers of one purpose in one exam, whoever asks and in whatever order."""
    return np.random.default_rng(
        np.random.SeedSequence(entropy=seed, spawn_key=(index, int(purpose), *key))
    )


def _whole(name: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(
            f"a whole number from {low} to {high} is expected, got {value!r}",
            field=name, reason="bad-setting",
        )  # fmt: skip


def _share(name: str, value: float) -> None:
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise InputError(
            f"a share from 0 to 1 is expected, got {value!r}", field=name, reason="bad-setting"
        )
