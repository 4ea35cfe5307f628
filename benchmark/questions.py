"""Questions to a model with words: asked of prepared archives, answered elsewhere, scored here.

Items are made by `versamammo questions` and answered by `vlm/predict.py`, both as processes of
their own: this package and that of the model meet in files alone. Beside every score stand the
answers to blank images, the most common answer and the best guess from the words alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.archives import Archives
from benchmark.metrics import Figure
from benchmark.scores import FIGURES
from benchmark.store import DONE, SAMPLES, TaskFolder, key_of
from benchmark.tasks import Task
from benchmark.vqa.answers import Answer, match, read_answers
from benchmark.vqa.controls import majority, text_prior
from benchmark.vqa.legacy import legacy_report
from benchmark.vqa.parsing import Outcome
from benchmark.vqa.scoring import Graded, grade
from benchmark.vqa.scoring import score as score_answers
from versamammo.cache import write_levels
from versamammo.config import plain
from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.lesion_rows import close_up_of, lesion_rows
from versamammo.manifest import SCHEMA, read_manifest, write_manifest
from versamammo.vqa import Item, read_bench, write_bench

PER_ANSWER = 50  # most items of one answer to one topic
ITEMS, ANSWERS, BLANK = "items.json", "answers.jsonl", "blank.jsonl"
PICTURES, BENCH, PLACES = "pictures", "bench.json", "places.json"
ROOT = Path(__file__).resolve().parents[1]
Record = dict[str, Any]


class Questions:
    """The items of several tasks in one bench, so that a model is loaded once.

    Attributes:
        folder: with the bench, its pictures and everybody's answers.
        per_answer: most items of one answer to one topic of one task.
        places: task -> which items of the bench are its own.
        troubles: task -> why nothing is asked.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        archives: Archives,
        shared: Path,
        seed: int,
        per_answer: int = PER_ANSWER,
    ) -> None:
        told = [(plain(task), [_digest(archives, name) for name in task.sources]) for task in tasks]
        text = json.dumps([told, seed, per_answer], sort_keys=True)
        self.folder = shared / hashlib.sha256(text.encode()).hexdigest()[:16]
        self.per_answer = per_answer
        done = self.folder / PLACES
        if not done.is_file():
            self._make(tasks, archives, seed)
        made = json.loads(done.read_text())
        self.places: dict[str, list[int]] = made["places"]
        self.troubles: dict[str, str] = made["troubles"]

    def answers(self, model: Path, name: str, control: str) -> Path:
        """Have every item answered; goes on after the last answer of an earlier start.

        Raises:
            InputError: the model cannot answer; its own words are told.
        """
        own = self.folder / name
        own.mkdir(exist_ok=True)
        out = own / (ANSWERS if control == "none" else f"{control}.jsonl")
        wanted = len(read_bench(self.folder / BENCH))
        if out.is_file() and out.read_bytes().count(b"\n") == wanted:
            return out
        _call(
            [str(ROOT / "vlm" / "predict.py"), "--model", str(model), "--bench",
             str(self.folder / BENCH), "--images", str(self.folder), "--out", str(out),
             "--control", control],
            "vlm",
        )  # fmt: skip
        return out

    def _make(self, tasks: Sequence[Task], archives: Archives, seed: int) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / PICTURES).mkdir(parents=True)
        bench: list[Item] = []
        rows: dict[str, Record] = {}
        places: dict[str, list[int]] = {}
        troubles: dict[str, str] = {}
        for task in tasks:
            try:
                pool = pool_of(task, archives)
                items = self._ask(task, list(pool.values()), seed)
            except InputError as error:
                troubles[task.id] = str(error)
                continue
            places[task.id] = list(range(len(bench), len(bench) + len(items)))
            bench += items
            for item in items:
                for image in item.images:
                    rows[image] = pool[image]
        self._show(rows, archives)
        numbered = [replace(item, id=str(n)) for n, item in enumerate(bench, start=1)]
        write_bench(self.folder / BENCH, numbered)
        text = json.dumps({"places": places, "troubles": troubles}, indent=1)
        write_atomically(self.folder / PLACES, text.encode())

    def _ask(self, task: Task, pool: Sequence[Record], seed: int) -> list[Item]:
        """Make items about a task's images; the manifest that says of them stays beside."""
        folder = self.folder / task.id
        folder.mkdir()
        write_manifest(folder / "manifest.parquet", [_bare(record, "../") for record in pool])
        several = task.level == "exam"
        _call(
            ["-m", "app.cli", "questions", str(folder), "--out", str(folder / ITEMS),
             "--seed", str(seed), "--topics", json.dumps(list(task.topics)),
             # of exams alone, which are picked out below
             "--per-answer", str(1000 * self.per_answer if several else self.per_answer),
             "--exams", str(several).lower()],
            task.id,
        )  # fmt: skip
        seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
        kept = []
        for item in read_bench(folder / ITEMS):
            item = replace(item, images=tuple(path.replace("/../", "/") for path in item.images))
            seen[item.topic, item.answer] += (len(item.images) > 1) == several
            if (len(item.images) > 1) == several and seen[
                item.topic, item.answer
            ] <= self.per_answer:
                kept.append(item)
        if not kept:
            message = f"{task.id}: nothing that is asked is known of its images"
            raise InputError(message, field="topics", reason="nothing-known")
        return kept

    def _show(self, rows: Mapping[str, Record], archives: Archives) -> None:
        """Lay the pictures that are asked about together, close-ups cut out."""
        for image, record in rows.items():
            file = self.folder / image.lstrip("/")
            if "window" in record:
                write_levels(file, close_up_of(record["whole"], record["folder"]).levels())
                continue
            try:
                os.link(record["folder"] / record["whole"]["cache_path"], file)
            except OSError:
                shutil.copyfile(record["folder"] / record["whole"]["cache_path"], file)
        unique = {record["image_id"]: _bare(record, "") for record in rows.values()}
        write_manifest(self.folder / "manifest.parquet", unique.values())


