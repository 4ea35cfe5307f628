"""What the teacher teaches: its features of the image, between images, and patch by patch.

Letters: B images of this process, n of all processes, D the teacher's width. Each loss is about 1
for a student that knows nothing and 0 for one that knows all, so that they add up as they are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pretrain.networks.distributed import all_rows, rank, sum_over_processes, world_size

SMALL = 1e-6
LEAST_CHANCE = 0.1  # nats: relations that hardly differ from none are not to be blown up


def pooled_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """One minus the cosine between projected student features and the teacher's, both [B, D].

    The teacher's features are standardised: what is common to all images teaches nothing.
    """
    return (1 - F.cosine_similarity(found.float(), wanted.detach().float(), dim=1)).mean()


def relational_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Let images that are alike to the teacher be alike to the student (RKD, Park et al. 2019).

    Each image's similarities to all others, on all processes, become a distribution; its
    divergence from the teacher's is taken relative to that of an even one. An image's likeness to
    itself is left out: it is 1 whatever was learnt.

    Args:
        student: [B, D'].
        teacher: [B, D].
        temperature: of both softmaxes.
    """
    wanted = _log_likeness(teacher.detach(), temperature)
    found = _log_likeness(student, temperature)
    return relative_divergence(found, wanted)


def consistency_loss(low: Tensor, high: Tensor, temperature: float) -> Tensor:
    """Let a coarse look at an image lie where a fine look at it lies, among all images.

    The fine looks' similarities to one another, with themselves, are what the coarse looks'
    similarities to the fine ones should be. The fine looks only teach here. What all images have
    in common is taken away first: while the student is young it is nearly all there is, and all
    images would be equally alike.

    Args:
        low: features [B, D] of small views.
        high: features [B, D] of other, large views of the same images.
        temperature: of both softmaxes.
    """
    fine = _centred(high.detach())
    others = all_rows(fine)  # [n, D]
    wanted = F.log_softmax(fine @ others.T / temperature, dim=1)
    coarse = _centred(low)
    found = F.log_softmax(coarse @ others.T / temperature, dim=1)
    return relative_divergence(found, wanted)


def relative_divergence(found: Tensor, wanted: Tensor) -> Tensor:
    """KL(wanted | found) over KL(wanted | even) of log-probabilities [B, n], means of the rows.

    Both means are over the rows of all processes.
    """
    even = torch.full_like(wanted, 1 / wanted.shape[1]).log()
    chance = F.kl_div(even, wanted, reduction="batchmean", log_target=True)
    chance = sum_over_processes(chance.detach().clone()) / world_size()
    divergence = F.kl_div(found, wanted, reduction="batchmean", log_target=True)
    return divergence / chance.clamp_min(LEAST_CHANCE)


def dense_loss(found: Tensor, wanted: Tensor, tissue: Tensor) -> Tensor:
    """One minus the cosine, patch by patch, averaged over tissue.

    Args:
        found: projected student features at the teacher's patches, [B, D, h, w].
        wanted: the teacher's, standardised, [B, D, h, w].
        tissue: share of tissue in each patch, [B, h, w].
    """
    apart = 1 - F.cosine_similarity(found.float(), wanted.detach().float(), dim=1)
    whole = sum_over_processes(tissue.sum().detach().clone())
    return (apart * tissue).sum() * world_size() / whole.clamp_min(SMALL)


def at_patches(
    maps: Tensor, stride: int, grid: tuple[int, int], patch: int, mode: str = "bilinear"
) -> Tensor:
    """Read maps [B, C, h', w'] of one stride at the centres of another grid's patches.

    Both begin at the image's top left corner, and either may reach past its right and lower edge,
    so that only pixels, never shares of the grid, say where a patch lies. Centres outside the
    maps' own outermost centres get the nearest value.

    Args:
        maps: to be read.
        stride: pixels per step of the maps.
        grid: (h, w) of the patches.
        patch: side of a patch in pixels.
        mode: of the interpolation.
    """
    h, w = maps.shape[-2:]
    down = (torch.arange(grid[0], device=maps.device) + 0.5) * patch / stride
    across = (torch.arange(grid[1], device=maps.device) + 0.5) * patch / stride
    y, x = torch.meshgrid(down * 2 / h - 1, across * 2 / w - 1, indexing="ij")
    places = torch.stack([x, y], dim=-1).expand(len(maps), -1, -1, -1)
    return F.grid_sample(
        maps, places.to(maps.dtype), mode=mode, padding_mode="border", align_corners=False
    )


def _log_likeness(features: Tensor, temperature: float) -> Tensor:
    """Return log-probabilities [B, n - 1] of each own row's cosines with all other rows."""
    unit = _centred(features)
    everyone = all_rows(unit)  # [n, D]
    cosines = unit @ everyone.T / temperature
    own = torch.arange(len(unit), device=unit.device) + rank() * len(unit)
    others = torch.ones_like(cosines, dtype=torch.bool).scatter_(1, own[:, None], False)
    return F.log_softmax(cosines[others].view(len(unit), -1), dim=1)


def _centred(features: Tensor) -> Tensor:
    """Take the mean over all processes' rows away from [B, D], and give each row length 1."""
    rows = features.float()
    return F.normalize(rows - all_rows(rows).mean(dim=0), dim=1)
