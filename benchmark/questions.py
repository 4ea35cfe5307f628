"""Questions to a model with words: asked of prepared archives, answered elsewhere, scored here.

Items are made by `versamammo questions` and answered by `vlm/predict.py`, both as processes of
their own: this package and that of the model meet in files alone. What tags say is withheld.
Beside every score stand the answers to blank images, the most common answer and the best guess
from the words alone.
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
from benchmark.metrics import MetricResult
from benchmark.scores import FIGURES
from benchmark.store import DONE, SAMPLES, TaskFolder, key_of
from benchmark.tasks import Task
from benchmark.vqa.answers import ModelAnswer, match, read_answers
from benchmark.vqa.controls import majority, text_prior
from benchmark.vqa.parsing import ParseOutcome
from benchmark.vqa.published_scorer import legacy_report
from benchmark.vqa.scoring import Graded, grade
from benchmark.vqa.scoring import score as score_answers
from versamammo.config import plain
from versamammo.data.cache import write_levels
from versamammo.data.lesion_rows import close_up_of, lesion_rows
from versamammo.data.manifest import SCHEMA, read_manifest, write_manifest
from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.vqa import Item, read_bench, write_bench

PER_ANSWER = 50  # most items of one answer to one topic
ITEMS, ANSWERS, BLANK = "items.json", "answers.jsonl", "blank.jsonl"
CONTEXT = "false"  # what tags say of side, view and mirroring is withheld: pixels are to answer
PICTURES, BENCH, PLACES = "pictures", "bench.json", "places.json"
ROOT = Path(__file__).resolve().parents[1]
# several commands of ours in one process, since it takes seconds to begin
SEVERAL = """
import contextlib, io, json, sys
from app.cli import main
told = []
for words in json.loads(sys.stdin.read()):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        told.append([main(words), said])
print(json.dumps([[code, said.getvalue()] for code, said in told]))
"""
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
        # answers lie in this folder: those with tags told are not to be taken for these
        text = json.dumps([told, seed, per_answer, {"context": CONTEXT}], sort_keys=True)
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
             "--control", control, "--context", CONTEXT],
            "vlm",
        )  # fmt: skip
        return out

    def _make(self, tasks: Sequence[Task], archives: Archives, seed: int) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / PICTURES).mkdir(parents=True)
        pools = {task.id: pool_of(task, archives) for task in tasks}
        troubles = self._ask(tasks, pools, seed)
        bench: list[Item] = []
        rows: dict[str, Record] = {}
        places: dict[str, list[int]] = {}
        for task in tasks:
            items = [] if task.id in troubles else self._chosen(task)
            if not items:
                troubles.setdefault(task.id, "nothing that is asked is known of its images")
                continue
            places[task.id] = list(range(len(bench), len(bench) + len(items)))
            bench += items
            pool = pools[task.id]
            rows |= {image: pool[image] for item in items for image in item.images}
        self._show(rows, archives)
        numbered = [replace(item, id=str(n)) for n, item in enumerate(bench, start=1)]
        write_bench(self.folder / BENCH, numbered)
        text = json.dumps({"places": places, "troubles": troubles}, indent=1)
        write_atomically(self.folder / PLACES, text.encode())

    def _ask(
        self, tasks: Sequence[Task], pools: Mapping[str, Mapping[str, Record]], seed: int
    ) -> dict[str, str]:
        """Make items about each task's images; gives the tasks for which there are none."""
        jobs: dict[str, list[str]] = {}
        for task in tasks:
            if not pools[task.id]:
                continue
            folder = self.folder / task.id
            folder.mkdir()
            records = [_bare(record, "../") for record in pools[task.id].values()]
            write_manifest(folder / "manifest.parquet", records)
            several = task.level == "exam"
            jobs[task.id] = [
                "questions", str(folder), "--out", str(folder / ITEMS), "--seed", str(seed),
                "--topics", json.dumps(list(task.topics)), "--exams", str(several).lower(),
                # of exams alone, which are picked out afterwards
                "--per-answer", str(1000 * self.per_answer if several else self.per_answer),
            ]  # fmt: skip
        said = _call(["-c", SEVERAL], "questions", json.dumps(list(jobs.values())))
        told = zip(jobs, json.loads(said.splitlines()[-1]), strict=True)
        return {task: message.strip() for task, (code, message) in told if code}

    def _chosen(self, task: Task) -> list[Item]:
        """Pick items of one image, or of several, no answer too often."""
        several = task.level == "exam"
        seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
        kept = []
        for made in read_bench(self.folder / task.id / ITEMS):
            item = replace(made, images=tuple(path.replace("/../", "/") for path in made.images))
            if (len(item.images) > 1) == several:
                seen[item.topic, item.answer] += 1
                kept += [item] if seen[item.topic, item.answer] <= self.per_answer else []
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
    return pool


