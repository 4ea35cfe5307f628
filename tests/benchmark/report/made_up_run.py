"""A run's folder with made-up records of several models, as `versamammo bench run` leaves it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from PIL import Image

from benchmark.samples import MaskSample
from benchmark.scores import RUN
from benchmark.store import TaskFolder
from benchmark.tasks import load_tasks
from tests.benchmark.metrics.made_up import (
    boxes_samples,
    class_samples,
    label_samples,
    neighbours_samples,
)
from versamammo.config import plain

SIZE = (500, 500)


def mask_samples(folder, skill, count=24):
    """Discs, found the better the greater the skill; a quarter of the images has none."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    made = []
    for k in range(count):
        y, x, r = rng.uniform(100, 300, 3)
        off = rng.normal(scale=90 * (1 - skill), size=2)
        truth = ((rows - y) ** 2 + (columns - x) ** 2 < (r / 6) ** 2) & (k % 4 > 0)
        said = (rows - y - off[0]) ** 2 + (columns - x - off[1]) ** 2 < (r / 6) ** 2
        for name, mask in (("truth", truth), ("mask", said & (k % 8 > 0))):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / name / f"i{k}.png")
        made.append(
            MaskSample(f"i{k}", f"p{k // 2}", truth=f"truth/i{k}.png", mask=f"mask/i{k}.png",
                       spacing_mm=(0.1, 0.1))
        )  # fmt: skip
    return made


def of_task(task, skill, folder):
    """Make the records of one task; the truth is the same for every skill."""
    many = len(task.classes)
    if task.kind in ("binary", "multiclass", "ordinal"):
        base = class_samples(n=240, classes=many, seed=len(task.id), skill=skill)
        views = ("CC", "MLO")
        return [
            replace(s, groups={"view": views[k % 2], "vendor": f"vendor {k % 40 // 13}"})
            for k, s in enumerate(base)
        ]
    if task.kind == "multilabel":
        return label_samples(labels=many)
    if task.kind == "detection":
        made = boxes_samples(images=40, classes=many, boxes=6)
        return [
            replace(s, scores=tuple(x ** (1 + (k >= len(s.truth)) * skill)
                                    for k, x in enumerate(s.scores)))
            for s in made
        ]  # fmt: skip
    if task.kind == "segmentation":
        return mask_samples(folder, skill / 2)
    return neighbours_samples(seed=int(10 * skill))[0]


IDS = ("det.cbis.mass", "seg.cbis.mass", "cls.vindr.density", "cls.rsna.cancer",
       "cls.cmmd.findings", "ret.vindr.density")  # fmt: skip


def write_run(out, skills, *, ids=IDS, cut=(), notice="", data="/nowhere"):
    """Write a run of models {name: skill}; (model, task) in `cut` stopped half way."""
    tasks = {task.id: task for task in load_tasks()}
    for model, skill in skills.items():
        for name in ids:
            task, folder = tasks[name], TaskFolder(out / model / name)
            count = len(of_task(task, skill, out / "spare"))
            told = {"task": plain(task), "expected": count, "data": "0123456789abcdef",
                    "rows": {"train": 1, "val": 2, "test": count}}  # fmt: skip
            folder.begin("key", told)
            samples = of_task(task, skill, folder.folder)
            some = samples[: len(samples) // 2] if (model, name) in cut else samples
            validation = samples[::5] if task.kind == "binary" else ()
            folder.write(some, validation)
    run = {
        "notice": notice, "commands": ["versamammo bench run --encoder 'a <b>' --out run"],
        "models": list(skills), "sources": {name: f"/weights/{name}" for name in skills},
        "hashes": {name: f"sha-{name}" for name in skills}, "tasks": list(ids),
        "settings": {"data": data}, "seed": 0, "resamples": 200,
        "troubles": {next(iter(skills)): {"cls.bmcd.birads": "needs the archive bmcd"}},
        "versions": {"versamammo": "0.0.0", "torch": "2.14"},
    }  # fmt: skip
    (out / RUN).write_text(json.dumps(run))
    return out
