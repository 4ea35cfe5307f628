"""Pixels of open exams lie in files of the private folder and are mapped into memory when read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from app.chat.evidence.exam import Exam


def map_pixels(exam: Exam, folder: Path) -> Exam:
    """Write the pixels of an exam into `folder`, and return it with those files mapped.

    Raises:
        OSError: the disk is full.
    """
    images = []
    for number, image in enumerate(exam.images):
        path = folder / f"{number}.npy"
        np.save(path, image.stored)
        images.append(replace(image, stored=np.load(path, mmap_mode="r")))
    return replace(exam, images=tuple(images))
