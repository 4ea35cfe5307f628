"""What a frozen encoder saw, kept so that no image is looked at twice.

Training asks many questions about each image, and so does a conversation; the encoder's part of
the work need be done once. Images are known by their content and looked at one by one, so that
what is remembered of an image does not depend on its company.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from versamammo.model.encoder import VersaMammoModel
from versamammo.model.features import Features

See = Callable[[Tensor], Features]
Seen = tuple[Tensor, Tensor, tuple[int, int]]  # pooled, patches, grid


class FeatureMemory:
    """The features of the images that were looked at last, without their pyramids.

    Attributes:
        images: how many are kept.
    """

    def __init__(self, images: int) -> None:
        self.images = images
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._weights = -1

    def look(self, encoder: VersaMammoModel, pixel_values: Tensor, see: See) -> Features:
        """Remember or see images [n, 1, H, W]; where a gradient is wanted, always see."""
        learns = any(parameter.requires_grad for parameter in encoder.parameters())
        if learns and torch.is_grad_enabled():
            return see(pixel_values)
        self._forget_if_changed(encoder)
        seen = [self._one(see, image) for image in pixel_values]
        pooled, patches, grids = zip(*seen, strict=True)
        return Features(torch.cat(pooled), torch.cat(patches), grids[0], ())

    def _one(self, see: See, image: Tensor) -> Seen:
        key = _name(image)
        found = self._seen.pop(key, None)
        if found is None:
            # a tensor made in inference mode could not be learned from later
            with torch.inference_mode(False), torch.no_grad():
                features = see(image.clone().unsqueeze(0))
                found = (features.pooled.clone(), features.patches.clone(), features.grid)
        self._seen[key] = found  # the last to be forgotten
        while len(self._seen) > self.images:
            self._seen.popitem(last=False)
        return found

    def _forget_if_changed(self, encoder: VersaMammoModel) -> None:
        weights = _changes((*encoder.parameters(), *encoder.buffers()))
        if weights != self._weights:
            self._seen.clear()
            self._weights = weights


def _changes(tensors: Iterable[Tensor]) -> int:
    """Return what changes when weights are written to or moved."""
    return hash(tuple((tensor.data_ptr(), tensor._version) for tensor in tensors))


def _name(image: Tensor) -> str:
    plain = image.detach().cpu().contiguous()
    content = plain.view(-1).view(torch.uint8).numpy().tobytes()
    place = f"{image.device} {image.dtype} {list(image.shape)}"
    return f"{place} {hashlib.blake2b(content, digest_size=16).hexdigest()}"
