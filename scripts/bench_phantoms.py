"""Encoders side by side on phantom archives: density, findings, detection, segmentation, retrieval.

    python scripts/bench_phantoms.py --out runs/bench_phantoms student=A teacher=B ...

Writes INbreast and VinDr-Mammo as their owners lay them out, filled with phantom patients whom no
encoder has seen, prepares them, and runs six tasks for every encoder and seed, and for the first
encoder's network before training: the seed draws batches and starts heads, and NAME=A,B,C gives an
encoder of its own to each. Prints figures and paired differences from the first encoder. All
figures are phantom figures; phantoms are not real data.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import t as student_t

from benchmark.bench_run import Bench, BenchSettings
from benchmark.comparing import compare, lines
from benchmark.metrics.metric_results import title
from benchmark.report.report_writing import write_report
from benchmark.scores import ScoredTask, gather
from benchmark.task_rows import AdaptSettings
from versamammo.data.preparation.prepare import prepare
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.phantoms.phantom_exam import make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.twins import write_twin

PHANTOM_SEED, HEIGHT, SIZE = 5000, 512, (384, 256)
LAYOUTS = ("inbreast", "vindr-mammo")
TASKS = (
    "det.inbreast.mass", "seg.inbreast.mass", "cls.inbreast.density", "cls.inbreast.findings",
    "ret.inbreast.findings", "ret.vindr.density",
)  # fmt: skip


def write_archives(folder: Path, exams: int) -> Path:
    """Write and prepare the phantom archives unless they are there; returns their folder."""
    phantoms = PhantomSettings(exams=exams, seed=PHANTOM_SEED, height=HEIGHT, lesion_rate=0.8)
    waiting = [
        name for name in LAYOUTS if not (folder / "data" / name / "manifest.parquet").exists()
    ]
    made = [make_exam(phantoms, index) for index in range(exams)] if waiting else []
    for name in waiting:
        raw = folder / "raw" / name
        shutil.rmtree(raw, ignore_errors=True)
        write_twin(raw, name, phantoms, made)
        settings = Settings(name, folder / "data" / name, root=raw, size=SIZE, workers=1)
        if prepare(settings):
            raise SystemExit(f"{raw} could not be prepared")
    return folder / "data"


def untrained(like: Path, folder: Path, seed: int) -> Path:
    """Save the network of an encoder's folder as it is before its first step."""
    if not (folder / "config.json").is_file():
        torch.manual_seed(seed)
        VersaMammoModel(VersaMammoConfig.from_pretrained(like)).save_pretrained(folder)
    return folder


def one_run(data: Path, out: Path, encoders: Mapping[str, Path], seed: int, steps: int) -> Path:
    """Run the tasks of one seed; encoders are told apart by the names of links to them."""
    links = out / "encoders"
    links.mkdir(parents=True, exist_ok=True)
    for name, folder in encoders.items():
        (links / name).unlink(missing_ok=True)
        (links / name).symlink_to(folder.resolve())
    adapt = AdaptSettings(seed=seed, steps=steps, check_every=max(1, steps // 6), batch=8)
    bench = Bench(
        BenchSettings(
            data=data, out=out / "run", encoders=tuple(str(links / name) for name in encoders),
            tasks=TASKS, adapt=adapt, cache=out.parent / "features",
        )
    )  # fmt: skip
    found = bench.run()
    write_report(out / "run")
    for one in found:
        if not one.complete:
            raise SystemExit(f"{one.model} {one.task.id}: {one.state}")
    return out / "run"


def spread(values: Sequence[float]) -> str:
    """Write a mean over seeds with its interval, if there are several."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.3f}"
    half = student_t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{mean:.3f} ± {half:.3f}"


def show(runs: Sequence[Sequence[ScoredTask]], names: Sequence[str]) -> None:
    """Print each task's main figure for each encoder: seed by seed, and their mean."""
    print("| task | figure | encoder | per seed, with intervals over patients | mean over seeds |")
    print("|---|---|---|---|---|")
    for task in TASKS:
        for name in names:
            found = [
                one.figures[0] for run in runs for one in run
                if one.task.id == task and one.model == name
            ]  # fmt: skip
            each = ", ".join(f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in found)
            mean = spread([f.value for f in found])
            print(f"| {task} | {title(found[0].metric)} | {name} | {each} | {mean} |")
    print(f"n: {', '.join(sorted({f'{o.task.id} {o.figures[0].n}' for o in runs[0]}))}")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("encoders", nargs="+", metavar="NAME=FOLDER[,FOLDER...]")
    ask.add_argument("--out", type=Path, default=Path("runs/bench_phantoms"))
    ask.add_argument("--exams", type=int, default=200)
    ask.add_argument("--steps", type=int, default=400, help="of detection and segmentation")
    ask.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = ask.parse_args()
    named = dict(one.split("=", 1) for one in given.encoders)
    folders = {name: [Path(one) for one in text.split(",")] for name, text in named.items()}
    torch.set_num_threads(1)
    data = write_archives(given.out, given.exams)
    like = next(iter(folders.values()))[0]
    folders["untrained"] = [
        untrained(like, given.out / "untrained" / str(seed), seed) for seed in given.seeds
    ]
    outs = [
        one_run(
            data, given.out / f"seed{seed}",
            {name: own[place % len(own)] for name, own in folders.items()}, seed, given.steps,
        )
        for place, seed in enumerate(given.seeds)
    ]  # fmt: skip
    print("Phantom figures; phantoms are not real data.\n")
    show([gather(out) for out in outs], list(folders))
    first, *others = folders
    for other in others:
        for seed, out in zip(given.seeds, outs, strict=True):
            print(f"\nseed {seed}: ", *lines(compare(out / first, out / other)), sep="\n")


if __name__ == "__main__":
    main()
