"""Train every recipe of the ablation, seed by seed, then print the tables.

    python scripts/stage2_ablation.py --teacher FOLDER --out runs/ablation --hide_labels 0.9

A run that is there is not trained again, so that the command may be stopped and started. The
settings are those of configs/pretrain/stage2_phantoms.yaml; phantoms are not real data.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from pretrain import stage2
from scripts.stage2_phantoms import report
from versamammo.dataset import Archive
from versamammo.practice import PhantomArchive, phantom_archive

CONFIG = Path("configs/pretrain/stage2_phantoms.yaml")
TERMS = ("pooled", "relational", "dense", "consistency")
RECIPES = {
    "supervised only": [],
    "as published": None,
    "+ pooled": ["pooled"],
    "+ relational": ["pooled", "relational"],
    "+ dense": ["pooled", "relational", "dense"],
    "+ consistency (ours)": list(TERMS),
}


def options_of(recipe: str) -> list[str]:
    """Give the command line's options of one recipe."""
    terms = RECIPES[recipe]
    if terms is None:
        return ["--objective", "as_published"]
    return [word for name in TERMS for word in (f"--terms.{name}", str(name in terms).lower())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--hide_labels", default="0.0")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--no-table", action="store_true", help="only train")
    given, more = parser.parse_known_args()
    runs: dict[str, list[Path]] = {name: [] for name in given.recipes}
    for seed in given.seeds:
        for name in given.recipes:
            folder = given.out / f"{name.strip('+ ').replace(' ', '_')} {seed}"
            runs[name].append(folder)
            if (folder / "done").is_file():
                continue
            words = ["--config", str(CONFIG), "--teacher", str(given.teacher)]
            words += ["--hide_labels", given.hide_labels, "--run.seed", str(seed)]
            words += ["--run.output", str(folder), *options_of(name), *more]
            if stage2.main(words):
                raise SystemExit(f"{folder} was not trained")
            (folder / "done").touch()
    if not given.no_table:
        torch.set_num_threads(1)
        held_out = PhantomArchive(exams=160, seed=1000, size=(384, 256), shares=(0.0, 0.0, 1.0))
        report(runs, Archive.open(phantom_archive(held_out), ["test"]))


if __name__ == "__main__":
    main()
