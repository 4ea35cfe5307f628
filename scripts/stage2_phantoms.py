"""What stage 2 students learnt, on phantom patients held out from all of them, with intervals.

    python scripts/stage2_phantoms.py supervised=runs/a0 supervised=runs/a1 dense=runs/b0 ...

Linear probes on frozen features: fitted on half of the held-out patients, scored on the other
half, both ways round. Every network is taken after its last step (its running mean), and compared
with itself before the first and with the first recipe. All figures are phantom figures; phantoms
are not real data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from pretrain.export import find_checkpoint
from pretrain.monitoring.lesion_patch_probe import lesion_scores, lesion_share
from pretrain.settings.stage2_config import Stage2
from scripts.held_out import Answer, above, asked_for, figure
from versamammo.config import load
from versamammo.data.attributes import ATTRIBUTES, UNKNOWN_CLASS, classes_of
from versamammo.data.dataset import Archive
from versamammo.input.contract import InputContract
from versamammo.input.preprocess import to_input
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.phantoms import PhantomSettings
from versamammo.phantoms.rule import label_ceilings
from versamammo.scoring.roc import auroc
from versamammo.training.checkpoints import CONFIG, MODEL

ASKED = ("view", "density", "birads", "mass", "calcification")
QUESTIONS = (*ASKED, "lesion")
LEAST_LESION, LEAST_TISSUE = 0.25, 0.05
RESAMPLES = 300
Counts = NDArray[np.int64]


class Examination:
    """Held-out phantoms prepared as one run's student sees them."""

    def __init__(self, contract: InputContract, archive: Archive) -> None:
        self.contract = contract
        self._shares: dict[int, NDArray[np.float64]] = {}  # by the side of a patch
        self.pictures = list(archive)
        self.images = torch.stack([to_input(one.levels(), self.contract) for one in self.pictures])
        own = [classes_of(one.labels, one.view, one.laterality) for one in self.pictures]
        self.classes = np.stack(own)
        patients = np.array([one.patient for one in self.pictures])
        self.patients = patients
        names, self.owners = np.unique(patients, return_inverse=True)
        self.first = np.isin(patients, names[::2])
        random = np.random.default_rng(0)
        self.draws = random.multinomial(len(names), [1 / len(names)] * len(names), size=RESAMPLES)

    @torch.no_grad()
    def ask(self, encoder: VersaMammoModel) -> dict[str, Answer]:
        """Put every question."""
        encoder.eval()
        seen = [encoder.encode(some) for some in self.images.split(32)]
        pooled = torch.cat([one.pooled for one in seen]).double().numpy()
        answers = {name: self._linear(pooled, self._classes(name)) for name in ASKED}
        return answers | {"lesion": self._lesion(torch.cat([s.patches for s in seen]), encoder)}

    def _classes(self, name: str) -> NDArray[np.int64]:
        column: NDArray[np.int64] = self.classes[:, list(ATTRIBUTES).index(name)]
        return column

    def _linear(self, features: NDArray[np.float64], truth: NDArray[np.int64]) -> Answer:
        """Score by balanced accuracy, or by the area under the ROC curve for two classes."""
        known = truth != UNKNOWN_CLASS
        scores, predicted = np.zeros(len(truth)), np.zeros(len(truth), np.int64)
        for half in (self.first, ~self.first):
            fit, score = known & half, known & ~half
            scale = StandardScaler().fit(features[fit])
            model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=500)
            model.fit(scale.transform(features[fit]), truth[fit])
            shown = scale.transform(features[score])
            predicted[score] = model.predict(shown)
            if len(model.classes_) == 2:
                scores[score] = model.decision_function(shown)
        rows = np.flatnonzero(known)
        if len(np.unique(truth[known])) == 2:
            return self._areas(
                scores[known], truth[known] == 1, self.owners[known], self.first[known]
            )
        right = predicted[rows] == truth[rows]
        kinds = [truth[rows] == kind for kind in np.unique(truth[rows])]

        def balanced(times: Counts) -> float:
            weights = times[self.owners[rows]]
            found = [right[k] @ weights[k] / weights[k].sum() for k in kinds if weights[k].any()]
            return float(np.mean(found))

        return self._resampled(balanced)

    def _lesion(self, patches: Tensor, encoder: VersaMammoModel) -> Answer:
        """Score a patch probe over patches with a lesion and tissue without."""
        share = self._lesion_share(encoder.stride)
        h, w = share.shape[1:]
        size = (h * encoder.stride, w * encoder.stride)
        levels = self.images[:, 0, : size[0], : size[1]] * self.contract.std + self.contract.mean
        cells = levels.unflatten(1, (h, -1)).unflatten(3, (w, -1)).mean(dim=(2, 4)).numpy()
        lesion = share >= LEAST_LESION
        chosen = (lesion | ((cells > LEAST_TISSUE) & (share == 0))).ravel()
        flat = patches.flatten(0, 1)[torch.from_numpy(chosen)]
        patients = np.repeat(self.patients, h * w)[chosen]
        scores, first = lesion_scores(flat, lesion.ravel()[chosen], patients)
        owners = np.repeat(self.owners, h * w)[chosen]
        return self._areas(scores, lesion.ravel()[chosen], owners, first)

    def _lesion_share(self, patch: int) -> NDArray[np.float64]:
        if patch not in self._shares:
            each = [lesion_share(one, self.contract, patch) for one in self.pictures]
            self._shares[patch] = np.stack(each)
        return self._shares[patch]

    def _areas(
        self,
        scores: NDArray[np.float64],
        truth: NDArray[np.bool_],
        owners: NDArray[np.int64],
        first: NDArray[np.bool_],
    ) -> Answer:
        """Return the mean area of both halves, whose scores are not to be compared."""

        def area(times: Counts) -> float:
            taken = np.repeat(np.arange(len(truth)), times[owners])
            halves = (taken[first[taken]], taken[~first[taken]])
            return float(np.mean([auroc(scores[half], truth[half]) for half in halves]))

        return self._resampled(area)

    def _resampled(self, figure: Callable[[Counts], float]) -> Answer:
        once = np.ones(self.draws.shape[1], np.int64)
        return Answer(figure(once), np.array([figure(times) for times in self.draws]))


