"""What every encoder hands over: one vector per image, one per patch, and maps fine to coarse."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Features:
    """What a teacher or a student sees in a batch of images of one size.

    Patch (i, j) covers rows [i * s, (i + 1) * s) and columns [j * s, (j + 1) * s) of the input,
    with s the encoder's stride; the last row and column may reach past an image whose sides are
    no multiple of s.

    Attributes:
        pooled: [B, D], one vector per image.
        patches: [B, N, D] with N = h * w, row by row from the top left.
        grid: (h, w).
        pyramid: maps [B, C, h, w] from fine to coarse, for detection and segmentation; strides
            4, 8, 16 and 32 from a CNN, the patch grid of four depths from a ViT.
    """

    pooled: Tensor
    patches: Tensor
    grid: tuple[int, int]
    pyramid: tuple[Tensor, ...]

    def halves(self) -> tuple[Features, Features]:
        """Return what is seen in the first half of the batch, and in the second."""
        half = len(self.pooled) // 2
        return tuple(  # type: ignore[return-value]
            Features(
                self.pooled[part], self.patches[part], self.grid,
                tuple(one[part] for one in self.pyramid),
            )
            for part in (slice(half), slice(half, None))
        )  # fmt: skip

    def as_map(self) -> Tensor:
        """Lay the patches out as they lie in the image, [B, D, h, w]."""
        patches = self.patches
        return patches.transpose(1, 2).reshape(len(patches), patches.shape[-1], *self.grid)


@dataclass(frozen=True)
class Level:
    """One map of the pyramid.

    Attributes:
        channels: C.
        stride: pixels of the input per step of the map.
        index: where it is taken, a stage of a CNN or a block of a ViT, counted from 0.
    """

    channels: int
    stride: int
    index: int