def pool_of(task: Task, archives: Archives) -> dict[str, Record]:
    """Gather the images that a task may ask about: image as items name it -> its record.

    Of an external archive all images are asked about, of others those of the test patients.
    """
    pool: dict[str, Record] = {}
    for source in task.sources:
        folder = archives.folder / source
        whole = read_manifest(folder)
        if task.level == "lesion":
            whole, _ = lesion_rows(whole)
        for record in whole.to_pylist():
            if record["split"] == "test" or (task.set == "external" and record["split"]):
                made = _named(source, record, folder)
                pool[f"/{made['cache_path']}"] = made
    if not pool:
        message = f"{task.id}: no test image"
        raise InputError(message, field="split", reason="empty-split")
    return pool


def _named(source: str, record: Record, folder: Path) -> Record:
    """Give a record names that are its own among several archives."""
    lesion = "window" in record
    name = hashlib.sha256(f"{source}\0{record['content_key']}\0{record['image_id']}".encode())
    changed = {
        "image_id": f"{source}/{record['image_id']}",
        "source": record["source"] + ("-finding" if lesion else ""),
        "cache_path": f"{PICTURES}/{name.hexdigest()[:32]}.tif",
        "split": "test",
        **{key: record[key] and f"{source}/{record[key]}" for key in ("patient_id", "exam_id")},
    }
    if lesion:
        changed["crop"] = close_up_of(record, folder).crop.to_dict()
    return {**record, **changed, "whole": record, "folder": folder}


def _bare(record: Record, before: str) -> Record:
    """Keep of a record what a manifest has."""
    kept = {name: record[name] for name in SCHEMA.names}
    return kept | {"cache_path": before + record["cache_path"]}


def _digest(archives: Archives, name: str) -> str:
    keys = archives.table(name).column("content_key").to_pylist()
    splits = archives.table(name).column("split").to_pylist()
    return hashlib.sha256(repr([name, keys, splits]).encode()).hexdigest()[:16]


def _call(words: Sequence[str], what: str) -> None:
    """Run a command of ours in a process of its own.

    Raises:
        InputError: it failed; the last line it wrote is told.
    """
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise InputError(f"{what}: {last}", field="vlm", reason="vlm-failed")


