"""Peak memory of training the vision-language model on 20,000 images, against what is planned.

    python scripts/measure_memory.py --rows 20000 --workers 8

The manifest is a twin: its rows point to a few pictures of noise at 1024 x 768. Encoder and
language model have random weights. Host memory is the sum of the proportional set sizes of the
process and its workers, so that what they share counts once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from versamammo.data.bounded_cache import GIGABYTE
from versamammo.data.cache import write_levels
from versamammo.data.labels import Labels
from versamammo.data.manifest import SCHEMA, write_manifest
from versamammo.data.sampling import Share
from versamammo.input.geometry import Crop
from versamammo.training.resource_plan import total
from versamammo.training.run import RunSettings
from vlm.adapter import add_adapter
from vlm.feeding import StepDataset, feed
from vlm.shared_pictures import SharedPictures
from vlm.train import open_parts
from vlm.training_config import SmallEncoder, VlmOptim, VlmTraining
from vlm.training_plan import Planner

SIZE = (1024, 768)
FILES = 8  # distinct pictures


def twin(folder: Path, rows: int) -> Path:
    """Write a prepared archive of many rows and few pictures."""
    random = np.random.default_rng(0)
    (folder / "cache").mkdir(parents=True)
    for number in range(FILES):
        levels = random.integers(0, 65536, SIZE).astype(np.uint16)
        write_levels(folder / f"cache/{number}.tif", levels)
    crop = Crop(SIZE, (0, 0, SIZE[1], SIZE[0]), False, SIZE, SIZE).to_dict()
    records = []
    for row in range(rows):
        labels = Labels(
            density=1.0 + row % 4, birads=1.0 + row % 5, pathology=float(row % 2),
            mass=float(row % 3 == 0), calcification=float(row % 5 == 0),
        )  # fmt: skip
        records.append(
            dict.fromkeys(SCHEMA.names)
            | {name: getattr(labels, name) for name in Labels.names()}
            | {
                "image_id": f"image {row}", "source": "twin", "crop": crop, "findings": [],
                "path": f"{row}.dcm", "cache_path": f"cache/{row % FILES}.tif",
                "content_key": f"{row}",
                "patient_id": f"patient {row // 4}", "exam_id": f"exam {row // 4}",
                "laterality": "LR"[row // 2 % 2], "view": ("CC", "MLO")[row % 2], "split": "train",
            }
        )  # fmt: skip
    write_manifest(folder / "manifest.parquet", records)
    return folder


def shares() -> list[int]:
    """Return the proportional set sizes of this process and of its children, in bytes."""
    own = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    found = []
    for process in ("self", *own):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has ended
            continue
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")]
    return found


@contextmanager
def watched(peaks: list[list[int]]) -> Iterator[None]:
    """Keep the largest sum of the set sizes while the block runs."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(1.0):
            found = shares()
            if not peaks or sum(found) > sum(peaks[0]):
                peaks[:] = [found]

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def main() -> None:
    """Plan, run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--parts", type=int, default=80)
    parser.add_argument("--backbone", default="efficientnet_b5")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pictures_gb", type=float, default=2.0)
    parser.add_argument("--features_gb", type=float, default=0.03)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        measure(given, twin(Path(scratch, "twin"), given.rows))


def measure(given: argparse.Namespace, folder: Path) -> None:
    """Plan one phase, then train and load with the workers, and print both."""
    config = VlmTraining(
        run=RunSettings(output=folder / "run", precision="no"), data=folder,
        encoder_learns="no", small_encoder=SmallEncoder(given.backbone, SIZE),
        optim=VlmOptim(batch_size=given.batch), max_length=4096, workers=given.workers,
        features_gb=given.features_gb, pictures_gb=given.pictures_gb,
    )  # fmt: skip
    began = time.perf_counter()
    _, pool, model, processor = open_parts(config, folder)
    add_adapter(model, config.lora)
    contract = model.config.vision_config.input_contract
    steps = StepDataset(
        pool, processor, Share(given.batch), "adapter", max_length=4096, row=0, seed=0,
        pictures=SharedPictures(len(pool.pictures), contract, given.pictures_gb),
    )  # fmt: skip
    print(f"opened after {time.perf_counter() - began:.0f} s", flush=True)
    planner = Planner(config, model, steps)
    phase = planner.phase("adapter")
    plan = planner.plan((phase,))
    print(plan.text(), flush=True)
    peaks: list[list[int]] = []
    pictures = 0
    with watched(peaks):
        for number, (part,) in enumerate(feed(steps, range(1, 1 + given.parts), given.workers)):
            pictures += 0 if part.pixel_values is None else len(part.pixel_values)
            if number == given.parts // 2:
                planner.learn(part)
    found = peaks[0]
    print(f"{given.parts} parts with {pictures} pictures, {time.perf_counter() - began:.0f} s")
    print(f"peak {sum(found) / GIGABYTE:.2f} GB: this process {found[0] / GIGABYTE:.2f}, ", end="")
    print(f"{len(found) - 1} workers {sum(found[1:]) / GIGABYTE:.2f}")
    bound = total(plan.host)
    print(f"planned {bound / GIGABYTE:.2f} GB: {'under' if sum(found) <= bound else 'OVER'} it")


if __name__ == "__main__":
    main()
