"""A k-nearest-neighbour probe: what frozen features know of a label, without training anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class NeighbourScore:
    """How well neighbours predict a label.

    Attributes:
        accuracy: share of images right.
        balanced_accuracy: mean over classes of the share right, so that a common class does not
            decide; chance is one over the number of classes.
        images: how many had a label.
        classes: how many different labels there were.
    """

    accuracy: float
    balanced_accuracy: float
    images: int
    classes: int


@dataclass(frozen=True, eq=False)
class Votes:
    """What neighbours said of each labelled image.

    Attributes:
        predicted: [n] class numbers, counted from 0 in the order of the labels.
        truth: [n], likewise.
        owners: [n] patient numbers.
    """

    predicted: NDArray[np.int64]
    truth: NDArray[np.int64]
    owners: NDArray[np.int64]

    def score(self) -> NeighbourScore:
        """Summarise all images."""
        right = self.predicted == self.truth
        classes = int(self.truth.max()) + 1
        per_class = [float(right[self.truth == kind].mean()) for kind in range(classes)]
        return NeighbourScore(float(right.mean()), sum(per_class) / classes, len(right), classes)


def neighbour_probe(
    features: Tensor, labels: Sequence[float], patients: Sequence[str], *, k: int = 20
) -> NeighbourScore:
    """Return how well other patients' nearest images predict a label; see `ask_neighbours`."""
    return ask_neighbours(features, labels, patients, k=k).score()


@torch.no_grad()
def ask_neighbours(
    features: Tensor,
    labels: Sequence[float],
    patients: Sequence[str],
    *,
    k: int = 20,
    temperature: float = 0.07,
    rows_at_once: int = 1024,
) -> Votes:
    """Predict each image's label from the nearest images of other patients.

    Weighted vote of Wu et al. 2018, as DINO uses it: each of the k neighbours votes with
    exp(cosine / temperature). Images of the same patient never vote: they would be recognised.

    Args:
        features: [n, D].
        labels: n class numbers; NaN is unknown and leaves the image out.
        patients: n identifiers.
        k: neighbours that vote.
        temperature: of the votes.
        rows_at_once: bounds memory to this many rows of the n x n similarities.

    Raises:
        ValueError: if fewer than two patients, or fewer than two classes, have labels.
    """
    known = ~np.isnan(np.asarray(labels, dtype=np.float64))
    kinds, truth = np.unique(np.asarray(labels)[known], return_inverse=True)
    names, owner = np.unique(np.asarray(patients)[known], return_inverse=True)
    if len(kinds) < 2 or len(names) < 2:
        message = f"a probe needs two labels and two patients, got {len(kinds)} and {len(names)}"
        raise ValueError(message)
    device = features.device
    gallery = _Gallery(
        unit=F.normalize(features[torch.from_numpy(known).to(device)].float(), dim=-1),
        owners=torch.from_numpy(owner).to(device),
        votes=F.one_hot(torch.from_numpy(truth).to(device), len(kinds)).float(),
    )
    rows = torch.split(torch.arange(len(truth), device=device), rows_at_once)
    predicted = torch.cat([gallery.predict(some, k, temperature) for some in rows])
    return Votes(predicted.cpu().numpy(), truth, owner)


@dataclass(frozen=True)
class _Gallery:
    """The labelled images: unit features [n, D], patient numbers [n], one-hot labels [n, K]."""

    unit: Tensor
    owners: Tensor
    votes: Tensor

    def predict(self, rows: Tensor, k: int, temperature: float) -> Tensor:
        similarity = self.unit[rows] @ self.unit.T  # [b, n]
        similarity.masked_fill_(self.owners[rows, None] == self.owners, -torch.inf)
        best, where = similarity.topk(min(k, len(self.unit)), dim=1)
        # relative to the nearest, so that no temperature overflows; one's own patient weighs 0
        weights = ((best - best[:, :1]) / temperature).exp()
        return (self.votes[where] * weights[..., None]).sum(dim=1).argmax(dim=1)