def score_task(
    task: Task, asked: Questions, given: Mapping[str, Path], digest: str, folder: TaskFolder,
    *, seed: int, resamples: int,
) -> None:  # fmt: skip
    """Score one task's own items, and leave items, answers and figures in its folder.

    Raises:
        InputError: nothing is asked of its images (`nothing-known`), or an answer is missing.
    """
    if task.id in asked.troubles:
        raise InputError(asked.troubles[task.id], field="topics", reason="nothing-known")
    bench = read_bench(asked.folder / BENCH)
    items = tuple(
        replace(bench[place], id=str(n)) for n, place in enumerate(asked.places[task.id], start=1)
    )
    folder.begin(
        key_of(task, asked.folder.name, digest, [seed, resamples]),
        {"task": plain(task), "expected": len(items), "model": digest},
    )
    write_bench(folder.folder / ITEMS, items)
    answers = {
        control: _own(read_answers(path), asked.places[task.id]) for control, path in given.items()
    }
    for control, some in answers.items():
        name = ANSWERS if control == "none" else f"{control}.jsonl"
        text = "".join(json.dumps({"id": a.id, "answer": a.text, "prompt": a.prompt},
                                  ensure_ascii=False) + "\n" for a in some)  # fmt: skip
        write_atomically(folder.folder / name, text.encode())
    figures = figures_of(task, items, answers, seed=seed, resamples=resamples)
    made = {"records": len(answers["none"]), "figures": [asdict(figure) for figure in figures]}
    write_atomically(folder.folder / FIGURES, (json.dumps(made, indent=1) + "\n").encode())
    write_atomically(folder.folder / DONE, b"{}\n")


def _own(answers: Sequence[Answer], places: Sequence[int]) -> list[Answer]:
    return [replace(answers[place], id=str(n)) for n, place in enumerate(places, start=1)]


def figures_of(
    task: Task, items: Sequence[Item], answers: Mapping[str, Sequence[Answer]],
    *, seed: int, resamples: int,
) -> list[Figure]:  # fmt: skip
    """Score answers, controls and the published way, each with its interval."""
    graded = {control: grade(items, *match(items, some)) for control, some in answers.items()}
    graded |= {"majority": majority(items), "text_prior": text_prior(items)}
    names = {"none": "balanced_accuracy"}
    figures = []
    for control, one in graded.items():
        made = score_answers(one, resamples=resamples, seed=seed).headline.balanced
        metric = names.get(control, f"{control}_balanced_accuracy")
        figures.append(
            Figure(task.id, metric, made.value, made.low, made.high, made.n, made.patients,
                   primary=control == "none")
        )  # fmt: skip
    figures.append(_failures(task, graded["none"], seed, resamples))
    old = legacy_report(items, answers["none"], resamples=resamples, seed=seed)
    figures += [
        Figure(task.id, f"legacy_mammovqa_{one.scope}", one.accuracy, one.low, one.high, one.n,
               figures[0].clusters, note=one.name, legacy=True)
        for one in old[:1]
    ]  # fmt: skip
    return figures


def _failures(task: Task, graded: Graded, seed: int, resamples: int) -> Figure:
    """Give the share of answers in which no option could be read."""
    lost = np.array([reading.outcome is not Outcome.CHOSEN for reading in graded.readings], float)
    names, whose = np.unique([item.cluster for item in graded.items], return_inverse=True)
    failed = np.bincount(whose, weights=lost, minlength=len(names))
    asked = np.bincount(whose, minlength=len(names))
    random = np.random.default_rng(seed)
    drawn = random.integers(len(names), size=(resamples, len(names)))
    spread = failed[drawn].sum(1) / asked[drawn].sum(1)
    low, high = np.percentile(spread, [2.5, 97.5]) if len(names) > 1 else (np.nan, np.nan)
    return Figure(task.id, "parse_failure_rate", float(lost.mean()), float(low), float(high),
                  len(lost), len(names))  # fmt: skip


__all__ = ["ANSWERS", "ITEMS", "SAMPLES", "Questions", "figures_of", "pool_of", "score_task"]
