"""Small prepared archives written directly: half discs of texture, no reader and no phantom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from versamammo.data.cache import write_levels
from versamammo.data.labels import Finding, Labels
from versamammo.data.manifest import SCHEMA, write_manifest
from versamammo.input.geometry import Crop

# settings of a run of seconds on such an archive
TINY = """
run: {seed: 3, log_every: 2, checkpoint_every: 2, threads: 1, track: []}
workers: 0
sizing: given
dinov2: {prototypes: 24, hidden: 32, bottleneck: 8}
contrastive: {hidden: 32, projection: 16, decoder_width: 16}
vit:
  image_size: [56, 42]
  shape: {depth: 2, embed_dim: 16, num_heads: 2, init_values: 1.0}
  drop_path: 0.2
whole_size: [84, 56]
views:
  overview: {number: 2, size: [56, 42], height_mm: [80, 140]}
  detail: {number: 2, size: [28, 28], height_mm: [20, 50]}
optim: {max_steps: 6, batch_size: 4, warmup_steps: 1}
probes: {every: 4, neighbours: 3}
"""

Levels = NDArray[np.uint16]
SIZE = (160, 112)
LESION = {"x1": 20.0, "y1": 60.0, "x2": 52.0, "y2": 92.0}


def half_disc(seed: int, density: int = 1, lesion: bool = False) -> Levels:
    """A breast against the left edge; denser ones have coarser, brighter texture."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = np.hypot((y - 80) / 76, x / 106) < 1
    phase = random.uniform(0, 6, 2)
    waves = np.sin(x / (2 + density) + phase[0]) * np.cos(y / (2 + density) + phase[1])
    level = 0.25 + 0.1 * density + 0.05 * density * waves + 0.02 * random.standard_normal(SIZE)
    if lesion:
        level = level + 0.3 * (np.hypot(y - 76, x - 36) < 16)
    return (np.clip(inside * level, 0, 1) * 65535).astype(np.uint16)


def row_of(index: int, patient: int, split: str, density: int, lesion: bool) -> dict[str, object]:
    height, width = SIZE
    labels = Labels(density=density, birads=4.0 if lesion else 1.0, mass=float(lesion))
    row: dict[str, object] = dict.fromkeys(SCHEMA.names)
    row |= {name: getattr(labels, name) for name in Labels.names()}
    found = Finding("mass", lesion_id=f"{index}") if lesion else None
    return row | {
        "image_id": f"image {index:03d}",
        "source": "half discs",
        "path": f"{index}.png",
        "cache_path": f"cache/{index}.tif",
        "content_key": f"{index}",
        "patient_id": f"patient {patient}",
        "exam_id": f"exam {patient}",
        "laterality": "L" if index % 2 else "R",
        "view": "MLO" if index % 4 > 1 else "CC",
        "spacing_mm": {"row": 1.0, "column": 1.0},
        "crop": Crop((height, width), (0, 0, width, height), False, SIZE, SIZE).to_dict(),
        "split": split,
        "findings": [] if found is None else [{**vars(found), "box": LESION}],
    }


def write_archive(folder: Path, pictures: dict[str, list[Levels]] | None = None) -> Path:
    """Write an archive of two images per patient; `pictures` overrides what each split shows."""
    (folder / "cache").mkdir(parents=True)
    rows = []
    for split, first, patients in (("train", 0, 8), ("test", 100, 6)):
        for place in range(2 * patients):
            patient, index = first + place // 2, first + place
            density, lesion = 1 + patient % 2 * 2, patient % 4 < 2
            levels = half_disc(index, density, lesion)
            if pictures is not None:
                levels = pictures[split][place]
            write_levels(folder / "cache" / f"{index}.tif", levels)
            rows.append(row_of(index, patient, split, density, lesion))
    write_manifest(folder / "manifest.parquet", rows)
    return folder
