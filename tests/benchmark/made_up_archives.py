"""Prepared archives of small made-up pictures: the denser the breast, the brighter it is."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from versamammo.data.cache import write_levels
from versamammo.data.labels import Labels
from versamammo.data.manifest import SCHEMA, write_manifest
from versamammo.input.contract import InputContract
from versamammo.input.geometry import Crop
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel

SIZE = (64, 48)


def finding(kind: str, **facts: Any) -> dict[str, Any]:
    """Describe a lesion; what is not said is unknown."""
    empty = {
        **dict.fromkeys(
            ("lesion_id", "box", "mask", "shape", "margin", "morphology", "distribution")
        ),
        **dict.fromkeys(("pathology", "birads", "subtlety"), math.nan),
    }
    return {**empty, "kind": kind, **facts}


def box(x1: float, y1: float, x2: float, y2: float) -> dict[str, float]:
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2}


def row(name: str, **facts: Any) -> dict[str, Any]:
    """Describe an image; what is not said is unknown."""
    made = {field.name: None for field in SCHEMA}
    made |= dict.fromkeys((*Labels.names(), "age"), math.nan)
    whole = [0, 0, SIZE[1], SIZE[0]]
    crop = Crop(SIZE, (whole[0], whole[1], whole[2], whole[3]), False, SIZE, SIZE)
    made |= {
        "image_id": name, "source": "made-up", "path": f"{name}.dcm", "findings": [],
        "cache_path": f"cache/{name}.tif", "content_key": f"key of {name}", "split": "train",
        "patient_id": f"patient of {name}", "crop": crop.to_dict(), "rows": SIZE[0],
        "columns": SIZE[1], "view": "CC", "laterality": "L",
    }  # fmt: skip
    odd = facts.keys() - set(SCHEMA.names)
    assert not odd, odd
    return made | facts


def write_archive(folder: Path, rows: Sequence[dict[str, Any]], seed: int = 0) -> Path:
    """Write pictures and manifest as `versamammo prepare` would."""
    random = np.random.default_rng(seed)
    (folder / "cache").mkdir(parents=True, exist_ok=True)
    for record in rows:
        density = record["density"]
        bright = 0.2 if math.isnan(density) else 0.1 + 0.15 * density
        levels = random.normal(bright, 0.08, SIZE).clip(0, 1) * 65535
        for found in record["findings"]:
            if found["box"]:
                x1, y1, x2, y2 = (round(side) for side in found["box"].values())
                levels[y1:y2, x1:x2] = 65535 if found["pathology"] == 1 else 40000
        write_levels(folder / record["cache_path"], levels.astype(np.uint16))
    write_manifest(folder / "manifest.parquet", rows)
    (folder / "config.json").write_text(json.dumps({"root": str(folder)}))
    return folder


def density_rows(patients: int = 40, splits: Sequence[str] = ("train", "val", "test")) -> list[Any]:
    """Two images of each patient, densities in turn, splits 3 : 1 : 2."""
    dealt = [splits[0]] * 3 + [splits[1]] + [splits[2]] * 2
    return [
        row(
            f"{number}{view}", patient_id=f"p{number}", exam_id=f"e{number}", view=view,
            density=1.0 + number % 4, birads=float(number % 3), split=dealt[number // 4 % 6],
        )
        for number in range(patients)
        for view in ("CC", "MLO")
    ]  # fmt: skip


def small_encoder(folder: Path, seed: int = 0) -> Path:
    """Save a small encoder with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = VersaMammoConfig(
            backbone="test_efficientnet", contract=InputContract(size=SIZE).to_dict()
        )
        VersaMammoModel(config).save_pretrained(folder)
    return folder


__all__ = ["box", "density_rows", "finding", "row", "small_encoder", "write_archive"]
