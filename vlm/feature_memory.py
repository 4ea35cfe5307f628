"""What a frozen encoder saw, kept so that no image is looked at twice.

Training asks many questions about each image, and so does a conversation; the encoder's part of
the work need be done once. Images are known by their content. Those not seen before are looked at
together, which gives what looking at each alone gives; what is kept has half precision, and so has
what is handed out, new or remembered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from versamammo.data.bounded_cache import BoundedCache, bytes_of
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.features import Features

FEATURES_GB = 2.0
TOGETHER = 8  # images that are looked at in one go
LARGEST = 6e4  # half precision ends at 65504

See = Callable[[Tensor], Features]


@dataclass(frozen=True, eq=False)
class Seen:
    """The features of one image in half precision.

    Attributes:
        pooled: [1, D].
        patches: [1, N, D].
        grid: (h, w) of the patches.
        dtype: that the encoder gave.
    """

    pooled: Tensor
    patches: Tensor
    grid: tuple[int, int]
    dtype: torch.dtype

    @property
    def bytes(self) -> int:
        """The memory they take."""
        return self.pooled.nbytes + self.patches.nbytes


class FeatureMemory:
    """The features of the images that were looked at last, without their pyramids."""

    def __init__(self, gigabytes: float = FEATURES_GB) -> None:
        """Begin with nothing seen.

        Args:
            gigabytes: that features may take, where the encoder computes.

        Raises:
            InputError: they are negative.
        """
        limit = bytes_of(gigabytes, "features_gb")
        self._seen: BoundedCache[str, Seen] = BoundedCache(limit, lambda seen: seen.bytes)
        self._weights = -1

    def __len__(self) -> int:
        return len(self._seen)

    @property
    def taken(self) -> int:
        """Bytes that the features take."""
        return self._seen.taken

    def look(self, encoder: VersaMammoModel, pixel_values: Tensor, see: See) -> Features:
        """Remember or see images [n, 1, H, W]; where a gradient is wanted, always see."""
        learns = any(parameter.requires_grad for parameter in encoder.parameters())
        if learns and torch.is_grad_enabled():
            return see(pixel_values)
        self._forget_if_changed(encoder)
        names = [_name(image) for image in pixel_values]
        images = dict(zip(names, pixel_values, strict=True))
        found = {name: self._seen.get(name) for name in images}
        missing = [name for name, one in found.items() if one is None]
        for start in range(0, len(missing), TOGETHER):
            some = missing[start : start + TOGETHER]
            for name, seen in zip(some, _see([images[one] for one in some], see), strict=True):
                self._seen.keep(name, seen)
                found[name] = seen
        known = [one for name in names if (one := found[name]) is not None]
        pooled = torch.cat([one.pooled.to(one.dtype) for one in known])
        patches = torch.cat([one.patches.to(one.dtype) for one in known])
        return Features(pooled, patches, known[0].grid, ())

    def _forget_if_changed(self, encoder: VersaMammoModel) -> None:
        weights = _changes((*encoder.parameters(), *encoder.buffers()))
        if weights != self._weights:
            self._seen.clear()
            self._weights = weights


def _see(images: Sequence[Tensor], see: See) -> list[Seen]:
    # a tensor made in inference mode could not be learned from later
    with torch.inference_mode(False), torch.no_grad():
        features = see(torch.stack([image.clone() for image in images]))
        pooled, patches = _half(features.pooled), _half(features.patches)
    grid, dtype = features.grid, features.patches.dtype
    # copies, since a view would hold on to all the others
    return [
        Seen(pooled[n : n + 1].clone(), patches[n : n + 1].clone(), grid, dtype)
        for n in range(len(images))
    ]


def _half(features: Tensor) -> Tensor:
    return features.clamp(-LARGEST, LARGEST).half()


def _changes(tensors: Iterable[Tensor]) -> int:
    """Return what changes when weights are written to or moved."""
    return hash(tuple((tensor.data_ptr(), tensor._version) for tensor in tensors))


def _name(image: Tensor) -> str:
    plain = image.detach().cpu().contiguous()
    content = plain.view(-1).view(torch.uint8).numpy().tobytes()
    place = f"{image.device} {image.dtype} {list(image.shape)}"
    return f"{place} {hashlib.blake2b(content, digest_size=16).hexdigest()}"
