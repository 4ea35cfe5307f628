"""The paper's description of its teacher: contrast between views plus masked image modelling.

Both tasks share one pass: crops are encoded with patches hidden, their class tokens are matched
across views (SimCLR, Chen et al. 2020), and a light decoder redraws what was hidden (SimMIM, Xie
et al. 2022; targets as in MAE, He et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretrain.networks.momentum_teacher import follow, teacher_of
from pretrain.networks.parameter_groups import ParameterGroup, backbone_groups, head_groups
from pretrain.networks.projection_heads import PixelDecoder, ProjectionHead, standardised
from pretrain.networks.vit import Vit
from pretrain.objectives.handcrafted_targets import MEASURES, patch_measures
from pretrain.objectives.registry import Objective, StepLosses, weighted_sum
from pretrain.objectives.self_supervised_losses import info_nce, masked_reconstruction
from pretrain.views.batches import CropBatch


@dataclass(frozen=True)
class ContrastiveMimSettings:
    """Heads and weights. Mask all crops at a ratio near 0.6: `MaskSettings(1.0, (0.5, 0.7))`.

    Attributes:
        hidden: width of the projector's hidden layer.
        projection: width in which views are compared.
        standardise: give what is compared mean 0 and variance 1 over the batch; without, a small
            network from scratch stays where all cosines are near 1.
        temperature: divides the cosines between views; 0.2 as in MoCo v3 for ViTs.
        decoder_width: of the decoder.
        decoder_depth: transformer blocks of the decoder; 0 is a linear map.
        redraw_weight: of redrawing hidden patches, beside 1 for the contrast.
        seen_weight: of redrawing the patches that were not hidden, which keeps in each token what
            is at its place; 0 leaves it out. The contrast alone fills tokens with what the whole
            breast has in common, in which lesions drown.
        measure_weight: of telling what `patch_measures` finds at each patch, hidden or not, from
            its token by a linear map. What is redrawn is each patch's own contrast, so that
            nothing else asks how bright a place is and what stands out in it.
        contrast_floor: patches flatter than this many input units count as flat.
    """

    hidden: int = 2048
    projection: int = 256
    standardise: bool = True
    temperature: float = 0.2
    decoder_width: int = 256
    decoder_depth: int = 1
    redraw_weight: float = 1.0
    seen_weight: float = 0.0
    measure_weight: float = 0.0
    contrast_floor: float = 0.05


class ContrastiveMim(Objective):
    """InfoNCE between two masked crops, and their hidden patches redrawn."""

    def __init__(self, vit: Vit, settings: ContrastiveMimSettings) -> None:
        super().__init__()
        self.settings = settings
        self.vit = vit
        self.projector = ProjectionHead(
            vit.width, settings.hidden, settings.projection, standardise=settings.standardise
        )
        self.decoder = PixelDecoder(
            vit.width, vit.patch**2, settings.decoder_width, settings.decoder_depth
        )
        asked = settings.measure_weight > 0
        self.measures = nn.Linear(vit.width, MEASURES) if asked else None
        # not part of the loss: a running mean probes and exports better than the last step
        self.teacher = teacher_of(vit)
        self.weights = {"contrast": 1.0, "redraw": settings.redraw_weight}
        self.weights |= {"seen": settings.seen_weight, "measures": settings.measure_weight}

    def train(self, mode: bool = True) -> ContrastiveMim:
        """Switch the student; the teacher always stays in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, batch: CropBatch, teacher_temperature: float) -> StepLosses:
        """Compute the losses; there is no teacher to have a temperature.

        Raises:
            ValueError: unless there are two global crops per image and no local ones.
        """
        if len(batch.overview) != 2 * batch.images or len(batch.detail):
            raise ValueError(
                f"contrastive_mim compares two global crops, got {len(batch.overview)} global and "
                f"{len(batch.detail)} local crops of {batch.images} images"
            )
        tokens = self.vit(batch.overview, batch.hidden.masks)
        first, second = self.projector(tokens.cls).chunk(2)
        losses = {"contrast": info_nce(first, second, self.settings.temperature)}
        losses |= self._redraw(tokens.patches, batch)
        if self.measures is not None:
            wanted = standardised(patch_measures(batch.overview, self.vit.patch).flatten(0, 1))
            told = self.measures(tokens.patches).flatten(0, 1)
            losses["measures"] = (told.to(wanted) - wanted).square().mean()
        return StepLosses(
            total=weighted_sum(losses, self.weights),
            losses={name: loss.detach() for name, loss in losses.items()},
            features=tokens.cls[: batch.images].detach(),
        )

    def _redraw(self, patches: Tensor, batch: CropBatch) -> dict[str, Tensor]:
        """Redraw the hidden patches, and the others if they count."""
        hidden, settings = batch.hidden, self.settings
        asked = {"redraw": (hidden.places, hidden.weights)}
        if settings.seen_weight > 0:
            asked["seen"] = seen_patches(hidden.masks)
        places = torch.cat([where for where, _ in asked.values()])
        drawn = self.decoder(patches, places)
        pixels = into_patches(batch.overview, self.vit.patch).flatten(0, 1)[places]
        counts = [len(where) for where, _ in asked.values()]
        crops, floor = len(batch.overview), settings.contrast_floor
        return {
            name: masked_reconstruction(own, truth, asked[name][1], crops, floor)
            for name, own, truth in zip(
                asked, drawn.split(counts), pixels.split(counts), strict=True
            )
        }

    def update_teacher(self, momentum: float) -> None:
        """Move the exported encoder towards the trained one."""
        follow(self.teacher, self.vit, momentum)

    def parameter_groups(
        self, layer_decay: float, patch_embed_scale: float
    ) -> list[ParameterGroup]:
        """Group what is trained."""
        heads = [self.projector, self.decoder, self.measures]
        return [
            *backbone_groups(self.vit, layer_decay, patch_embed_scale),
            *head_groups(head for head in heads if head is not None),
        ]

    def encoder(self) -> Vit:
        """Return the running mean of the encoder."""
        return self.teacher


def seen_patches(masks: Tensor) -> tuple[Tensor, Tensor]:
    """List the patches that masks [C, h, w] do not hide: places, and one over their number."""
    seen = ~masks.flatten(1)
    places = seen.flatten().nonzero().squeeze(1)
    each = 1 / seen.sum(dim=1).clamp(min=1)
    return places, each[places // seen.shape[1]]


def into_patches(images: Tensor, patch: int) -> Tensor:
    """Cut images [B, 1, H, W] into patches [B, N, patch * patch], row by row."""
    rows = images.squeeze(1).unfold(1, patch, patch).unfold(2, patch, patch)  # [B, h, w, p, p]
    return rows.flatten(3).flatten(1, 2)
