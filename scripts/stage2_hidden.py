"""What labels are worth: students that know fewer and fewer of them, as a table and a plot.

    python scripts/stage2_hidden.py --teacher FOLDER --out runs/hidden

Runs of the same recipes that scripts/stage2_ablation.py trained may be named with `--known
0.9=runs/ablation`; other options, such as `--optim.max_steps 800`, go to stage 2. All figures are
phantom figures; phantoms are not real data.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from scripts.held_out import Answer, figure, held_out
from scripts.stage2_ablation import HELD_OUT, HELD_OUT_SEED, trained
from scripts.stage2_phantoms import QUESTIONS, encoders_of, examination
from versamammo.data.dataset import Archive

SHARES = ("0.0", "0.1", "0.5", "0.9")
SHOWN = {"supervised only": "tab:orange", "+ close-ups (ours)": "tab:blue"}


def draw(asked: dict[tuple[str, str], list[dict[str, Answer]]], png: Path) -> None:
    """Plot every question's figure against the share of hidden labels."""
    figures, axes = plt.subplots(1, len(QUESTIONS), figsize=(2.1 * len(QUESTIONS), 2.4))
    for question, axis in zip(QUESTIONS, axes, strict=True):
        for recipe in dict.fromkeys(name for name, _ in asked):
            color = SHOWN[recipe]
            answers = [[one[question] for one in asked[recipe, share]] for share in SHARES]
            middle = [np.mean([one.figure for one in some]) for some in answers]
            band = [
                np.percentile(np.mean([one.resampled for one in some], axis=0), [2.5, 97.5])
                for some in answers
            ]
            x = [float(share) for share in SHARES]
            label = "supervised only" if recipe == "supervised only" else "ours"
            axis.plot(x, middle, "o-", ms=3, color=color, label=label)
            axis.fill_between(x, *np.transpose(band), alpha=0.15, color=color, lw=0)
        axis.set_title(question, fontsize=9)
        axis.set_xticks([0, 0.5, 0.9])
        axis.tick_params(labelsize=7)
    axes[0].set_xlabel("share of labels hidden", fontsize=7)
    axes[0].legend(fontsize=6)
    figures.suptitle("Linear probes on held-out phantoms, not real data", fontsize=9)
    figures.tight_layout()
    png.parent.mkdir(parents=True, exist_ok=True)
    figures.savefig(png, dpi=80)


def asked_of(folders: list[Path], archive: Archive) -> list[dict[str, Answer]]:
    """Put the questions to the students of some runs."""
    found = []
    for folder in folders:
        config, student, _ = encoders_of(folder)
        found.append(examination(config.views.contract, archive).ask(student))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/hidden"))
    parser.add_argument("--known", nargs="*", default=[], metavar="SHARE=FOLDER")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--recipes", nargs="+", default=list(SHOWN), choices=list(SHOWN))
    parser.add_argument("--png", type=Path, default=Path("docs/images/hidden_labels.png"))
    given, more = parser.parse_known_args()
    known = dict(one.split("=") for one in given.known)
    folders = {
        (recipe, share): [
            trained(
                recipe, seed, Path(known.get(share, given.out / share)), given.teacher, share, more
            )
            for seed in given.seeds
        ]
        for share in SHARES
        for recipe in given.recipes
    }
    archive = held_out(HELD_OUT, HELD_OUT_SEED)
    asked = {key: asked_of(runs, archive) for key, runs in folders.items()}
    print(f"| recipe | labels hidden | {' | '.join(QUESTIONS)} |\n|{'---|' * (2 + len(QUESTIONS))}")
    for (recipe, share), answers in asked.items():
        cells = [figure([one[question] for one in answers]) for question in QUESTIONS]
        print(f"| {recipe} | {float(share):.0%} | {' | '.join(cells)} |")
    draw(asked, given.png)


if __name__ == "__main__":
    main()
