"""What a vision-language model answers about phantom patients held out from all training.

    python scripts/vlm_phantoms.py --encoder runs/stage2/encoder --seeds 0 1 2

Trains one model per seed, asks about the held-out patients with the exam context withheld and
given, and under three controls: blank images, images of other patients, options in another order.
All figures are phantom figures; phantoms are not real data.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmark.vqa.answers import match, read_answers
from benchmark.vqa.scoring import Graded, GroupAccuracy, grade, score
from versamammo import NOTICE
from versamammo.config import load
from versamammo.phantoms import PhantomSettings
from versamammo.phantoms.default_phantoms import phantom_archive
from versamammo.phantoms.rule import label_ceilings
from versamammo.vqa import Item, read_bench, write_bench
from vlm.instructions import make_items
from vlm.model_loading import open_model
from vlm.predict import Prediction, predict
from vlm.train import train
from vlm.training_config import VlmTraining

SEED = 1000  # of the phantoms that are asked about
# name -> (control, whether the exam context is told)
ASKED = {
    "image": ("none", False),
    "blank image": ("blank", False),
    "other patient's image": ("shuffled", False),
    "options reordered": ("reordered", False),
    "image and exam context": ("none", True),
}
CEILINGS = {"ACR": "density", "Bi-Rads": "birads", "Pathology": "pathology"}


def one_seed(seed: int, given: argparse.Namespace) -> tuple[float, float, float]:
    """Train and ask one model; returns seconds of training, of asking, and CPU seconds of both."""
    start, cpu = time.perf_counter(), time.process_time()
    arguments = ["--config", str(given.config), f"--encoder={given.encoder}", *given.more]
    arguments += [f"--run.output={given.out / str(seed)}", f"--run.seed={seed}"]
    config: VlmTraining = load(VlmTraining, arguments)
    if given.data:
        config = replace(config, data=given.data)
    model = train(config)
    trained = time.perf_counter()
    loaded = open_model(model)
    for name, (control, context) in ASKED.items():
        out = given.out / str(seed) / f"{name.replace(' ', '_')}.jsonl"
        settings = Prediction(
            model=model, bench=given.out / "items.json", images=given.held_out, out=out,
            control=control, context=context, batch=64, most_words=12, threads=1,
        )  # fmt: skip
        predict(settings, loaded)
    asked = time.perf_counter()
    return trained - start, asked - trained, time.process_time() - cpu


def graded_of(items: tuple[Item, ...], file: Path) -> Graded:
    """Read what one model answered."""
    answers, coverage = match(items, read_answers(file))
    return grade(items, answers, coverage)


def together(some: Sequence[Graded]) -> Graded:
    """Lay several seeds' answers to the same questions side by side.

    Their class-balanced accuracy is the mean over seeds, and patients are resampled with the
    answers of all seeds about them.
    """
    items = tuple(item for each in some for item in each.items)
    return Graded(items, tuple(reading for each in some for reading in each.readings))


def report(given: argparse.Namespace) -> None:
    """Print the table."""
    items = read_bench(given.out / "items.json")
    rows: dict[str, list[Graded]] = {
        name: [
            graded_of(items, given.out / str(seed) / f"{name.replace(' ', '_')}.jsonl")
            for seed in given.seeds
        ]
        for name in ASKED
    }
    figures = {
        name: {f.name: f for f in score(together(each)).figures if f.scope in ("topic", "all")}
        for name, each in rows.items()
    }
    alone = [{f.name: f for f in score(each, resamples=100).figures} for each in rows["image"]]
    patients = len({item.cluster for item in items})
    print(
        f"Phantom figures: {len(items)} questions about {patients} held-out phantom patients, "
        f"seeds {', '.join(map(str, given.seeds))}. Class-balanced accuracy in per cent, mean over "
        "seeds [95 % interval, patients resampled].\n"
        f"\n| topic | n | chance | {' | '.join(ASKED)} | seeds, image | ceiling |"
        f"\n|{'---|' * (len(ASKED) + 5)}"
    )
    for topic in figures["image"]:
        chance = np.mean(
            [1 / len({i.answer for i in items if i.group == g}) for g in _groups(topic, items)]
        )
        n = sum(item.group in _groups(topic, items) for item in items)
        cells = [_cell(figures[name][topic]) for name in ASKED]
        seeds = ", ".join(f"{100 * one[topic].balanced.value:.1f}" for one in alone)
        print(
            f"| {topic} | {n} | {100 * chance:.1f} | {' | '.join(cells)} | {seeds} "
            f"| {_ceiling(topic)} |"
        )


def _groups(topic: str, items: Sequence[Item]) -> set[str]:
    return {item.group for item in items if topic in (item.group, "all topics")}


def _cell(figure: GroupAccuracy) -> str:
    made = figure.balanced
    return f"{100 * made.value:.1f} [{100 * made.low:.1f}, {100 * made.high:.1f}]"


def _ceiling(topic: str) -> str:
    name = CEILINGS.get(topic.partition(" (")[0])
    if name is None:
        return ""
    return f"{100 * getattr(label_ceilings(PhantomSettings()), name).balanced_accuracy:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True, help="a stage 2 encoder's folder")
    parser.add_argument("--config", type=Path, default=Path("configs/vlm/phantoms.yaml"))
    parser.add_argument("--out", type=Path, default=Path("runs/vlm_phantoms"))
    parser.add_argument("--data", type=Path, help="prepared training phantoms; made if not given")
    parser.add_argument("--held-out", type=Path, help="prepared phantoms, split test, to ask about")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2, help="seeds at once, one thread each")
    parser.add_argument("--exams", type=int, default=160, help="held-out phantom patients")
    parser.add_argument("--per-answer", type=int, default=40, help="most questions of one answer")
    given, given.more = parser.parse_known_args()
    start = time.perf_counter()
    config: VlmTraining = load(VlmTraining, ["--config", str(given.config), *given.more])
    given.data = given.data or config.data or phantom_archive(config.phantoms)
    others = replace(config.phantoms, exams=given.exams, seed=SEED, shares=(0.0, 0.0, 1.0))
    given.held_out = given.held_out or phantom_archive(others)
    given.out.mkdir(parents=True, exist_ok=True)
    items = make_items(
        given.held_out, ("test",), per_answer=given.per_answer, topics=config.mixture.topics,
        exams=False,
    )  # fmt: skip
    write_bench(given.out / "items.json", items)
    made = time.perf_counter()
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes that follow
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        times = list(pool.map(partial(one_seed, given=given), given.seeds))
    done = time.perf_counter()
    report(given)
    for seed, (training, asking, cpu) in zip(given.seeds, times, strict=True):
        print(f"seed {seed}: trained in {training:.0f} s, asked in {asking:.0f} s, CPU {cpu:.0f} s")
    print(
        f"phantoms {made - start:.0f} s, all seeds {done - made:.0f} s, scored in "
        f"{time.perf_counter() - done:.0f} s. {NOTICE}"
    )
    (given.out / "command.json").write_text(json.dumps(vars(given), default=str, indent=1))


if __name__ == "__main__":
    main()