@cache
def examination(contract: InputContract, archive: Archive) -> Examination:
    """Prepare held-out images as a run's student sees them, once for all runs that agree."""
    return Examination(contract, archive)


def encoders_of(folder: Path) -> tuple[Stage2, VersaMammoModel, VersaMammoModel]:
    """Return a finished run's settings, its student, and the same before the first step."""
    checkpoint = find_checkpoint(folder)
    config = load(Stage2, ["--config", str(checkpoint / CONFIG)])
    described = VersaMammoConfig(
        backbone=config.student.backbone,
        backbone_args=config.student.arguments,
        contract=config.views.contract.to_dict(),
    )
    torch.manual_seed(config.run.seed)
    start = VersaMammoModel(described)
    inside = "mean.backbone."
    tensors = {
        name.removeprefix(inside): value
        for name, value in load_file(checkpoint / MODEL).items()
        if name.startswith(inside)
    }
    return config, VersaMammoModel.from_backbone(described, tensors), start


Asked = list[dict[str, Answer]]  # of every seed


def report(runs: Mapping[str, Sequence[Path]], archive: Archive) -> None:
    """Print the figures of every recipe, then the differences."""
    patients = len({picture.patient for picture in archive})
    print(
        f"Phantom figures, {len(archive)} images of {patients} held-out phantom patients. Linear "
        "probes of frozen features: balanced accuracy for density and BI-RADS, area under the ROC "
        "curve for view, findings and, patch by patch, lesions. [95 % interval over resampled "
        "patients] ± 95 % t interval over seeds.\n"
    )
    asked: dict[str, Asked] = {}
    starts: Asked = []
    for name, folders in runs.items():
        found = []
        for folder in folders:
            config, trained, start = encoders_of(folder)
            them = examination(config.views.contract, archive)
            found.append(them.ask(trained))
            if not asked:
                starts.append(them.ask(start))
        asked[name] = found
    first, *others = asked
    _head("recipe")
    _row("untrained", starts, lambda q, a: figure(a))
    for name, found in asked.items():
        _row(name, found, lambda q, a: figure(a))
    ceilings = label_ceilings(PhantomSettings())
    allowed = {
        "density": ceilings.density.balanced_accuracy,
        "birads": ceilings.birads.balanced_accuracy,
    }
    cells = [f"{allowed[q]:.3f}" if q in allowed else "" for q in QUESTIONS]
    print(f"| ceiling by label noise | | {' | '.join(cells)} |\n")
    _head("above")
    _row(f"{first} above untrained", asked[first], lambda q, a: above(a, _of(starts, q)))
    for name in others:
        _row(f"{name} above {first}", asked[name], lambda q, a: above(a, _of(asked[first], q)))


def _of(asked: Asked, question: str) -> list[Answer]:
    return [one[question] for one in asked]


def _head(name: str) -> None:
    print(f"| {name} | seeds | {' | '.join(QUESTIONS)} |\n|---|---|{'---|' * len(QUESTIONS)}")


def _row(name: str, asked: Asked, write: Callable[[str, list[Answer]], str]) -> None:
    cells = [write(question, _of(asked, question)) for question in QUESTIONS]
    print(f"| {name} | {len(asked)} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    report(*asked_for(__doc__ or ""))


if __name__ == "__main__":
    main()
