"""Plain fine-tuning of an open ImageNet network on whole films: what anyone would try first.

No boxes, no close-ups, no teacher: benign or malignant, and density, from the pooled features of
the film alone, by cross entropy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from scripts.cbis_report.seeing import AT_ONCE, frozen_start
from scripts.cbis_report.whole_films import told
from versamammo.data.dataset import Picture
from versamammo.input.contract import InputContract
from versamammo.input.preprocess import to_input
from versamammo.model.encoder import VersaMammoModel

UNKNOWN = -1
DENSITIES = 4
MOMENTUM = 0.1  # of batch norm, torch's own; the published 0.01 is for longer runs


@dataclass(frozen=True)
class PlainFinetuning:
    """How it is done.

    Attributes:
        epochs: times through the films.
        batch_size: films of a step.
        learning_rate: the highest; it rises and falls once.
        weight_decay: of AdamW.
        seed: of the heads, the order and the flips.
    """

    epochs: int = 8
    batch_size: int = 16
    learning_rate: float = 5e-4
    weight_decay: float = 0.05
    seed: int = 0


class PlainNetwork(nn.Module):
    """A network with two linear heads on its pooled features."""

    def __init__(self, encoder: VersaMammoModel) -> None:
        super().__init__()
        self.encoder = encoder
        width = int(encoder.config.hidden_size)
        self.malignancy = nn.Linear(width, 2)
        self.density = nn.Linear(width, DENSITIES)
        for part in encoder.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.momentum = MOMENTUM

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [B, 2] and [B, 4] of images [B, 1, H, W]."""
        pooled = self.encoder.encode(pixels).pooled
        return self.malignancy(pooled), self.density(pooled)


def finetuned(
    pictures: Sequence[Picture], contract: InputContract, settings: PlainFinetuning
) -> PlainNetwork:
    """Return a network that learnt from films; those of mass films whether they are malignant."""
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    films = told(pictures)
    malignant = torch.tensor(np.where(films.mass, films.malignant, UNKNOWN))
    density = torch.tensor(films.classes["density"])
    pixels = torch.stack([to_input(one.levels(), contract) for one in pictures])
    network = PlainNetwork(frozen_start(contract)).train()
    network.requires_grad_(True)
    steps = settings.epochs * (len(pictures) // settings.batch_size)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = OneCycleLR(optimizer, settings.learning_rate, total_steps=steps)
    order: list[int] = []
    for _ in tqdm(range(steps), desc="plain fine-tuning"):
        if len(order) < settings.batch_size:
            order = random.permutation(len(pictures)).tolist()
        rows, order = order[: settings.batch_size], order[settings.batch_size :]
        batch = pixels[rows]
        if random.random() < 0.5:
            batch = batch.flip(2)
        lesion, tissue = network(batch)
        loss = _loss(lesion, malignant[rows]) + _loss(tissue, density[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def _loss(logits: Tensor, truth: Tensor) -> Tensor:
    known = truth != UNKNOWN
    if not known.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[known], truth[known])


@torch.no_grad()
def asked_of(
    network: PlainNetwork, pictures: Sequence[Picture], contract: InputContract
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return how probable malignant is [N], and the density [N]."""
    chance, density = [], []
    for start in range(0, len(pictures), AT_ONCE):
        some = [to_input(one.levels(), contract) for one in pictures[start : start + AT_ONCE]]
        lesion, tissue = network(torch.stack(some))
        chance.append(lesion.softmax(dim=1)[:, 1].double().numpy())
        density.append(tissue.argmax(dim=1).numpy())
    return np.concatenate(chance), np.concatenate(density)
