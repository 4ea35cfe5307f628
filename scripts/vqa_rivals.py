"""A MammoVQA bench of twins, answered whole by ours and by tiny rivals, each killed once.

    PYTHONPATH=. python scripts/vqa_rivals.py OUT

2,000 questions about one picture and 300 about exams of six to nine are made about phantoms; the
pictures that an exam has beyond its own views are those of the patient's exam before it and a
close-up. Ours is the bundled model; rivals are families of transformers with tiny random weights,
so that their figures say that the chain runs and nothing of the families. Every run is killed
(SIGKILL) after a third of its answers and started again: what it had written must be kept.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmark.rivals.tiny_rivals import save_rival
from versamammo import NOTICE
from versamammo.data.cache import read_levels, write_levels
from versamammo.data.manifest import read_manifest, write_manifest
from versamammo.data.preparation.prepare import prepare
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.files import write_atomically
from versamammo.input.geometry import Crop
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.phantom_writing import write_phantoms
from versamammo.vqa import Item, read_bench, write_bench

FEWEST, MOST = 6, 9  # pictures of an exam
FAMILIES = ("llava", "qwen2_5_vl", "gemma3", "internvl", "idefics3")
COMMAND = "from app.cli import main; import sys; sys.exit(main(sys.argv[1:]))"
CLOSE_UPS = "close_ups"
KEPT = ("patient_id", "exam_id", "source", "path", "laterality", "view", "split")


@dataclass(frozen=True)
class Answers:
    """What a run did.

    Attributes:
        minutes: of both starts together.
        kept: answers that were written when it was killed.
        figures: what `versamammo score --legacy --json` found.
    """

    minutes: float
    kept: int
    figures: dict[str, Any]


def main() -> None:
    """Make the benches, have them answered and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("out", type=Path, help="folder of everything; what is in it is not made again")
    add("--patients", type=int, default=160)
    add("--images", type=int, default=2000, help="questions about one picture")
    add("--exams", type=int, default=300, help="questions about an exam")
    add("--model", type=Path, default=Path("models/cbis/vlm"), help="ours")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    prepared = archive(given.out, given.patients)
    wanted = {"images": given.images, "exams": given.exams}
    benches = make_benches(given.out, prepared, wanted)
    rows = []
    for name in ("ours", *FAMILIES):
        for kind, bench in benches.items():
            file = given.out / f"{name} {kind}.json"
            if not file.is_file():
                made = run(given.out, name, given.model, bench, prepared)
                text = json.dumps(vars(made), indent=1)
                write_atomically(file, text.encode())
            rows.append(row(name, kind, json.loads(file.read_text())))
            print(rows[-1], flush=True)
    print("\n".join(["", *rows, NOTICE]))


def archive(out: Path, patients: int) -> Path:
    """Prepare phantoms of two dates, and add a close-up of each patient's first picture."""
    raw, prepared = out / "phantoms", out / "prepared"
    if (prepared / CLOSE_UPS).is_dir():
        return prepared
    write_phantoms(raw, PhantomSettings(exams=patients, seed=22, height=512, dates=2), 2)
    if code := prepare(
        Settings(str(raw), prepared, size=(512, 384), shares=(0.0, 0.0, 1.0), workers=2)
    ):
        raise SystemExit(code)
    rows = read_manifest(prepared).to_pylist()
    first = {row["patient_id"]: row for row in reversed(rows)}
    write_manifest(prepared / "manifest.parquet", [*rows, *map(close_up(prepared), first.values())])
    return prepared


