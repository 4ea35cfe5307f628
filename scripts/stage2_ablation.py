"""Train every recipe of the ablation, seed by seed, then print the tables.

    python scripts/stage2_ablation.py --teacher FOLDER --out runs/ablation --hide_labels 0.9

A run that is there is not trained again, so that the command may be stopped and started. The
settings are those of configs/pretrain/stage2_phantoms.yaml; phantoms are not real data.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from pretrain import stage2
from scripts.held_out import held_out
from scripts.stage2_phantoms import report

HELD_OUT, HELD_OUT_SEED = 480, 3000  # phantom patients whom no recipe has seen
CONFIG = Path("configs/pretrain/stage2_phantoms.yaml")
TERMS = ("pooled", "relational", "dense", "consistency", "closeups")
RECIPES = {
    "supervised only": [],
    "as published": None,
    "+ pooled": ["pooled"],
    "+ relational": ["pooled", "relational"],
    "+ dense": ["pooled", "relational", "dense"],
    "+ consistency": ["pooled", "relational", "dense", "consistency"],
    "+ close-ups (ours)": list(TERMS),
}


def options_of(recipe: str) -> list[str]:
    """Return the command line's options of one recipe."""
    terms = RECIPES[recipe]
    if terms is None:
        return ["--objective", "as_published"]
    return [word for name in TERMS for word in (f"--terms.{name}", str(name in terms).lower())]


def trained(
    name: str, seed: int, out: Path, teacher: Path, hidden: str, more: Sequence[str] = ()
) -> Path:
    """Train one recipe unless it is there; returns its folder."""
    folder = out / f"{name.strip('+ ').replace(' ', '_')} {seed}"
    if (folder / "done").is_file():
        return folder
    words = ["--config", str(CONFIG), "--teacher", str(teacher), "--hide_labels", hidden]
    words += ["--run.seed", str(seed), "--run.output", str(folder), *options_of(name), *more]
    if stage2.main(words):
        raise SystemExit(f"{folder} was not trained")
    (folder / "done").touch()
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--hide_labels", default="0.0")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    given, more = parser.parse_known_args()
    runs: dict[str, list[Path]] = {name: [] for name in given.recipes}
    for seed in given.seeds:
        for name in given.recipes:
            found = trained(name, seed, given.out, given.teacher, given.hide_labels, more)
            runs[name].append(found)
    torch.set_num_threads(1)
    report(runs, held_out(HELD_OUT, HELD_OUT_SEED))


if __name__ == "__main__":
    main()
