"""What an encoder's own heads say of an image, beside its features.

Stage 2 teaches small heads where findings lie, cell by cell and finer than a patch, and what an
image shows as a whole. A finding smaller than a patch may be seen by the finding head alone, so a
projector can be given what the heads say: for each patch the largest log odds of each kind of
finding in it, and for the image the largest of all and the log-probability of each class. These
follow from the pixels as all features do; no label enters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from versamammo.errors import InputError
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.features import Features

SCALE = 4.0  # brings log odds near the spread of normed features
LIMIT = 10.0  # log odds beyond this say no more


def widths(encoder: VersaMammoModel) -> tuple[int, int]:
    """Count what is said of each patch and of the whole image.

    Raises:
        InputError: the encoder has no heads.
    """
    heads = encoder.heads
    if heads is None:
        message = "the projector asks for what the encoder's heads say, but it has none"
        raise InputError(message, field="projector.evidence", reason="no-heads")
    kinds = 0 if heads.findings is None else len(heads.findings.kinds)
    classes = sum(len(one.classes) for one in heads.attributes.attributes)
    return kinds, kinds + classes


def with_evidence(encoder: VersaMammoModel, features: Features) -> Features:
    """Append what the heads say to patches [B, N, D] and to the pooled vector [B, D]."""
    heads = encoder.heads
    assert heads is not None, "widths has refused such an encoder"
    patches, heat = features.patches, heads.heat(features)
    said = list(heads.attributes(heads.whole(features, heat)).values())  # [B, K] each
    if heat is not None:
        said.append(heat.amax(dim=(2, 3)))
        cells = F.adaptive_max_pool2d(heat, features.grid).flatten(2).transpose(1, 2)
        patches = torch.cat([patches, _scaled(cells).to(patches)], dim=-1)
    whole = _scaled(torch.cat(said, dim=-1)).to(features.pooled)
    pooled = torch.cat([features.pooled, whole], dim=-1)
    return Features(pooled, patches, features.grid, features.pyramid)


def _scaled(log_odds: Tensor) -> Tensor:
    return log_odds.clamp(-LIMIT, LIMIT) / SCALE