def close_up(prepared: Path) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return what writes a quarter of a picture as another of the same exam, without labels."""
    (prepared / CLOSE_UPS).mkdir()

    def of(row: Mapping[str, Any]) -> dict[str, Any]:
        levels = read_levels(prepared / row["cache_path"])
        h, w = levels.shape[0] // 2, levels.shape[1] // 2
        path = f"{CLOSE_UPS}/{row['content_key']}.tif"
        write_levels(prepared / path, levels[h // 2 : h // 2 + h, :w].copy())
        crop = Crop((h, w), (0, 0, w, h), False, (h, w), (h, w)).to_dict()
        unknown = {name: math.nan if isinstance(row[name], float) else None for name in row}
        known = unknown | {name: row[name] for name in KEPT}
        return known | {
            "image_id": f"{row['image_id']} close", "cache_path": path, "crop": crop,
            "content_key": f"{row['content_key']} close", "findings": [],
        }  # fmt: skip

    return of


def make_benches(out: Path, prepared: Path, wanted: Mapping[str, int]) -> dict[str, Path]:
    """Write the questions about one picture, and those about exams."""
    everything = out / "questions.json"
    call("questions", prepared, "--splits", '["test"]', "--per-answer", 2000, "--out", everything)
    sorted_: dict[str, list[Item]] = {"images": [], "exams": []}
    for item in read_bench(everything):
        sorted_["exams" if len(item.images) > 1 else "images"].append(item)
    sorted_["exams"] = extended(prepared, sorted_["exams"])
    files = {}
    for kind, items in sorted_.items():
        if len(items) < wanted[kind]:
            raise SystemExit(f"{len(items)} questions about {kind}; {wanted[kind]} are wanted")
        order = np.random.default_rng(0).permutation(len(items))[: wanted[kind]]
        files[kind] = out / f"{kind}.json"
        chosen = [replace(items[i], id=str(n)) for n, i in enumerate(order.tolist(), start=1)]
        write_bench(files[kind], chosen)
    return files


def extended(prepared: Path, items: Sequence[Item]) -> list[Item]:
    """Add pictures of the same patient to exams until they have six to nine."""
    of_patient: dict[str, list[str]] = defaultdict(list)
    for row in read_manifest(prepared).to_pylist():
        of_patient[row["patient_id"]].append(f"/{row['cache_path']}")
    made = []
    for number, item in enumerate(items):
        more = [path for path in of_patient[str(item.patient)] if path not in item.images]
        images = (*item.images, *more)[: FEWEST + number % (MOST - FEWEST + 1)]
        made.append(replace(item, images=images))
    return made


def call(*words: Any) -> str:
    """Run a command of ours; returns what it printed."""
    command = [sys.executable, "-c", COMMAND, *map(str, words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def run(out: Path, name: str, model: Path, bench: Path, prepared: Path) -> Answers:
    """Have a bench answered, killed once on the way, and scored."""
    folder = out / f"{name}_{bench.stem}"
    folder.mkdir(exist_ok=True)
    answers = folder / "answers.jsonl"
    shared = ["--bench", str(bench), "--images", str(prepared)]
    if name == "ours":
        command = [sys.executable, "vlm/predict.py", "--model", str(model), *shared]
        command += ["--out", str(answers)]
    else:
        rival = out / "rivals" / name
        if not rival.is_dir():
            save_rival(rival, name, seed=2, factor=12.0)
        command = [sys.executable, "-c", COMMAND, "bench", "vqa", "--model", str(rival), *shared]
        command += ["--out", str(folder), "--controls", "none", "--most-words", "8"]
    items = read_bench(bench)
    began = time.perf_counter()
    kept = killed(command, answers, len(items) // 3)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    minutes = (time.perf_counter() - began) / 60
    lines = answers.read_bytes().splitlines(keepends=True)
    ids = sorted(int(json.loads(line)["id"]) for line in lines)
    if not b"".join(lines).startswith(kept) or ids != list(range(1, len(items) + 1)):
        raise SystemExit(f"{answers}: answers were lost or given twice")
    told = call("score", answers, "--bench", bench, "--legacy", "--json")
    return Answers(minutes, kept.count(b"\n"), json.loads(told))


def killed(command: Sequence[str], answers: Path, after: int) -> bytes:
    """Start a run and kill it after some answers; returns what it had written in whole lines."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while not answers.is_file() or answers.read_bytes().count(b"\n") < after:
        if process.poll() is not None:
            raise SystemExit(f"{command} ended with {process.returncode} before it was killed")
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return answers.read_bytes()[: answers.read_bytes().rfind(b"\n") + 1]


def row(name: str, kind: str, made: Mapping[str, Any]) -> str:
    """Return one line of the table: answers kept, minutes, ours and the published scorer's."""
    (whole,) = (one for one in made["figures"]["figures"] if one["scope"] == "all")
    ours = "{value:.3f} [{low:.3f}, {high:.3f}]".format(**whole["balanced"])
    old = ", ".join(
        f"{one['name']} {one['weighted']:.3f}"
        for one in made["figures"]["legacy"]
        if one["weighted"] is not None
    )
    return f"| {name} | {kind} | {made['kept']} | {made['minutes']:.1f} | {ours} | {old} |"


if __name__ == "__main__":
    main()
