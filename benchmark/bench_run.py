"""`versamammo bench run`: every chosen task for every model, one record at a time.

What is whole is never made again, what was cut off goes on where it stopped, and what cannot be
run says why. The run's folder tells the exact command, versions and hashes.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmark import detecting, finetuning, probing, questions, retrieving, segmenting
from benchmark.archives import Archives
from benchmark.exam_probing import exam_answers, exams_of
from benchmark.frozen_features import FeatureStore, encoder_hash
from benchmark.learnt_from import LearntFrom, learnt_from
from benchmark.samples import Sample
from benchmark.scores import (
    RUN,
    ScoredTask,
    gather,
    of_externals,
    read_run,
    scored,
    write_scores,
)
from benchmark.store import TaskFolder, key_of
from benchmark.task_rows import AdaptSettings, TaskRows, select
from benchmark.tasks import Task, chosen, load_tasks
from versamammo import NOTICE, __version__
from versamammo.config import plain
from versamammo.errors import InputError
from versamammo.files import alone_in, write_atomically
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.foreign import load_encoder, local_folder

PHANTOMS = "PHANTOMS: NOT REAL DATA"
FEATURES, RESERVED = "features", ("features", "questions")
PACKAGES = ("torch", "torchvision", "timm", "transformers", "numpy", "scipy")
Say = Callable[[str], None]
Made = tuple[Sequence[Sample], Iterator[Sample]]
Asked = tuple[questions.Questions, dict[str, Path]]


@dataclass(frozen=True)
class BenchSettings:
    """What to run.

    Attributes:
        data: folder of prepared archives.
        out: of the run.
        encoders: folders or repositories.
        vlm: folder of a model that answers questions; None leaves those tasks out.
        tasks: patterns of ids; all by default.
        cache: of features; in `out` by default.
        adapt: how heads are fitted.
        resamples: of the bootstrap.
        per_answer: most questions of one answer to one topic.
        notice: stamped on everything that is shown.
    """

    data: Path
    out: Path
    encoders: tuple[str, ...] = ()
    vlm: Path | None = None
    tasks: tuple[str, ...] = ()
    cache: Path | None = None
    adapt: AdaptSettings = field(default_factory=AdaptSettings)
    resamples: int = 1000
    per_answer: int = 50
    notice: str = ""


@dataclass(frozen=True)
class Model:
    """Who is asked.

    Attributes:
        name: of its folder; shown in tables.
        source: what the user named.
        digest: of its weights.
        learnt_from: what it says that it was made from.
    """

    name: str
    source: str
    digest: str
    learnt_from: LearntFrom


class Bench:
    """One run.

    Attributes:
        settings: as asked for.
        troubles: model -> task -> why it could not be run.
    """

    def __init__(self, settings: BenchSettings, say: Say = print) -> None:
        self.settings = settings
        self.say = say
        self.archives = Archives(settings.data)
        self.tasks = chosen(settings.tasks, load_tasks())
        self.models = models_of(settings.encoders)
        self.vlm = models_of([str(settings.vlm)])[0] if settings.vlm else None
        self.troubles: dict[str, dict[str, str]] = {}
        self.rows = cache(lambda task: select(task, self.archives))
        self._started, self._passed = time.monotonic(), 0

    @property
    def notice(self) -> str:
        """What stands on everything that is shown of phantoms."""
        return self.settings.notice or (PHANTOMS if self.archives.phantoms(self.tasks) else "")

    @property
    def everybody(self) -> list[Model]:
        """All models, the one with words last."""
        return [*self.models, *filter(None, (self.vlm,))]

    def run(self) -> list[ScoredTask]:
        """Run what is not done yet, and score everything.

        Raises:
            InputError: an option, a model or the folder cannot be used, or another run is in it.
        """
        names = [model.name for model in self.everybody]
        if not names or len(set(names)) < len(names) or set(names) & set(RESERVED):
            message = f"{names}: expected one or more folders, each with a name of its own"
            raise InputError(message, field="encoder", reason="bad-option")
        with alone_in(self.settings.out, "--out"):
            self._note()
            for model in self.models:
                self._of_encoder(model)
            self._of_words()
            self._note()
            found = gather(self.settings.out)
            write_scores(self.settings.out, found)
        return found

    def _of_encoder(self, model: Model) -> None:
        tasks = [task for task in self.tasks if task.kind != "vqa"]
        if not tasks:
            return
        encoder = load_encoder(model.source)
        encoder.requires_grad_(False)
        cache_folder = self.settings.cache or self.settings.out / FEATURES
        store = FeatureStore(cache_folder, encoder, model.digest, self.settings.adapt)
        for task in tasks:
            self._try(model, task, partial(self._fit, model, task, encoder, store))

    def _of_words(self) -> None:
        """Put all questions to the model with words, or say that there is none."""
        tasks = [task for task in self.tasks if task.kind == "vqa"]
        if self.vlm is None:
            for model in self.models:
                why = dict.fromkeys((task.id for task in tasks), "needs --vlm")
                self.troubles.setdefault(model.name, {}).update(why)
            return
        present = [task for task in tasks if not self.archives.missing(task.archives)]
        answered: Asked | InputError | None = None
        try:
            answered = self._ask(present) if present else None
        except InputError as error:
            answered = error  # told of each task
        for task in tasks:
            self._try(self.vlm, task, partial(self._score_words, self.vlm, task, answered))

    def _ask(self, tasks: Sequence[Task]) -> Asked:
        """Have the questions of all tasks answered, as they are and with blank images."""
        assert self.vlm is not None
        asked = questions.Questions(
            tasks, self.archives, self.settings.out / "questions", self.settings.adapt.seed,
            self.settings.per_answer,
        )  # fmt: skip
        source = Path(self.vlm.source)
        return asked, {
            control: asked.answers(source, self.vlm.name, control) for control in ("none", "blank")
        }

    def _score_words(self, vlm: Model, task: Task, answered: Asked | InputError | None) -> None:
        if isinstance(answered, InputError):
            raise answered
        assert answered is not None, "an archive that is missing is told before"
        asked, given = answered
        questions.score_task(
            task, asked, given, vlm.digest, TaskFolder(self.settings.out / vlm.name / task.id),
            seed=self.settings.adapt.seed, resamples=self.settings.resamples,
        )  # fmt: skip

    def _try(self, model: Model, task: Task, work: Callable[[], None]) -> None:
        """Run one task; what is wrong with its data is told and stops no other task."""
        started = time.monotonic()
        missing = self.archives.missing(task.archives)
        try:
            if missing:
                message = f"needs the archive {', '.join(missing)}"
                raise InputError(message, field="data", reason="missing-archive")
            work()
        except InputError as error:
            self.troubles.setdefault(model.name, {})[task.id] = str(error)
            told = f"not run: {error}"
        else:
            told = self._result(model, task)
        self._progress(model, task, told, time.monotonic() - started)

    def _fit(self, model: Model, task: Task, encoder: VersaMammoModel, store: FeatureStore) -> None:
        rows = self.rows(task)
        folder = TaskFolder(self.settings.out / model.name / task.id)
        key = key_of(task, rows.digest, model.digest, self.settings.adapt)
        counted = {side: len(getattr(rows, side)) for side in ("train", "val", "test")}
        expected = len(exams_of(rows.test) if task.level == "exam" else rows.test)
        folder.begin(
            key,
            {"task": plain(task), "expected": expected, "rows": counted,
             "counts": dict(rows.counts), "data": rows.digest, "model": model.digest},
        )  # fmt: skip
        if folder.done and folder.whole_lines() == folder.expected:
            return
        validation, test = self._answers(task, encoder, store, rows, folder.folder)
        folder.write(test, validation)

    def _answers(
        self, task: Task, encoder: VersaMammoModel, store: FeatureStore, rows: TaskRows, out: Path
    ) -> Made:
        adapt = self.settings.adapt
        if task.kind == "detection":
            return (), detecting.run(task, encoder, rows, adapt, out)
        if task.kind == "segmentation":
            return (), segmenting.run(task, encoder, rows, adapt, out)
        if task.kind == "retrieval":
            return (), retrieving.answers(task, rows, store)
        if task.level == "exam":
            return exam_answers(task, rows, store, adapt)
        if adapt.probe == "finetune":
            return finetuning.answers(task, rows, encoder, adapt)
        return probing.answers(task, rows, store, adapt)

    def _result(self, model: Model, task: Task) -> str:
        folder = TaskFolder(self.settings.out / model.name / task.id)
        found = scored(
            model.name, task, folder, seed=self.settings.adapt.seed,
            resamples=self.settings.resamples,
        )  # fmt: skip
        if not found.figures:
            return found.state
        best = found.figures[0]
        return f"{best.metric} {best.value:.3f} [{best.low:.3f}, {best.high:.3f}], n {best.n}"

    def _progress(self, model: Model, task: Task, told: str, seconds: float) -> None:
        self._passed += 1
        words = sum(task.kind == "vqa" for task in self.tasks)
        total = len(self.models) * (len(self.tasks) - words) + (words if self.vlm else 0)
        spent = time.monotonic() - self._started
        left = spent / self._passed * (total - self._passed)
        self.say(
            f"[{self._passed}/{total}] {model.name} {task.id}: {told} "
            f"({seconds:.0f} s, about {left / 60:.0f} min left)"
        )

    def _note(self) -> None:
        """Write down how the run is made; the same commands give the same bytes."""
        before = earlier(self.settings.out)
        command = command_line(sys.argv)
        models = {model.name: model for model in self.everybody}
        # what an earlier command found out of other tasks stands
        asked = {task.id for task in self.tasks}
        troubles = {
            name: {task: why for task, why in found.items() if task not in asked}
            for name, found in before.get("troubles", {}).items()
        }
        for name, found in self.troubles.items():
            troubles[name] = troubles.get(name, {}) | found
        told = {
            "notice": self.notice,
            "commands": list(dict.fromkeys([*before.get("commands", []), command])),
            "models": list(dict.fromkeys([*before.get("models", []), *models])),
            "sources": before.get("sources", {}) | {n: m.source for n, m in models.items()},
            "learnt_from": before.get("learnt_from", {})
            | {name: plain(model.learnt_from) for name, model in models.items()},
            "archives": before.get("archives", {}) | self.archives.called(self.tasks),
            "hashes": before.get("hashes", {}) | {n: m.digest for n, m in models.items()},
            "tasks": sorted({*before.get("tasks", []), *asked}),
            "settings": plain(self.settings),
            "seed": self.settings.adapt.seed,
            "resamples": self.settings.resamples,
            "troubles": troubles,
            "versions": {"versamammo": __version__, "python": platform.python_version()}
            | {name: importlib.metadata.version(name) for name in PACKAGES},
        }
        text = json.dumps(told, indent=1, sort_keys=True) + "\n"
        write_atomically(self.settings.out / RUN, text.encode())


def command_line(words: Sequence[str]) -> str:
    """Return what was typed: our command, or Python and a script of ours."""
    program = Path(words[0])
    start = ["python", words[0]] if program.suffix == ".py" else [program.name]
    return shlex.join([*start, *words[1:]])


def earlier(out: Path) -> dict[str, Any]:
    """Read what an earlier command wrote of a run; empty if there is none."""
    return read_run(out) if (out / RUN).is_file() else {}


def models_of(sources: Sequence[str]) -> list[Model]:
    """Find models and hash their weights; folders of one name are told apart by their parents'.

    Raises:
        InputError: there is no such model.
    """
    folders = [local_folder(source).absolute() for source in sources]
    short = [
        folder.name if Path(source).is_dir() else source.replace("/", "--")
        for source, folder in zip(sources, folders, strict=True)
    ]
    return [
        Model(
            name if short.count(name) == 1 else f"{folder.parent.name}--{name}",
            str(folder),
            encoder_hash(folder),
            learnt_from(folder),
        )
        for name, folder in zip(short, folders, strict=True)
    ]


def tell(found: Sequence[ScoredTask], bench: Bench) -> list[str]:
    """Return how many tasks are complete, and why others are not."""
    asked = {task.id for task in bench.tasks}
    own = [one for one in found if one.task.id in asked]
    complete = {one.task.id for one in own if one.complete}
    lines = [f"{len(complete)} of {len(asked)} tasks complete"]
    for one in own:
        if not one.complete:
            lines.append(f"  {one.model} {one.task.id}: {one.state}")
    lines += of_externals(own, {model.name: model.learnt_from for model in bench.everybody})
    return [*lines, str(bench.settings.out / "scores.csv"), *filter(None, (bench.notice,)), NOTICE]
