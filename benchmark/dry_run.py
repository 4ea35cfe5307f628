"""`versamammo bench rehearse`: the whole benchmark on phantoms, before owning a byte of real data.

Writes a miniature of every archive's raw layout, prepares it, takes a small encoder and a tiny
model with words (new ones if none are given), and runs all 92 tasks. Its figures say that the
chain runs, nothing of any model's worth.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmark.bench_run import Bench, BenchSettings
from benchmark.scores import ScoredTask
from benchmark.task_rows import AdaptSettings
from benchmark.tasks import chosen, load_tasks
from versamammo.data.preparation.prepare import DRAWN, prepare
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.phantoms.phantom_exam import PhantomExam, make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.twins import LAYOUTS, write_twin

STAMP = "REHEARSAL ON PHANTOMS: these figures say that the chain runs, and nothing of any model"
ROOT = Path(__file__).resolve().parents[1]
TWICE = ("cbis-ddsm-jpeg",)  # the same archive in another wrapping
TRAINED_ON = "vindr-mammo"  # whose questions the tiny model learns
# few exams, so every class and both outcomes shall occur: this seed has cancers of both kinds
SEED, HEIGHT, SIZE = 11, 256, (192, 128)
BACKBONE = "test_efficientnet"  # timm's smallest with four maps


@dataclass(frozen=True)
class Rehearsal:
    """What to rehearse.

    Attributes:
        out: folder for twins, prepared archives, models and the run.
        encoders: folders; a small one with random weights if there are none.
        vlm: folder; a tiny one is trained for a minute if None.
        tasks: patterns of ids; all by default.
        exams: phantom patients in each twin.
        steps: of detection and segmentation.
        resamples: of the bootstrap.
    """

    out: Path
    encoders: tuple[str, ...] = ()
    vlm: Path | None = None
    tasks: tuple[str, ...] = ()
    exams: int = 24
    steps: int = 10
    resamples: int = 300


def rehearse(settings: Rehearsal) -> tuple[Bench, list[ScoredTask]]:
    """Rehearse; goes on where it stopped.

    Raises:
        InputError: an archive cannot be prepared, or as `Bench.run`.
    """
    started = time.monotonic()
    settings.out.mkdir(parents=True, exist_ok=True)
    data = write_archives(settings)
    print(f"archives: {time.monotonic() - started:.0f} s", flush=True)
    encoders = settings.encoders or (str(random_encoder(settings.out / "random-encoder")),)
    vlm = settings.vlm
    if vlm is None and any(task.kind == "vqa" for task in chosen(settings.tasks, load_tasks())):
        vlm = tiny_vlm(settings.out / "tiny-vlm", data)
    print(f"models: {time.monotonic() - started:.0f} s", flush=True)
    bench = Bench(
        BenchSettings(
            data=data, out=settings.out / "run", encoders=tuple(encoders), vlm=vlm,
            tasks=settings.tasks, resamples=settings.resamples, notice=STAMP, per_answer=2,
            adapt=AdaptSettings(
                steps=settings.steps, check_every=max(1, settings.steps // 2), crop=96
            ),
        )
    )  # fmt: skip
    found = bench.run()
    print(f"whole rehearsal: {(time.monotonic() - started) / 60:.1f} minutes", flush=True)
    return bench, found


def write_archives(settings: Rehearsal) -> Path:
    """Write and prepare every twin that is not there yet; returns the folder of prepared ones."""
    phantoms = PhantomSettings(
        exams=settings.exams, seed=SEED, height=HEIGHT, dates=2, lesion_rate=0.8,
        malignant_share=0.5, density_prior=(0.25, 0.25, 0.25, 0.25),
    )  # fmt: skip
    exams: list[PhantomExam] = []
    for layout in LAYOUTS:
        prepared = settings.out / "data" / layout
        if layout in TWICE or (prepared / "manifest.parquet").is_file():
            continue
        raw = settings.out / "raw" / layout
        if not raw.is_dir():
            exams = exams or [make_exam(phantoms, index) for index in range(phantoms.exams)]
            part = raw.with_name(f".{layout}.part")
            shutil.rmtree(part, ignore_errors=True)
            write_twin(part, layout, phantoms, exams)
            part.rename(raw)
        _prepare(layout, raw, prepared)
    return settings.out / "data"


def _prepare(layout: str, raw: Path, prepared: Path) -> None:
    # the public part of DBT is a test alone; here its patients are drawn, to have all three
    splits = DRAWN if layout == "dbt" else None
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = prepare(
            Settings(
                source=layout, root=raw, out=prepared, size=SIZE, splits=splits,
                workers=len(os.sched_getaffinity(0)),
            )
        )  # fmt: skip
    if code:
        raise InputError(said.getvalue().strip(), file=raw, field="twin", reason="not-prepared")


def random_encoder(folder: Path) -> Path:
    """Save a small encoder with random weights, unless it is there."""
    if not (folder / "config.json").is_file():
        with torch.random.fork_rng(), quiet():
            torch.manual_seed(0)
            contract = InputContract(size=SIZE)
            config = VersaMammoConfig(backbone=BACKBONE, contract=contract.to_dict())
            VersaMammoModel(config).save_pretrained(folder)
    return folder


def tiny_vlm(folder: Path, data: Path) -> Path:
    """Train a tiny model with words for about a minute, unless it is there."""
    made = folder / "model"
    if (made / "config.json").is_file():
        return made
    recipe = {
        "run": {"output": str(folder), "log_every": 20, "checkpoint_every": 100, "track": [],
                "threads": 1},  # operations are too small to be shared
        "data": str(data / TRAINED_ON),
        "small_encoder": {"size": list(SIZE)},
        "tiny": {"vocabulary": 400, "width": 96, "depth": 2},
        "mixture": {"closed": 0.4, "open": 0.0, "places": 0.0, "reports": 0.0, "turns": 0.4,
                    "lists": 0.2, "several": 0.0},
        # just long enough to answer with one of the options
        "lengths": {"words": 200, "projector": 10, "adapter": 90, "rise": 10},
        "rates": {"words": 3e-3, "projector": 3e-3, "projector_later": 2e-3, "adapter": 2e-3},
        "longest": 640, "row": 256, "batch": 4, "check_every": 400, "check_items": 1,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.yaml"
    write_atomically(path, json.dumps(recipe, indent=1).encode())
    done = subprocess.run(
        [sys.executable, str(ROOT / "vlm" / "train.py"), "--config", str(path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise InputError(f"the tiny model: {last}", field="vlm", reason="vlm-failed")
    return made


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what others print off the terminal."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield
