"""What the teacher's frozen features know, on patients it never trained on.

Whole images are shown as the exported encoder will see them. Laterality is a check of the probe
itself: prepared images all have the chest wall on the left, so nothing of the side is left to be
seen and the figure has to stay at chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pretrain.monitoring.collapse_detection import effective_rank, feature_std
from pretrain.monitoring.held_out_images import HeldOutImages
from pretrain.monitoring.knn_probe import NeighbourScore, neighbour_probe
from pretrain.monitoring.lesion_patch_probe import lesion_probe, lesion_share
from pretrain.networks.vit import Vit
from versamammo.data.dataset import Archive, Picture
from versamammo.data.labels import FINDINGS
from versamammo.input.contract import InputContract

VIEWS = ("CC", "MLO")


@dataclass(frozen=True)
class ProbeSettings:
    """When and on what the teacher is probed.

    Attributes:
        every: steps between two probes, a multiple of `run.log_every`; 0 only at start and end.
        splits: whose patients are held out from training.
        images: at most this many, evenly taken.
        neighbours: that vote on an image.
        least_lesion: share of a patch that a lesion's box has to cover.
        least_tissue: share of full scale a patch's mean has to reach to be no air.
        patches: of each image without lesion, at most.
    """

    every: int = 100
    splits: tuple[str, ...] = ("val", "test")
    images: int = 400
    neighbours: int = 20
    least_lesion: float = 0.25
    least_tissue: float = 0.05
    patches: int = 40


def finding_of(picture: Picture) -> float:
    """Return whether any finding is present, 1 or 0; NaN where nobody looked."""
    known = [getattr(picture.labels, kind) for kind in FINDINGS]
    known = [value for value in known if not np.isnan(value)]
    return float(max(known)) if known else float("nan")


def labels_of(picture: Picture) -> dict[str, float]:
    """Return what the probes ask about one image, NaN where unknown."""
    views = {name: float(number) for number, name in enumerate(VIEWS)}
    sides = {"L": 0.0, "R": 1.0}
    return {
        "density": picture.labels.density,
        "view": views.get(picture.view or "", float("nan")),
        "laterality": sides.get(picture.laterality or "", float("nan")),
        "finding": finding_of(picture),
    }


class Probes:
    """Held-out images, prepared once, and the questions asked about them.

    Attributes:
        images: normalised.
        labels: what is known of them, by name.
        patients: whose they are.
    """

    def __init__(
        self, archive: Archive, contract: InputContract, settings: ProbeSettings, patch: int
    ) -> None:
        self.settings = settings
        places = np.linspace(0, len(archive) - 1, min(settings.images, len(archive)))
        pictures: list[Picture] = [archive[int(i)] for i in np.unique(places.round().astype(int))]
        self.images = HeldOutImages(pictures, contract)
        self.patients = [one.patient for one in pictures]
        asked = [labels_of(one) for one in pictures]
        self.labels = {name: [known[name] for known in asked] for name in asked[0]}
        share = np.stack([lesion_share(one, contract, patch) for one in pictures])  # [n, h, w]
        self.patches_each = share[0].size
        self.lesion, self.chosen = self._choose(share, contract, patch)

    def _choose(
        self, share: NDArray[np.float64], contract: InputContract, patch: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Take all patches with a lesion, and some tissue of every image that shows none at all."""
        h, w = share.shape[1:]
        means = []
        for image in self.images.batches(1):
            levels = image[0, 0, : h * patch, : w * patch] * contract.std + contract.mean
            means.append(levels.unflatten(0, (h, patch)).unflatten(2, (w, patch)).mean(dim=(1, 3)))
        tissue = (torch.stack(means) > self.settings.least_tissue).numpy()
        lesion = share >= self.settings.least_lesion
        random = np.random.default_rng(0)
        chosen = np.zeros(share.shape, np.bool_)
        for i in range(len(share)):
            free = np.flatnonzero(tissue[i] & (share[i] == 0))
            chosen[i].flat[random.permutation(free)[: self.settings.patches]] = True
        chosen |= lesion
        return lesion[chosen], np.flatnonzero(chosen)

    @torch.no_grad()
    def encode(self, vit: Vit, device: torch.device, rows: int = 16) -> tuple[Tensor, Tensor]:
        """Return class tokens [n, D] and the chosen patches' tokens [m, D]."""
        was_training = vit.training
        vit.eval()
        cls, patches, count = [], [], 0
        for some in self.images.batches(rows):
            tokens = vit(some.to(device))
            flat = tokens.patches.flatten(0, 1).float().cpu()
            inside = (self.chosen >= count) & (self.chosen < count + len(flat))
            patches.append(flat[torch.from_numpy(self.chosen[inside] - count)])
            cls.append(tokens.cls.float().cpu())
            count += len(flat)
        vit.train(was_training)
        return torch.cat(cls), torch.cat(patches)

    def ask(self, vit: Vit, device: torch.device) -> dict[str, float]:
        """Probe an encoder; a question whose labels are missing or all alike is left out."""
        cls, patches = self.encode(vit, device)
        answers = {
            f"probe/{name}": score.balanced_accuracy for name, score in self.neighbours(cls).items()
        }
        owners = self.owners()
        if self.can_ask_lesions():
            answers["probe/lesion"] = lesion_probe(patches, self.lesion, owners).auroc
        answers["probe/std"] = feature_std(cls)
        answers["probe/rank"] = effective_rank(cls)
        return answers

    def neighbours(self, features: Tensor) -> dict[str, NeighbourScore]:
        """Ask the nearest images of other patients about every label that has two classes."""
        return {
            name: neighbour_probe(features, known, self.patients, k=self.settings.neighbours)
            for name, known in self.labels.items()
            if self.can_ask(known)
        }

    def can_ask(self, known: list[float]) -> bool:
        """Return whether a label has two classes and is known of two patients."""
        pairs = [(v, p) for v, p in zip(known, self.patients, strict=True) if not np.isnan(v)]
        return len({v for v, _ in pairs}) > 1 and len({p for _, p in pairs}) > 1

    def can_ask_lesions(self) -> bool:
        """Return whether at least two patients have a lesion to be found."""
        return len(set(self.owners()[self.lesion])) > 1

    def owners(self) -> NDArray[Any]:
        """Return the patient of each chosen patch [m]."""
        owners: NDArray[Any] = np.asarray(self.patients)[self.chosen // self.patches_each]
        return owners
