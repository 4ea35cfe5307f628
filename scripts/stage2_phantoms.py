"""What stage 2 students learnt, on phantom patients held out from all of them, with intervals.

    python scripts/stage2_phantoms.py supervised=runs/a0 supervised=runs/a1 dense=runs/b0 ...

Linear probes on frozen features: fitted on half of the held-out patients, scored on the other
half, both ways round. Every network is taken after its last step (its running mean), and compared
with itself before the first. All figures are phantom figures; phantoms are not real data.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy.stats import t as student_t
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from pretrain.export import find_checkpoint
from pretrain.lesions import auroc, lesion_probe, lesion_share
from pretrain.stage2_recipe import Stage2
from versamammo.attributes import ATTRIBUTES, UNKNOWN_CLASS
from versamammo.checkpoints import CONFIG, MODEL
from versamammo.config import load
from versamammo.configuration import VersaMammoConfig
from versamammo.dataset import Archive
from versamammo.encoder import VersaMammoModel
from versamammo.practice import PhantomArchive, phantom_archive
from versamammo.preprocess import to_input
from versamammo.synthetic import PhantomSettings
from versamammo.synthetic.rule import label_ceilings

ASKED = ("density", "birads", "mass", "calcification")
LEAST_LESION, LEAST_TISSUE, PATCHES = 0.25, 0.05, 40


class Examination:
    """Held-out phantoms prepared as one run's student sees them."""

    def __init__(self, config: Stage2, archive: Archive) -> None:
        self.contract = config.views.contract
        self.pictures = list(archive)
        self.images = torch.stack([to_input(one.levels(), self.contract) for one in self.pictures])
        self.patients = np.array([one.patient for one in self.pictures])
        names = np.unique(self.patients)
        self.first = np.isin(self.patients, names[::2])

    @torch.no_grad()
    def ask(self, encoder: VersaMammoModel) -> dict[str, float]:
        """Give the figure of every question."""
        encoder.eval()
        seen = [encoder.encode(some) for some in self.images.split(32)]
        pooled = torch.cat([one.pooled for one in seen]).double().numpy()
        answers = {name: self._linear(pooled, self._classes(name)) for name in ASKED}
        return answers | {"lesion": self._lesion(torch.cat([s.patches for s in seen]), encoder)}

    def _classes(self, name: str) -> NDArray[np.int64]:
        one = ATTRIBUTES[name]
        return np.array([one.class_of(getattr(p.labels, name)) for p in self.pictures])

    def _linear(self, features: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
        """Give the mean over halves of the balanced accuracy, or of the area for two classes."""
        known = truth != UNKNOWN_CLASS
        found = []
        for half in (self.first, ~self.first):
            fit, score = known & half, known & ~half
            scale = StandardScaler().fit(features[fit])
            model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=500)
            model.fit(scale.transform(features[fit]), truth[fit])
            shown = scale.transform(features[score])
            if len(model.classes_) == 2:
                found.append(auroc(model.decision_function(shown), truth[score] == 1))
            else:
                found.append(balanced_accuracy_score(truth[score], model.predict(shown)))
        return float(np.mean(found))

    def _lesion(self, patches: Tensor, encoder: VersaMammoModel) -> float:
        """Give the patch probe's area, over patches with a lesion and tissue without."""
        share = np.stack([lesion_share(p, self.contract, encoder.stride) for p in self.pictures])
        h, w = share.shape[1:]
        size = (h * encoder.stride, w * encoder.stride)
        levels = self.images[:, 0, : size[0], : size[1]] * self.contract.std + self.contract.mean
        cells = levels.unflatten(1, (h, -1)).unflatten(3, (w, -1)).mean(dim=(2, 4)).numpy()
        lesion = share >= LEAST_LESION
        chosen = lesion | ((cells > LEAST_TISSUE) & (share == 0))
        flat = patches.flatten(0, 1)[torch.from_numpy(chosen.ravel())]
        owners = np.repeat(self.patients, h * w)[chosen.ravel()]
        return lesion_probe(flat, lesion[chosen], owners).auroc


def encoders_of(folder: Path) -> tuple[Stage2, VersaMammoModel, VersaMammoModel]:
    """Give a finished run's settings, its student, and the same before the first step."""
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


def spread(figures: Sequence[float]) -> str:
    """Write a mean and its t interval over seeds."""
    mean = float(np.mean(figures))
    if len(figures) < 2:
        return f"{mean:.3f} (one seed)"
    scale = np.std(figures, ddof=1) / len(figures) ** 0.5
    half = float(student_t.ppf(0.975, len(figures) - 1) * scale)
    return f"{mean:.3f} ± {half:.3f}"


def report(runs: Mapping[str, Sequence[Path]], archive: Archive) -> None:
    """Print the table."""
    patients = len({picture.patient for picture in archive})
    print(
        f"Phantom figures, {len(archive)} images of {patients} held-out phantom patients. Linear "
        "probes of frozen features: balanced accuracy for density and BI-RADS, area under the ROC "
        "curve for findings and, patch by patch, for lesions. ±: 95 % t interval over seeds.\n"
        f"\n| recipe | seeds | {' | '.join((*ASKED, 'lesion'))} |\n|---|---|---|---|---|---|---|"
    )
    starts: dict[str, list[float]] = defaultdict(list)
    rows: dict[str, dict[str, list[float]]] = {}
    for name, folders in runs.items():
        rows[name] = defaultdict(list)
        for folder in folders:
            config, trained, start = encoders_of(folder)
            them = Examination(config, archive)
            for question, figure in them.ask(trained).items():
                rows[name][question].append(figure)
            if len(rows) == 1:
                for question, figure in them.ask(start).items():
                    starts[question].append(figure)
        if len(rows) == 1:
            _row("random, untrained", starts)
        _row(name, rows[name])
    allowed = label_ceilings(PhantomSettings())
    density, birads = allowed.density.balanced_accuracy, allowed.birads.balanced_accuracy
    print(f"| ceiling by label noise | | {density:.3f} | {birads:.3f} | | | |")


def _row(name: str, figures: Mapping[str, Sequence[float]]) -> None:
    seeds = len(next(iter(figures.values())))
    print(f"| {name} | {seeds} | {' | '.join(map(spread, figures.values()))} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--exams", type=int, default=160, help="held-out phantom patients")
    parser.add_argument("--seed", type=int, default=1000, help="of the held-out phantoms")
    given = parser.parse_args()
    runs: dict[str, list[Path]] = defaultdict(list)
    for name, _, folder in (one.partition("=") for one in given.runs):
        runs[name].append(Path(folder))
    phantoms = PhantomArchive(
        exams=given.exams, seed=given.seed, size=(384, 256), shares=(0.0, 0.0, 1.0)
    )
    torch.set_num_threads(1)
    report(runs, Archive.open(phantom_archive(phantoms), ["test"]))


if __name__ == "__main__":
    main()
