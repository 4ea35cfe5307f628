"""Every one of the 92 tasks loads, and scores a perfect and a random guess as it should."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.metrics import score
from benchmark.samples import (
    BoxesSample,
    ClassSample,
    LabelsSample,
    MaskSample,
    NeighboursSample,
    Sample,
)
from benchmark.tasks import Task, load_tasks
from versamammo.data.sources.archives.catalogue import ARCHIVES

TASKS = load_tasks()
PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "spec" / "tasks.csv"
N = 60
CHANCE = {"map": 0.75, "ap50": 0.35, "dice": 0.75}  # most that a random guess may reach
Guess = Callable[[np.ndarray], np.ndarray]
BOX = (10.0, 10.0, 30.0, 30.0)


def test_there_are_92_tasks_68_of_them_internal() -> None:
    assert Counter(task.set for task in TASKS) == {"internal": 68, "external": 24}
    assert Counter(task.category for task in TASKS) == {
        "detection": 8, "segmentation": 5, "classification": 53, "retrieval": 8, "vqa": 18,
    }  # fmt: skip


def test_every_task_stands_on_an_archive_that_we_can_read_and_that_knows_of_it() -> None:
    for task in TASKS:
        assert set(task.archives) <= ARCHIVES.keys(), task.id
    for name, archive in ARCHIVES.items():
        own = [task.id for task in TASKS if any(task.id.startswith(p) for p in archive.tasks)]
        assert own, name
        assert all(name in task.archives for task in TASKS if task.id in own)


def test_ids_and_words_are_those_of_the_list() -> None:
    if not PUBLISHED.is_file():
        pytest.skip(f"the list of tasks is not at {PUBLISHED}")
    with PUBLISHED.open(newline="") as stream:
        listed = {
            row["id"]: (row["set"], row["category"], row["dataset"], row["target"],
                        row["kind"].partition("-")[0])
            for row in csv.DictReader(stream)
        }  # fmt: skip
    ours = {task.id: (task.set, task.category, task.dataset, task.target, task.kind)
            for task in TASKS}  # fmt: skip
    assert ours == listed


def samples(task: Task, perfect: bool, folder: Path) -> list[Sample]:
    """Make records of a model that knows everything, or nothing."""
    random = np.random.default_rng(0)
    return [_sample(task, number, perfect, random, folder) for number in range(N)]


def _sample(
    task: Task, number: int, perfect: bool, random: np.random.Generator, folder: Path
) -> Sample:
    who, classes = (f"{number}", f"p{number // 2}"), len(task.classes)
    if task.kind == "multilabel":
        truth = tuple(float(number % (k + 2) == 0) for k in range(classes))
        random_scores = tuple(random.random(classes).tolist())
        return LabelsSample(*who, truth=truth, scores=truth if perfect else random_scores)
    if task.kind == "detection":
        shows = number % 2 == 0
        said = shows or not perfect
        x = BOX if perfect else tuple((np.array(BOX) + random.uniform(0, 40)).tolist())
        kind = (number // 2 % classes,)
        return BoxesSample(
            *who, size=(80, 80), truth=(BOX,) * shows, truth_classes=kind * shows,
            boxes=(x,) * said, classes=kind * said,
            scores=(0.9 if perfect else float(random.random()),) * said,
        )  # fmt: skip
    if task.kind == "segmentation":
        truth = np.zeros((32, 32), np.uint8)
        truth[8:20, 8:20] = 255 * (number % 3 != 0)
        mask = truth if perfect else (random.random((32, 32)) < 0.5).astype(np.uint8) * 255
        names = [f"{task.id}-{number}-{what}.png" for what in ("true", "said")]
        for name, picture in zip(names, (truth, mask), strict=True):
            Image.fromarray(picture).save(folder / name)
        return MaskSample(*who, truth=names[0], mask=names[1], spacing_mm=(0.1, 0.1))
    if task.kind == "retrieval":
        ranked = (True,) * 10 if perfect else tuple((random.random(10) < 0.5).tolist())
        average = 1.0 if perfect else float(random.uniform(0.4, 0.6))
        return NeighboursSample(
            *who, truth=(number % classes,), ranked=ranked, relevant=20, average_precision=average
        )
    own = number % classes
    said = np.eye(classes)[own] if perfect else random.dirichlet(np.ones(classes))
    return ClassSample(*who, truth=own, scores=tuple(said.tolist()))


@pytest.mark.parametrize("task", [t for t in TASKS if t.kind != "vqa"], ids=lambda task: task.id)
def test_a_perfect_guess_scores_one_and_a_random_guess_does_not(task: Task, tmp_path: Path) -> None:
    best, *_ = score(task, samples(task, True, tmp_path), resamples=20, root=tmp_path)
    poor, *_ = score(task, samples(task, False, tmp_path), resamples=20, root=tmp_path)

    assert best.metric == task.metric
    assert best.value == pytest.approx(1)
    assert best.n == N or task.kind == "multilabel"
    assert poor.low <= poor.value <= poor.high
    if task.metric in CHANCE:
        assert poor.value < CHANCE[task.metric]
    else:
        assert poor.value == pytest.approx(0.5, abs=0.2)
