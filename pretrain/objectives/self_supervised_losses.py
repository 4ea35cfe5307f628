"""The losses of both teachers, each a plain function of tensors.

Letters: B images of this process, K prototypes, D width, M masked patches, P pixels of a patch.
Every loss is computed in float32 or wider, whatever precision the network ran in, and is the
mean over this process's rows; `pretrain.networks.distributed` says why that suffices on many
machines.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pretrain.networks.distributed import all_rows, rank
from pretrain.objectives.centering import widen

# Two crops closer than this count as one in KoLeo. It bounds the gradient at 1 / (2 * 1e-4),
# where the published form reaches infinity for two equal images.
KOLEO_RESOLUTION = 1e-4


def cross_entropy_to(targets: Tensor, logits: Tensor) -> Tensor:
    """Cross-entropy [...] of student logits [..., K] against targets [..., K] that sum to one.

    Written as normaliser minus agreement: the log-probabilities, K wide, are never stored.
    """
    return logits.logsumexp(dim=-1) - (targets * logits).sum(dim=-1)


def image_distillation(student: Tensor, targets: Tensor, temperature: float = 0.1) -> Tensor:
    """Make every student view predict the teacher's prototype assignment of the other views.

    DINO (Caron et al. 2021, eq. 3) over all pairs of a teacher's view and another view of the
    same image, averaged over pairs and images.

    Args:
        student: logits [S, B, K] of all views, the teacher's T views first.
        targets: distributions [T, B, K].
        temperature: divides the student's logits.

    Raises:
        ValueError: if there is no pair of two different views.
    """
    views, images = student.shape[:2]
    seen_by_teacher = targets.shape[0]
    pairs = seen_by_teacher * views - seen_by_teacher
    if pairs == 0:
        raise ValueError("one view cannot teach itself: at least two views per image are needed")
    logits = widen(student) / temperature
    # sum over all pairs first, then take back the pairs of a view with itself
    normaliser = logits.logsumexp(dim=-1)  # [S, B]
    agreement = (logits * targets.sum(dim=0)).sum(dim=-1)  # [S, B]
    own = cross_entropy_to(targets, logits[:seen_by_teacher])  # [T, B]
    total = seen_by_teacher * normaliser.sum() - agreement.sum() - own.sum()
    return total / (pairs * images)


def patch_distillation(
    student: Tensor, targets: Tensor, weights: Tensor, crops: int, temperature: float = 0.1
) -> Tensor:
    """Make the student name the teacher's prototype of patches it could not see.

    iBOT (Zhou et al. 2022, eq. 2) on masked patches only.

    Args:
        student: logits [M, K] of the masked patches.
        targets: distributions [M, K] of the same patches, seen whole by the teacher.
        weights: [M], one over the number of masked patches in the patch's crop.
        crops: how many crops the batch holds, masked or not.
        temperature: divides the student's logits.
    """
    per_patch = cross_entropy_to(targets, widen(student) / temperature)  # [M]
    return (per_patch * weights).sum() / crops


def koleo(features: Tensor, *, over_processes: bool = True) -> Tensor:
    """Push each image's features away from its nearest neighbour, to fill the sphere.

    Kozachenko-Leonenko entropy estimate (Sablayrolles et al. 2019), minus the mean log distance
    on the unit sphere. Two equal images give a large but finite loss and no gradient.

    Args:
        features: [B, D].
        over_processes: look for neighbours on all processes; False saves the message but makes
            the loss depend on how the batch is divided.

    Raises:
        ValueError: if there is nobody to be a neighbour.
    """
    own = F.normalize(widen(features), dim=-1)
    everyone = all_rows(own) if over_processes else own
    if len(everyone) < 2:
        raise ValueError("KoLeo spreads images apart: a batch of one has no neighbours")
    neighbours = everyone[_nearest(own.detach(), everyone.detach(), over_processes)]
    squared = (own - neighbours).square().sum(dim=-1)  # [B]
    return -0.5 * (squared + KOLEO_RESOLUTION**2).log().mean()


@torch.no_grad()
def _nearest(own: Tensor, everyone: Tensor, over_processes: bool) -> Tensor:
    with torch.autocast(own.device.type, enabled=False):
        similarity = own @ everyone.T  # [B, world * B]
    first = rank() * len(own) if over_processes else 0
    similarity.diagonal(first).fill_(-2.0)  # below any cosine: nobody is their own neighbour
    return similarity.argmax(dim=1)


def info_nce(first: Tensor, second: Tensor, temperature: float = 0.2) -> Tensor:
    """Find each image's other view among all views of all images.

    NT-Xent (Chen et al. 2020, SimCLR, eq. 1), both ways round; the negatives are both views of
    every other image on every process.

    Args:
        first: projections [B, D] of one view.
        second: projections [B, D] of the other view of the same images.
        temperature: divides the cosines.

    Raises:
        ValueError: if there is no negative.
    """
    here = torch.stack([F.normalize(widen(view), dim=-1) for view in (first, second)])  # [2, B, D]
    images = here.shape[1]
    everyone = all_rows(here.transpose(0, 1)).transpose(0, 1)  # [2, world * B, D]
    everybody = everyone.shape[1]
    if everybody < 2:
        raise ValueError("InfoNCE needs other images as negatives: a batch of one has none")
    with torch.autocast(here.device.type, enabled=False):
        cosines = here.flatten(0, 1) @ everyone.flatten(0, 1).T  # [2 B, 2 world B]
    place = rank() * images + torch.arange(images, device=here.device)
    itself = torch.cat([place, place + everybody])
    partner = torch.cat([place + everybody, place])
    logits = (cosines / temperature).scatter(1, itself[:, None], -torch.inf)
    return F.cross_entropy(logits, partner)


def masked_reconstruction(
    predicted: Tensor, pixels: Tensor, weights: Tensor, crops: int, contrast_floor: float = 0.05
) -> Tensor:
    """Redraw the masked patches: squared error on each patch's own contrast (He et al. 2022).

    Args:
        predicted: [M, P].
        pixels: the true pixels [M, P], in input units (standard deviations).
        weights: [M], one over the number of masked patches in the patch's crop.
        crops: how many crops the batch holds, masked or not.
        contrast_floor: in input units. Patches flatter than this, which in a mammogram are air,
            are not stretched to full contrast: there would only be noise to predict.
    """
    truth = widen(pixels)
    mean = truth.mean(dim=-1, keepdim=True)
    spread = truth.var(dim=-1, keepdim=True, correction=0)
    wanted = (truth - mean) / (spread + contrast_floor**2).sqrt()
    per_patch = (widen(predicted) - wanted).square().mean(dim=-1)  # [M]
    return (per_patch * weights).sum() / crops
