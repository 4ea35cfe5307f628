"""Breasts as half discs of texture with bright blobs, written as a prepared archive would be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmark.task_rows import FindingMasks, Places, Row, TaskRows, Truth
from benchmark.tasks import Task
from versamammo.data.cache import write_levels
from versamammo.data.dataset import Picture
from versamammo.data.labels import Labels
from versamammo.input.contract import InputContract
from versamammo.input.geometry import Crop
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel

STORED, CUT = (200, 150), (20, 10, 140, 190)  # (H, W) of the file, and the breast's box in it
LEVELS = (180, 120)  # the cut, (H, W); stored with the chest wall on the right if mirrored


def task(kind: str) -> Task:
    return Task(
        id=f"{kind}.discs", version=1, set="internal", dataset="discs", target="mass",
        kind=kind, sources=("discs",),  # type: ignore[arg-type]
        label="boxes" if kind == "detection" else "masks", classes=("mass",), values=(("mass",),),
    )  # fmt: skip


def tiny(name: str = "test_resnet", size: tuple[int, int] = (192, 128)) -> VersaMammoModel:
    torch.manual_seed(0)
    contract = InputContract(size=size).to_dict()
    shape = {"img_size": (192, 128)} if "vit" in name else {}
    return VersaMammoModel(
        VersaMammoConfig(backbone=name, backbone_args=shape, contract=contract)
    ).eval()


def disc(
    folder: Path,
    index: int,
    kind: str,
    blob: bool,
    mirrored: bool,
    sizes: tuple[int, int] = (9, 16),
) -> Row:
    """One image of a patient; its blob, if any, is as bright as no texture is."""
    random = np.random.default_rng(index)
    y, x = np.mgrid[: LEVELS[0], : LEVELS[1]]
    inside = np.hypot((y - 90) / 86, x / 112) < 1
    waves = np.sin(x / 5 + random.uniform(0, 6)) * np.cos(y / 5 + random.uniform(0, 6))
    levels = 0.35 + 0.1 * waves + 0.02 * random.standard_normal(LEVELS)
    radius, row, column = random.integers(*sizes), random.integers(50, 130), random.integers(20, 70)
    round_ = np.hypot(y + 0.5 - row, x + 0.5 - column) < radius
    levels = inside * (levels + 0.4 * (round_ & blob))
    crop = Crop(STORED, CUT, mirrored, LEVELS, LEVELS)
    file = folder / f"{index}.tif"
    write_levels(file, (np.clip(levels, 0, 1) * 65535).astype(np.uint16))
    boxes = crop.boxes_to_source(
        [[column - radius, row - radius, column + radius, row + radius]]
    ).tolist()
    truth: Truth = Places(tuple(map(tuple, boxes)), (0,)) if blob else Places()
    if kind == "segmentation":
        masks = (f"{index}.png",) if blob else ()
        if blob:
            Image.fromarray(crop.mask_to_source(round_)).save(folder / masks[0])
        truth = FindingMasks(folder, masks)
    picture = Picture(
        f"{index}", file, crop, (0.5, 0.5), f"p{index // 2}", "L", "CC", Labels()
    )  # fmt: skip
    return Row(f"{index}", picture, f"p{index // 2}", None, truth, {"view": "CC"})


def discs(
    folder: Path,
    kind: str,
    train: int = 24,
    val: int = 8,
    test: int = 12,
    sizes: tuple[int, int] = (9, 16),
) -> TaskRows:
    """Two images per patient, of which one in two shows a blob."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [disc(folder, i, kind, i % 2 == 0, i % 4 < 2, sizes) for i in range(train + val + test)]
    return TaskRows(rows[:train], rows[train : train + val], rows[train + val :])
