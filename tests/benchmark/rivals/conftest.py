"""A bench of questions about small pictures, of single images and of exams with many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.rivals.rival_run import RivalRun
from versamammo.vqa import Item, Kind, write_bench

OPTIONS = ("Level A", "Level B")


def breast(seed: int) -> Image.Image:
    """Draw a half disc that no other seed gives."""
    y, x = np.mgrid[:80, :60]
    inside = np.hypot((y - 40) / 38, x / 50) < 1
    noise = np.random.default_rng(seed).integers(60, 200, (80, 60))
    return Image.fromarray((inside * noise).astype(np.uint8))


def items(images: int, exams: int, views: int) -> list[Item]:
    made = []
    for number in range(images + exams):
        paths = [f"/p{number}/{view}.png" for view in range(views if number >= images else 1)]
        made.append(
            Item(str(number + 1), tuple(paths), "made-up", "ACR", Kind.SINGLE, "what", OPTIONS,
                 (OPTIONS[number % 2],), patient=f"p{number}")
        )  # fmt: skip
    return made


@pytest.fixture
def bench(tmp_path: Path) -> RivalRun:
    """Three questions about one image and two about exams of seven."""
    made = items(images=3, exams=2, views=7)
    for number, item in enumerate(made):
        for view, path in enumerate(item.images):
            file = tmp_path / "images" / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            breast(10 * number + view).save(file)
    write_bench(tmp_path / "items.json", made)
    return RivalRun(tmp_path / "items.json", tmp_path / "images", tmp_path / "out")
