"""Times a manifest of a million rows: open, filter, split, part, train; against plain pandas.

Every step runs in a process of its own, so that its peak memory is its own. The rows are invented:
four images an exam, labels drawn at random. Usage: bench_manifest.py [--rows N] [--out DIR]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from versamammo.data.dataset import Archive
from versamammo.data.labels import Finding, Labels
from versamammo.data.manifest import ROWS_PER_GROUP, SCHEMA, check_schema, read_manifest
from versamammo.data.shards import read_shard
from versamammo.data.splits.draw import DEFAULT_SHARES
from versamammo.data.splits.resplit import COLUMNS, split_table
from versamammo.imaging.mammogram import Box
from versamammo.input.geometry import Crop

SHARDS = 8
CROP = Crop((3000, 2400), (0, 100, 1800, 2900), False, (1536, 987), (1536, 987)).to_dict()
LESION = vars(Finding("mass", "L1", pathology=1.0)) | {"box": vars(Box(500.0, 600.0, 700.0, 850.0))}
DRAWN = 1000  # pictures that "train" looks up
WANTED = [("split", "=", "train"), ("view", "=", "CC"), ("density", ">=", 3)]
TRAINING = ["cache_path", "density", "birads", "pathology"]


def invent(path: Path, rows: int) -> None:
    """Write a manifest of so many rows, a chunk at a time."""
    rng = np.random.default_rng(0)
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for start in range(0, rows, ROWS_PER_GROUP):
            numbers = np.arange(start, min(start + ROWS_PER_GROUP, rows))
            writer.write_table(chunk(numbers, rng), row_group_size=ROWS_PER_GROUP)


def chunk(numbers: np.ndarray, rng: np.random.Generator) -> pa.Table:
    n = len(numbers)
    known: dict[str, object] = {name: np.full(n, np.nan, np.float32) for name in Labels.names()} | {
        "image_id": [f"1.2.826.0.1.{i}" for i in numbers],
        "source": ["bench"] * n,
        "path": [f"images/{i // 4:07d}/{i % 4}.dcm" for i in numbers],
        "cache_path": [f"cache/{i % 256:02x}/{i:064x}.tif" for i in numbers],
        "content_key": [f"{i:064x}" for i in numbers],
        "patient_id": [f"P{i // 8:07d}" for i in numbers],
        "exam_id": [f"1.2.826.0.2.{i // 4}" for i in numbers],
        "laterality": ["LR"[i % 2] for i in numbers],
        "view": [("CC", "MLO")[i // 2 % 2] for i in numbers],
        "rows": np.full(n, 3000),
        "columns": np.full(n, 2400),
        "crop": [CROP] * n,
        "findings": [[LESION] if i % 10 == 0 else [] for i in numbers],
        "split": np.array(["train", "val", "test"])[rng.choice(3, n, p=DEFAULT_SHARES)],
        # labels of an exam are those of its four images
        "density": rng.integers(1, 5, n)[numbers // 4 * 4 % n].astype(np.float32),
        "birads": rng.integers(0, 6, n)[numbers // 4 * 4 % n].astype(np.float32),
        "pathology": rng.choice([0, 1, 2, np.nan], n)[numbers // 4 * 4 % n].astype(np.float32),
    }
    columns = [
        pa.array(known[field.name], field.type) if field.name in known else pa.nulls(n, field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def ours_open(path: Path) -> int:
    check_schema(path, pq.read_schema(path))
    return int(pq.read_metadata(path).num_rows)


def theirs_open(path: Path) -> int:
    return len(pd.read_parquet(path))


def ours_filter(path: Path) -> int:
    return int(read_manifest(path, TRAINING, WANTED).num_rows)


def theirs_filter(path: Path) -> int:
    table = pd.read_parquet(path)
    kept = table[(table["split"] == "train") & (table["view"] == "CC") & (table["density"] >= 3)]
    return len(kept[TRAINING])


def ours_split(path: Path) -> int:
    return len(split_table(read_manifest(path, COLUMNS), 0))


def theirs_split(path: Path) -> int:
    """Shuffle patients and cut: no stratification, and other splits when one patient is added."""
    table = pd.read_parquet(path)
    patients = table["patient_id"].drop_duplicates().sample(frac=1, random_state=0).to_numpy()
    cuts = (np.cumsum(DEFAULT_SHARES)[:-1] * len(patients)).astype(int)
    parts = dict.fromkeys(patients[: cuts[0]], "train")
    parts |= dict.fromkeys(patients[cuts[0] : cuts[1]], "val")
    parts |= dict.fromkeys(patients[cuts[1] :], "test")
    return len(table["patient_id"].map(parts))


def ours_shard(path: Path) -> int:
    return int(read_shard(path, 3, SHARDS, TRAINING, pc.field("split") == "train").num_rows)


def theirs_shard(path: Path) -> int:
    table = pd.read_parquet(path)
    return len(table[table["split"] == "train"].iloc[3::SHARDS][TRAINING])


def ours_archive(path: Path) -> int:
    """Open what a training run opens, and look up pictures here and there, as it does."""
    archive = Archive.open(path.parent, ["train"])
    for index in np.random.default_rng(0).integers(len(archive), size=DRAWN):
        assert archive[int(index)].patient
    return len(archive)


def theirs_archive(path: Path) -> int:
    table = pd.read_parquet(path)
    rows = table[table["split"] == "train"]
    for index in np.random.default_rng(0).integers(len(rows), size=DRAWN):
        assert rows.iloc[int(index)].to_dict()["patient_id"]
    return len(rows)


STEPS: dict[str, tuple[Callable[[Path], int], Callable[[Path], int]]] = {
    "open": (ours_open, theirs_open),
    "filter": (ours_filter, theirs_filter),
    "split": (ours_split, theirs_split),
    "shard": (ours_shard, theirs_shard),
    "train": (ours_archive, theirs_archive),  # makes the file that all processes map
    "again": (ours_archive, theirs_archive),
}


def child(step: str, path: Path) -> None:
    """Run one step and print what it took."""
    name, _, whose = step.partition(":")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, worked = time.perf_counter(), time.process_time()
    rows = STEPS[name][whose == "pandas"](path)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {"rows": rows, "s": seconds, "cpu": cpu, "mb": peak / 1024, "base": before / 1024}
        )
    )


def measured(step: str, path: Path) -> dict[str, float]:
    words = [sys.executable, __file__, "--child", step, "--out", str(path)]
    found: dict[str, float] = json.loads(subprocess.check_output(words))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--child", default=None)
    args = parser.parse_args()
    if args.child:
        child(args.child, args.out)
        return
    with tempfile.TemporaryDirectory(dir=args.out) as folder:
        path = Path(folder) / "manifest.parquet"
        invent(path, args.rows)
        print(f"{args.rows:,} rows, {path.stat().st_size / 1e6:.0f} MB; peak memory of a process")
        print(
            "step     ours s   pandas s  ratio  ours cpu s  pandas cpu s   ours MB  pandas MB  rows"
        )
        for name in STEPS:
            ours, theirs = measured(f"{name}:ours", path), measured(f"{name}:pandas", path)
            print(
                f"{name:<7}{ours['s']:>8.2f}{theirs['s']:>11.2f}{theirs['s'] / ours['s']:>7.1f}"
                f"{ours['cpu']:>12.2f}{theirs['cpu']:>14.2f}{ours['mb']:>10.0f}"
                f"{theirs['mb']:>11.0f}  {ours['rows']:,.0f}"
                f" (imports alone {ours['base']:.0f} MB)"
            )


if __name__ == "__main__":
    main()
