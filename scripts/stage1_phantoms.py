"""What stage 1 teachers learnt, on phantom patients held out from all of them, with intervals.

    python scripts/stage1_phantoms.py ours=runs/a0 ours=runs/a1 ours=runs/a2 published=runs/b0 ...

Each teacher is compared with the same network before its first step and with the pixels of the
pictures made small, and the first recipe with the others. All features are centred before cosines
are taken. All figures are phantom figures; phantoms are not real data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from pretrain.export import find_checkpoint
from pretrain.monitoring.collapse_detection import effective_rank
from pretrain.monitoring.knn_probe import ask_neighbours
from pretrain.monitoring.lesion_patch_probe import lesion_scores
from pretrain.monitoring.probes import Probes, ProbeSettings
from pretrain.networks.vit import Vit
from pretrain.settings.stage1_config import Stage1, build_objective
from scripts.held_out import Answer, above, asked_for, figure
from versamammo.config import load
from versamammo.data.dataset import Archive
from versamammo.input.contract import InputContract
from versamammo.scoring.roc import auroc
from versamammo.training.checkpoints import CONFIG, MODEL, step_of

RESAMPLES = 400
PIXELS = (14, 7)  # (H, W) of the small pictures: the best for density of six sizes from 7 x 4 up
CPU = torch.device("cpu")
RANK = "effective rank"  # of class tokens of whole images, without an interval over patients
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Examination:
    """Held-out phantoms, and how often [R, patients] each is drawn, the same for all encoders."""

    probes: Probes
    draws: Counts

    def ask(self, cls: Tensor, patches: Tensor | None) -> dict[str, Answer]:
        """Ask for density, patches for lesions, and how many dimensions are in use."""
        found = {"density": self._density(cls - cls.mean(dim=0))}
        if patches is None:
            return found
        rank = Answer(effective_rank(cls), np.full(len(self.draws), np.nan))
        return found | {"lesion": self._lesion(patches), RANK: rank}

    def _density(self, features: Tensor) -> Answer:
        votes = ask_neighbours(features, self.probes.labels["density"], self.probes.patients)
        right = votes.predicted == votes.truth
        kinds = [votes.truth == kind for kind in np.unique(votes.truth)]

        def balanced(times: Counts) -> float:
            weights = times[votes.owners]
            return float(np.mean([np.average(right[k], weights=weights[k]) for k in kinds]))

        return self._resampled(balanced)

    def _lesion(self, patches: Tensor) -> Answer:
        lesion = self.probes.lesion
        scores, first = lesion_scores(patches, lesion, self.probes.owners())
        numbers = np.unique(self.probes.patients, return_inverse=True)[1]
        owners = numbers[self.probes.chosen // self.probes.patches_each]

        def area(times: Counts) -> float:
            taken = np.repeat(np.arange(len(lesion)), times[owners])
            halves = (taken[first[taken]], taken[~first[taken]])
            return float(np.mean([auroc(scores[half], lesion[half]) for half in halves]))

        return self._resampled(area)

    def _resampled(self, figure: Callable[[Counts], float]) -> Answer:
        once = np.ones(self.draws.shape[1], np.int64)
        return Answer(figure(once), np.array([figure(times) for times in self.draws]))


@cache
def examination(contract: InputContract, held_out: Archive) -> Examination:
    """Prepare all held-out images as a run's teacher sees them, once for all runs that agree."""
    probes = Probes(held_out, contract, ProbeSettings(images=len(held_out)), patch=14)
    patients = len(set(probes.patients))
    random = np.random.default_rng(0)
    return Examination(
        probes, random.multinomial(patients, [1 / patients] * patients, size=RESAMPLES)
    )


def encoders_of(folder: Path) -> tuple[Stage1, Vit, Vit]:
    """Return a finished run's settings, its teacher, and the same before the first step."""
    checkpoint = find_checkpoint(folder)
    config = load(Stage1, ["--config", str(checkpoint / CONFIG)])
    if step_of(checkpoint) != config.optim.max_steps:
        raise SystemExit(
            f"{folder} has done {step_of(checkpoint)} of {config.optim.max_steps} steps"
        )
    torch.manual_seed(config.run.seed)
    start, trained = build_objective(config), build_objective(config)
    trained.load_state_dict(load_file(checkpoint / MODEL))
    return config, trained.encoder(), start.encoder()


Asked = dict[str, list[dict[str, Answer]]]


def ask_all(folders: Sequence[Path], held_out: Archive) -> Asked:
    """Ask every seed's teacher, its start, and the pixels."""
    asked: Asked = defaultdict(list)
    for folder in folders:
        config, teacher, start = encoders_of(folder)
        them = examination(config.contract, held_out)
        for name, vit in (("teacher", teacher), ("start", start)):
            asked[name].append(them.ask(*them.probes.encode(vit, CPU)))
        small = [
            F.interpolate(some, PIXELS, mode="area").flatten(1)
            for some in them.probes.images.batches(64)
        ]
        asked["pixels"].append(them.ask(torch.cat(small), None))
    return asked


def report(runs: Mapping[str, Sequence[Path]], held_out: Archive) -> None:
    """Print the table."""
    patients = len({picture.patient for picture in held_out})
    print(
        f"Phantom figures, {len(held_out)} images of {patients} held-out phantom patients. "
        "density: balanced accuracy of 20 nearest neighbours, 4 classes; lesion: area under the "
        "ROC curve of a linear patch probe; effective rank: RankMe of class tokens. First "
        "interval: 95 % over resampled patients; second: t over seeds."
        "\n\n| recipe | question | per seed | teacher | its start | raw pixels | above start | "
        "above pixels | first recipe above this |\n|---|---|---|---|---|---|---|---|---|"
    )
    first: Asked = {}
    for name, folders in runs.items():
        asked = ask_all(folders, held_out)
        first = first or asked
        for question in ("density", "lesion", RANK):
            kinds = {kind: [a[question] for a in asked[kind] if question in a] for kind in asked}
            teacher, start, pixels = kinds["teacher"], kinds["start"], kinds["pixels"]
            leading = [a[question] for a in first["teacher"]][: len(teacher)]
            cells = [
                name, question, ", ".join(f"{one.figure:.3f}" for one in teacher),
                figure(teacher), figure(start), figure(pixels) if pixels else "",
                above(teacher, start), above(teacher, pixels) if pixels else "",
                above(leading, teacher[: len(leading)]) if asked is not first else "",
            ]  # fmt: skip
            print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    report(*asked_for(__doc__ or ""))


if __name__ == "__main__":
    main()
