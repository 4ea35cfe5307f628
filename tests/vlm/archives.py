"""Small prepared archives whose labels are known, for questions and training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from versamammo.data.cache import write_levels
from versamammo.data.labels import UNKNOWN, Finding, Labels
from versamammo.data.manifest import SCHEMA, write_manifest
from versamammo.input.geometry import Crop

SIZE = (64, 48)
LESION = {"x1": 8.0, "y1": 20.0, "x2": 20.0, "y2": 32.0}


def half_disc(seed: int, bright: bool, lesion: bool) -> np.ndarray:
    """A breast against the left edge; dense ones are bright."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = np.hypot((y - 32) / 30, x / 44) < 1
    level = (0.55 if bright else 0.2) + 0.02 * random.standard_normal(SIZE)
    if lesion:
        level = level + 0.4 * (np.hypot(y - 26, x - 14) < 6)
    return (np.clip(inside * level, 0, 1) * 65535).astype(np.uint16)


def write_archive(folder: Path, patients: int = 6, unknown_density: bool = False) -> Path:
    """Write patients of two views for each split; even ones are dense, thirds have masses."""
    (folder / "cache").mkdir(parents=True)
    rows = []
    for split_number, split in enumerate(("train", "val", "test")):
        for patient in range(patients):
            for view in ("CC", "MLO"):
                index = len(rows)
                dense, mass = patient % 2 == 0, patient % 3 == 0
                path = f"cache/{index}.tif"
                write_levels(folder / path, half_disc(index, dense, mass))
                who = f"patient {split_number}-{patient}"
                rows.append(_row(index, who, split, view, dense, mass, unknown_density))
    write_manifest(folder / "manifest.parquet", rows)
    return folder


def _row(
    index: int, patient: str, split: str, view: str, dense: bool, mass: bool, unknown: bool
) -> dict[str, object]:
    height, width = SIZE
    labels = Labels(
        density=UNKNOWN if unknown else (4.0 if dense else 1.0),
        birads=4.0 if mass else 1.0,
        pathology=1.0 if mass else 0.0,
        mass=float(mass),
        calcification=0.0,
    )
    row: dict[str, object] = dict.fromkeys(SCHEMA.names)
    row |= {name: getattr(labels, name) for name in Labels.names()}
    finding = [{**vars(Finding("mass", lesion_id=f"{index}")), "box": LESION}] if mass else []
    return row | {
        "image_id": f"image {index:03d}",
        "source": "half discs",
        "path": f"{index}.png",
        "cache_path": f"cache/{index}.tif",
        "content_key": f"{index}",
        "patient_id": patient,
        "exam_id": f"exam of {patient}",
        "laterality": "L" if index % 4 < 2 else "R",
        "view": view,
        "spacing_mm": {"row": 1.0, "column": 1.0},
        "crop": Crop(SIZE, (0, 0, width, height), False, SIZE, SIZE).to_dict(),
        "split": split,
        "findings": finding,
    }