def _named(source: str, record: Record, folder: Path) -> Record:
    """Return a record under names that are its own among several archives."""
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


def _call(words: Sequence[str], what: str, given: str = "") -> str:
    """Run a command of ours in a process of its own; gives what it printed.

    Raises:
        InputError: it failed; the last line it wrote is told.
    """
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, input=given, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise InputError(f"{what}: {last}", field="vlm", reason="vlm-failed")
    return done.stdout


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
    done = json.dumps({"records": len(items)}) + "\n"
    write_atomically(folder.folder / DONE, done.encode())


def _own(answers: Sequence[ModelAnswer], places: Sequence[int]) -> list[ModelAnswer]:
    return [replace(answers[place], id=str(n)) for n, place in enumerate(places, start=1)]


def figures_of(
    task: Task, items: Sequence[Item], answers: Mapping[str, Sequence[ModelAnswer]],
    *, seed: int, resamples: int,
) -> list[MetricResult]:  # fmt: skip
    """Score answers, controls and the published way, each with its interval."""
    graded = {control: grade(items, *match(items, some)) for control, some in answers.items()}
    graded |= {"majority": majority(items), "text_prior": text_prior(items)}
    names = {"none": "balanced_accuracy"}
    figures = []
    for control, one in graded.items():
        made = score_answers(one, resamples=resamples, seed=seed).headline.balanced
        metric = names.get(control, f"{control}_balanced_accuracy")
        figures.append(
            MetricResult(task.id, metric, made.value, made.low, made.high, made.n, made.patients,
                   primary=control == "none")
        )  # fmt: skip
    figures.append(_failures(task, graded["none"], seed, resamples))
    old = legacy_report(items, answers["none"], resamples=resamples, seed=seed)
    # one figure for each topic, as published
    for part in old:
        if part.scope == "topic":
            which = "" if len(task.topics) == 1 else "_" + part.name.lower().replace(" ", "_")
            figures.append(
                MetricResult(task.id, f"legacy_mammovqa{which}", part.accuracy, part.low, part.high,
                       part.n, figures[0].clusters, legacy=True)
            )  # fmt: skip
    return figures


def _failures(task: Task, graded: Graded, seed: int, resamples: int) -> MetricResult:
    """Return the share of answers in which no option could be read."""
    lost = np.array(
        [reading.outcome is not ParseOutcome.CHOSEN for reading in graded.readings], float
    )
    names, whose = np.unique([item.cluster for item in graded.items], return_inverse=True)
    failed = np.bincount(whose, weights=lost, minlength=len(names))
    asked = np.bincount(whose, minlength=len(names))
    random = np.random.default_rng(seed)
    drawn = random.integers(len(names), size=(resamples, len(names)))
    spread = failed[drawn].sum(1) / asked[drawn].sum(1)
    low, high = np.percentile(spread, [2.5, 97.5]) if len(names) > 1 else (np.nan, np.nan)
    return MetricResult(task.id, "parse_failure_rate", float(lost.mean()), float(low), float(high),
                  len(lost), len(names))  # fmt: skip


__all__ = ["ANSWERS", "ITEMS", "SAMPLES", "Questions", "figures_of", "pool_of", "score_task"]
