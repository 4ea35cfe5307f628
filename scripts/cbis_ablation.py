"""What a teacher, close-ups and a start are worth on real films: one part changed, seed by seed.

    python scripts/cbis_ablation.py --data PREPARED --teacher runs/stage1_cbis --out runs/ablation

Every recipe is `configs/pretrain/stage2_cbis_ablation.yaml` with one part changed, trained by the
command a person would type. A run that is there is not trained again, and one that was stopped goes
on. OUT/figures.md gets the figures of each network on validation patients, who also chose its best
epoch, and how far each recipe is above the first, paired by patient, the areas of its seeds
averaged. Recipes whose runs are not there are left out, and named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.metrics.bootstrap import evaluate, interval, two_sided
from pretrain import stage2
from scripts.cbis_figures import Films, opened, write_sections
from scripts.cbis_report.boxes import box_figures, box_samples
from scripts.cbis_report.figures import RESAMPLES, Asked, Figure, area, class_figures
from scripts.cbis_report.seeing import see
from scripts.cbis_report.whole_films import both_views, class_question, malignancy, one_view
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.peaks import peaks_in

CONFIG = Path("configs/pretrain/stage2_cbis_ablation.yaml")
START = "ImageNet start"
SEEDS = (0, 1, 2)
PHANTOMS = 0.5  # how often a phantom is drawn for each film
QUESTIONS = ("malignancy AUC", "malignancy AUC, both views", "density, balanced accuracy")
Words = tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """One way to train a student.

    Attributes:
        options: for stage 2, as on its command line.
        seeds: that it is trained with.
        taught: whether it asks the teacher.
        phantoms: whether it sees phantoms too, half as often as films.
    """

    options: Words = ()
    seeds: tuple[int, ...] = SEEDS
    taught: bool = False
    phantoms: bool = False


def on(*terms: str) -> Words:
    """Return the options that switch losses on."""
    return tuple(word for one in terms for word in (f"--terms.{one}", "true"))


RECIPES = {
    START: Recipe(),
    "+ teacher, all terms": Recipe(
        on("pooled", "relational", "dense", "consistency"), taught=True
    ),
    "+ teacher, dense term": Recipe(on("dense"), seeds=(0,), taught=True),
    "with phantoms": Recipe(seeds=(0,), phantoms=True),
    "from nothing": Recipe(("--student.weights", "null"), seeds=(0,)),
    "without close-ups": Recipe(  # nor the pathology of each lesion; boxes still teach whole films
        ("--terms.lesion_pathology", "false", "--terms.closeups", "false", "--views.close", "0"),
        seeds=(0,),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Answers:
    """What one trained network says of the films.

    Attributes:
        questions: under `QUESTIONS`.
        boxes: figures of masses found.
    """

    questions: dict[str, Asked]
    boxes: list[Figure]


def folder_of(out: Path, name: str, seed: int) -> Path:
    """Return where the run of a recipe and a seed lies."""
    plain = "".join(one if one.isalnum() else "_" for one in name.strip("+ ").lower())
    return out / f"{plain}_{seed}"


def train(given: argparse.Namespace, name: str, seed: int) -> None:
    """Train one recipe to its end, unless that was done."""
    folder, recipe = folder_of(given.out, name, seed), RECIPES[name]
    if (folder / "done").is_file():
        return
    data = [*given.data, f"{given.phantoms}:{PHANTOMS}"] if recipe.phantoms else given.data
    words = ["--config", str(CONFIG), "--data", *data, "--run.output", str(folder)]
    words += ["--run.seed", str(seed), *recipe.options]
    words += ["--teacher", str(given.teacher)] if recipe.taught else []
    print(f"{name}, seed {seed}:", "pretrain/stage2.py", *words, flush=True)
    if stage2.main(words):
        raise SystemExit(f"{folder} was not trained")
    (folder / "done").touch()


def answers(folder: Path, films: Films, cache: Path) -> Answers:
    """Ask the best encoder of a run about the films."""
    encoder = VersaMammoModel.from_pretrained(folder / "encoder")
    seen = see(encoder, films.archive, cache, folder.name)
    chance = malignancy(seen.probabilities["pathology"].astype(float))
    density = seen.alike["density"].argmax(axis=1)  # as balanced accuracy wants it
    together, _, _ = both_views(films.told, chance)
    questions = (
        one_view(films.told, chance),
        together,
        class_question(films.told, "density", density),
    )
    found: list[Figure] = []
    if "mass" in seen.kinds:
        boxes = box_figures(box_samples(seen, films.pictures, "mass", partial(peaks_in)), "mass")
        found = [one for one in boxes if one.name.endswith((": ap50", "_at_1_fp"))]
    return Answers(dict(zip(QUESTIONS, questions, strict=True)), found)


def figures_of(told: Answers) -> list[Figure]:
    """Return all figures of one network."""
    malignant, both, density = (told.questions[name] for name in QUESTIONS)
    found = [area(QUESTIONS[0], malignant), area(QUESTIONS[1], both)]
    return [*found, class_figures("density", density, ordinal=True)[0], *told.boxes]


def above(name: str, new: Sequence[Asked], old: Sequence[Asked]) -> Figure:
    """Return how far the mean of some networks is above that of others, paired by patient."""
    clusters = new[0].clusters
    values, spread = evaluate(
        [one.statistic() for one in (*new, *old)], clusters, resamples=RESAMPLES, seed=0
    )
    weights = np.r_[np.full(len(new), 1 / len(new)), np.full(len(old), -1 / len(old))]
    apart = float(np.dot(weights, [one[0] for one in values]))
    resampled = np.tensordot(weights, np.stack([one[0] for one in spread]), axes=1)
    ends = interval(resampled)
    seeds = f"{len(new)} seed(s) against {len(old)}"
    return Figure(
        name, apart, ends.low, ends.high, len(new[0].truth), clusters.count,
        two_sided(resampled, clusters.count), "; ".join(filter(None, (seeds, ends.note))),
    )  # fmt: skip


def sections(runs: Mapping[str, Mapping[int, Answers]]) -> list[tuple[str, list[Figure]]]:
    """Return the figures of every network, then of every recipe against the first."""
    found = [
        (f"{name}, seed {seed}", figures_of(one))
        for name, seeds in runs.items()
        for seed, one in seeds.items()
    ]
    start = list(runs.get(START, {}).values())
    for name, seeds in runs.items():
        if name == START or not start:
            continue
        both = {q: [one.questions[q] for one in seeds.values()] for q in QUESTIONS}
        rows = [above(q, both[q], [one.questions[q] for one in start]) for q in QUESTIONS]
        found.append((f"{name} minus {START}", rows))
    return found


def report(out: Path, data: Path) -> None:
    """Write OUT/figures.json and OUT/figures.md of the runs that are there."""
    films = opened(data, "val")
    runs: dict[str, dict[int, Answers]] = {}
    missing = []
    for name, recipe in RECIPES.items():
        for seed in recipe.seeds:
            folder = folder_of(out, name, seed)
            if (folder / "done").is_file():
                runs.setdefault(name, {})[seed] = answers(folder, films, out / "cache")
            else:
                missing.append(f"{name}, seed {seed}")
    patients = len(set(films.told.patients))
    head = (
        f"# Ablation on real films\n\n{len(films.pictures)} validation films of {patients} "
        f"patients, {int(films.told.mass.sum())} of them mass films. Intervals: 95 %, patients "
        f"resampled.\n"
    )
    left = f"\nNot trained: {'; '.join(missing)}.\n" if missing else ""
    write_sections(out, f"{head}{left}", sections(runs))


def main(argv: Sequence[str] | None = None) -> int:
    """Train what is not trained, then write the report; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", nargs="+", required=True, help="prepared films; validation is of the first")
    add("--teacher", type=Path, help="a stage 1 run, of recipes that ask one")
    add("--phantoms", type=Path, help="prepared phantoms, of the recipe that sees them")
    add("--out", type=Path, default=Path("runs/ablation"))
    add("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    add("--seeds", type=int, nargs="+", default=list(SEEDS))
    add("--report", action="store_true", help="train nothing, report what is there")
    given = parser.parse_args(argv)
    for word, needed in (("teacher", "taught"), ("phantoms", "phantoms")):
        asking = [name for name in given.recipes if getattr(RECIPES[name], needed)]
        if asking and getattr(given, word) is None and not given.report:
            parser.error(f"{', '.join(asking)}: --{word} is needed")
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in () if given.report else given.seeds:
        for name in given.recipes:
            if seed in RECIPES[name].seeds:
                train(given, name, seed)
    report(given.out, Path(given.data[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
