"""Which patches of a whole image show a lesion, and whether patch features know it.

The probe is linear and fitted in closed form on half of the patients, scored on the other half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pretrain.views.box_cover import cover_of
from versamammo.data.dataset import Picture
from versamammo.input.contract import InputContract
from versamammo.scoring.roc import auroc

RIDGE = 0.01  # share of the features' mean variance


@dataclass(frozen=True)
class LesionScore:
    """How well patches with and without a lesion are told apart.

    Attributes:
        auroc: area under the ROC curve, 0.5 is chance.
        lesion_patches: how many show a lesion.
        patches: how many were scored.
    """

    auroc: float
    lesion_patches: int
    patches: int


def lesion_share(picture: Picture, contract: InputContract, patch: int) -> NDArray[np.float64]:
    """Return the share of each patch [h, w] of the contract's input that lesion boxes cover."""
    boxes = [found.box.as_tuple() for found in picture.labels.findings if found.box is not None]
    covered = cover_of(boxes, picture.crop, contract.size)
    h, w = contract.size[0] // patch, contract.size[1] // patch
    blocks = covered[: h * patch, : w * patch].reshape(h, patch, w, patch)
    share: NDArray[np.float64] = blocks.mean(axis=(1, 3))
    return share


def lesion_probe(
    features: Tensor, lesion: NDArray[np.bool_], patients: NDArray[np.str_]
) -> LesionScore:
    """Return how well patches show a lesion to a linear probe; see `lesion_scores`."""
    scores, first = lesion_scores(features, lesion, patients)
    areas = [auroc(scores[half], lesion[half]) for half in (first, ~first)]
    return LesionScore(float(np.mean(areas)), int(lesion.sum()), len(lesion))


@torch.no_grad()
def lesion_scores(
    features: Tensor, lesion: NDArray[np.bool_], patients: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Fit on half of the patients and score the other half, both ways round.

    Args:
        features: of patches [m, D].
        lesion: [m], which of them show a lesion.
        patients: [m], whose they are.

    Returns:
        Scores [m], and which patches [m] are of the first half; scores of different halves come
        from different fits and are not to be compared.

    Raises:
        ValueError: if either half has no patch with, or none without, a lesion.
    """
    first = _first_half(lesion, patients)
    for half in (first, ~first):
        if not 0 < lesion[half].sum() < half.sum():
            raise ValueError("a lesion probe needs patches with and without lesion in both halves")
    scores = np.zeros(len(lesion))
    for train in (first, ~first):
        weights, bias = _ridge(features[torch.from_numpy(train)], lesion[train])
        found = features[torch.from_numpy(~train)].double().cpu() @ weights + bias
        scores[~train] = found.numpy()
    return scores, first


def _first_half(lesion: NDArray[np.bool_], patients: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Deal patients to two halves by turns, those with lesions first, so that both have some."""
    names = np.unique(patients)
    has = np.array([lesion[patients == name].any() for name in names])
    ordered = np.concatenate([names[has], names[~has]])
    return np.isin(patients, ordered[::2])


def _ridge(features: Tensor, truth: NDArray[np.bool_]) -> tuple[Tensor, Tensor]:
    """Fit weights [D] and a bias by least squares in which both classes weigh the same."""
    x = features.double().cpu()
    y = torch.from_numpy(truth).double()
    weight = torch.where(y > 0, 0.5 / y.sum(), 0.5 / (1 - y).sum())
    mean = (weight[:, None] * x).sum(0)
    target = 2 * y - 1
    centered = x - mean
    covariance = (weight[:, None] * centered).T @ centered
    scale = covariance.diagonal().mean() * RIDGE
    moment = (weight[:, None] * centered).T @ target
    eye = torch.eye(len(mean), dtype=torch.float64)
    weights = torch.linalg.solve(covariance + scale * eye, moment)
    return weights, -(mean @ weights)
