"""What an encoder sees of a task's images, for heads that answer for every place.

A frozen encoder looks at each image once per flip, and what it saw is kept in half precision, so
that a thousand steps of a head cost a thousand steps of a head. Channels are centred and scaled
by what the training images show; no head then has to fit itself to an encoder's units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from versamammo.model.encoder import FeatureMaps, VersaMammoModel

MEASURED = 32  # training images that the channels' scale is taken from
KEPT_BYTES = 2 * 1024**3  # of maps in memory; images beyond that are looked at again
LARGEST = 6e4  # half precision ends at 65504

Inputs = Callable[[int, bool], Tensor]  # (number, flipped) -> [1, H, W]


class Maps(nn.Module):
    """The encoder's maps [B, C, h, w] of numbered images, fine to coarse.

    Attributes:
        channels: C of each map.
        strides: pixels of the input per step of each map.
        tuned: whether gradients reach the encoder.
    """

    def __init__(
        self, encoder: VersaMammoModel, inputs: Inputs, tuned: bool, device: torch.device
    ) -> None:
        super().__init__()
        self.looking = FeatureMaps(encoder.to(device))  # type: ignore[arg-type]
        self.channels, self.strides = self.looking.channels, self.looking.strides
        self.tuned = tuned
        self.inputs = inputs
        self.device = device
        encoder.requires_grad_(tuned)
        self.train(False)
        self._kept: dict[tuple[int, bool], list[Tensor]] = {}
        self._left = KEPT_BYTES
        self.means = [torch.zeros(some, 1, 1, device=device) for some in self.channels]
        self.spreads = [torch.ones(some, 1, 1, device=device) for some in self.channels]

    def train(self, mode: bool = True) -> Maps:
        """Stay as in use: moments of batches as small as a head's would blur the batch norms'."""
        return super().train(False)

    @torch.no_grad()
    def measure(self, numbers: Sequence[int]) -> None:
        """Take each channel's mean and spread from some images."""
        seen = [self._look(number, False) for number in numbers[:MEASURED]]
        for place in range(len(self.channels)):
            values = torch.cat([maps[place].flatten(2) for maps in seen], dim=2)[0]  # [C, n]
            self.means[place] = values.mean(dim=1)[:, None, None]
            self.spreads[place] = values.std(dim=1).clamp_min(1e-6)[:, None, None]

    def forward(self, numbers: Sequence[int], flips: Sequence[bool], keep: bool) -> list[Tensor]:
        """Look at images by their numbers; `keep` remembers what a frozen encoder saw."""
        pairs = list(zip(numbers, flips, strict=True))
        if self.tuned:
            images = torch.stack([self.inputs(number, flip) for number, flip in pairs])
            return self._scaled(self.looking(images.to(self.device)))
        each = [self._seen(number, flip, keep) for number, flip in pairs]
        return [torch.cat(maps).float() for maps in zip(*each, strict=True)]

    @torch.no_grad()
    def _seen(self, number: int, flipped: bool, keep: bool) -> list[Tensor]:
        """Return the maps of one image in half precision, remembered or new."""
        key = (number, flipped)
        if key in self._kept:
            return self._kept[key]
        maps = self._scaled(self._look(number, flipped))
        small = [one.clamp(-LARGEST, LARGEST).half().contiguous() for one in maps]
        needed = sum(one.numel() * one.element_size() for one in small)
        if keep and needed <= self._left:
            self._left -= needed
            self._kept[key] = small
        return small

    def _look(self, number: int, flipped: bool) -> list[Tensor]:
        maps: list[Tensor] = self.looking(self.inputs(number, flipped)[None].to(self.device))
        return maps

    def _scaled(self, maps: Sequence[Tensor]) -> list[Tensor]:
        triples = zip(maps, self.means, self.spreads, strict=True)
        return [(one - mean) / spread for one, mean, spread in triples]
