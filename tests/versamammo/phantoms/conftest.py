"""Phantom exams that several tests look at; small, so that they are quick."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from versamammo.phantoms import PhantomExam, PhantomSettings, make_exam
from versamammo.phantoms.anatomy import draw_patient
from versamammo.phantoms.lesions import draw_truths

HEIGHT = 320


@cache
def _exam(settings: PhantomSettings, index: int) -> PhantomExam:
    return make_exam(settings, index)


@pytest.fixture(scope="session")
def exam() -> Callable[[PhantomSettings, int], PhantomExam]:
    """Make an exam once for all tests that ask for the same one."""
    return _exam


@pytest.fixture(scope="session")
def ill() -> PhantomSettings:
    """Settings under which every exam has a lesion."""
    return PhantomSettings(height=HEIGHT, lesion_rate=1.0, seed=5)


@pytest.fixture(scope="session")
def index_with() -> Callable[..., int]:
    """Find the first exam with a lesion of some kind or words, without drawing any pixels."""

    def find(settings: PhantomSettings, word: str) -> int:
        for index in range(3000):
            for truth in draw_truths(settings, draw_patient(settings, index)):
                for lesion in truth.lesions:
                    look = lesion.look
                    if word in (look.kind, look.shape, look.margin, look.morphology):
                        return index
        raise AssertionError(f"no exam with {word} among 3000")

    return find
