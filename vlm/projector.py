"""From an encoder's patches to visual tokens that a language model reads among its words.

Mammograms are tall, so every way of saving tokens takes rectangular grids. Each visual token is
also told where it lies: an average, a shuffle and a CNN's features know little of that, and
questions about places need it. Tokens of the image as a whole may lead them: an encoder is taught
labels on its pooled vector, where they can be read off directly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from versamammo.errors import InputError
from versamammo.model.features import Features

WAVES = 4  # sines and cosines per direction: periods of 2, 1, 1/2 and 1/4 of the image
KINDS = ("shuffle", "pool", "resampler")


@dataclass(frozen=True)
class ProjectorSettings:
    """How many visual tokens an image becomes, and how.

    Attributes:
        kind: "shuffle" lays neighbouring patches side by side, so that a calcification smaller
            than a patch survives; "pool" averages to a budget; "resampler" asks with learned
            queries (Flamingo, arXiv 2204.14198).
        shrink: (rows, columns) of patches per token, for "shuffle"; (1, 1) keeps every patch.
        tokens: the most tokens per image for "pool", their exact number for "resampler".
        heads: of the resampler's attention.
        whole: tokens made of the pooled vector, before those of the patches.
        evidence: whether they also see what the encoder's heads say (`vlm.head_features`).
    """

    kind: str = "shuffle"
    shrink: tuple[int, int] = (2, 2)
    tokens: int = 64
    heads: int = 4
    whole: int = 0
    evidence: bool = False

    def __post_init__(self) -> None:
        numbers = (*self.shrink, self.tokens, self.heads)
        known = self.kind in KINDS and len(self.shrink) == 2
        if self.evidence and self.kind == "resampler":
            message = "a resampler does not see evidence; shuffle or pool do"
            raise InputError(message, field="projector.evidence", reason="bad-config")
        if not known or any(n < 1 for n in numbers) or self.whole < 0:
            message = f"{self} makes no sense; kinds are {', '.join(KINDS)}, numbers positive"
            raise InputError(message, field="projector", reason="bad-config")

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, strings and numbers, as they lie in config.json."""
        return asdict(self) | {"shrink": list(self.shrink)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> ProjectorSettings:
        """Read what `to_dict` wrote.

        Raises:
            InputError: a key is missing or unknown, or a value makes no sense.
        """
        names = {field.name for field in fields(cls)}
        if set(record) != names:
            message = f"expected the keys {sorted(names)}, got {sorted(record)}"
            raise InputError(message, field="projector", reason="bad-config")
        return cls(**{**record, "shrink": tuple(record["shrink"])})

    def token_grid(self, grid: tuple[int, int]) -> tuple[int, int]:
        """Return (rows, columns) of the patches' visual tokens for a patch grid (h, w)."""
        h, w = grid
        if self.kind == "shuffle":
            return -(-h // self.shrink[0]), -(-w // self.shrink[1])
        if self.kind == "resampler":
            return self.tokens, 1
        rows = max(1, min(h, int(math.sqrt(self.tokens * h / w))))
        columns = max(1, min(w, self.tokens // rows))
        # a grid narrower than its share leaves tokens over; rows take them
        return max(1, min(h, self.tokens // columns)), columns

    def tokens_for(self, size: tuple[int, int], stride: int) -> int:
        """Count the visual tokens of an image of (H, W) pixels, padded to the encoder's stride."""
        rows, columns = self.token_grid((-(-size[0] // stride), -(-size[1] // stride)))
        return self.whole + rows * columns


class Projector(nn.Module):
    """Turns `Features` into visual tokens [B, M, D_llm].

    Patches and the pooled vector are normed over the encoder's width; what stands behind it, the
    evidence, is taken as it is.
    """

    def __init__(
        self,
        settings: ProjectorSettings,
        width: int,
        llm_width: int,
        evidence: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__()
        self.settings = settings
        self.width = width
        beside = math.prod(settings.shrink) if settings.kind == "shuffle" else 1
        self.norm = nn.LayerNorm(width)
        self.resampler = (
            Resampler(width, settings.tokens, settings.heads)
            if settings.kind == "resampler"
            else None
        )
        self.into = nn.Linear((width + evidence[0]) * beside, llm_width)
        self.place = nn.Linear(4 * WAVES, llm_width, bias=False)
        self.whole_norm, self.whole = None, None
        if settings.whole:
            self.whole_norm = nn.LayerNorm(width)
            self.whole = nn.Linear(width + evidence[1], settings.whole * llm_width)
        self.out = nn.Linear(llm_width, llm_width)

    def forward(self, features: Features) -> Tensor:
        """Turn features into visual tokens [B, M, D_llm]: of the whole, then row by row."""
        patches = self._normed(self.norm, features.patches)
        grid = self.settings.token_grid(features.grid)
        if self.resampler is not None:
            hidden = self.into(self.resampler(patches, features.grid))
        else:
            gathered = self._gather(patches, features.grid, grid)
            hidden = self.into(gathered) + self.place(places(grid).to(patches))
        if self.settings.whole:
            hidden = torch.cat([self._hidden_whole(features.pooled), hidden], dim=1)
        tokens: Tensor = self.out(F.gelu(hidden))  # [B, M, D_llm]
        return tokens

    def of_whole(self, pooled: Tensor) -> Tensor:
        """Turn pooled vectors [B, D] into the tokens of the whole alone, [B, whole, D_llm]."""
        tokens: Tensor = self.out(F.gelu(self._hidden_whole(pooled)))
        return tokens

    def whole_parameters(self) -> list[nn.Parameter]:
        """Return the weights that the tokens of the whole depend on."""
        parts = [self.whole_norm, self.whole, self.out] if self.settings.whole else []
        return [one for part in parts if part is not None for one in part.parameters()]

    def _hidden_whole(self, pooled: Tensor) -> Tensor:
        assert self.whole is not None, "there are tokens of the whole"
        assert self.whole_norm is not None, "they come together"
        found = self.whole(self._normed(self.whole_norm, pooled))
        tokens: Tensor = found.unflatten(1, (self.settings.whole, -1))
        return tokens

    def _normed(self, norm: nn.Module, features: Tensor) -> Tensor:
        seen, said = features[..., : self.width], features[..., self.width :]
        return torch.cat([norm(seen), said], dim=-1)

    def _gather(self, patches: Tensor, grid: tuple[int, int], tokens: tuple[int, int]) -> Tensor:
        image = patches.transpose(1, 2).unflatten(2, grid)  # [B, D, h, w]
        if self.settings.kind == "pool":
            return F.adaptive_avg_pool2d(image, tokens).flatten(2).transpose(1, 2)
        rows, columns = self.settings.shrink
        image = F.pad(image, (0, -grid[1] % columns, 0, -grid[0] % rows))
        # [B, D * rows * columns, M], M row by row
        return F.unfold(image, (rows, columns), stride=(rows, columns)).transpose(1, 2)


class Resampler(nn.Module):
    """Learned queries that look at all patches: always the same number of tokens."""

    def __init__(self, width: int, tokens: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            message = f"{heads} heads do not divide the encoder's width {width}"
            raise InputError(message, field="projector.heads", reason="bad-config")
        self.queries = nn.Parameter(torch.randn(tokens, width) * width**-0.5)
        self.place = nn.Linear(4 * WAVES, width, bias=False)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, patches: Tensor, grid: tuple[int, int]) -> Tensor:
        """Ask patches [B, N, D] for tokens [B, M, D]."""
        keys = patches + self.place(places(grid).to(patches))
        queries = self.queries.expand(len(patches), -1, -1)
        answer, _ = self.attention(queries, keys, patches, need_weights=False)
        asked: Tensor = queries + answer
        return asked


def places(grid: tuple[int, int]) -> Tensor:
    """Return where the cells of a grid (h, w) lie, as waves over 0..1, [h * w, 4 * WAVES]."""
    h, w = grid
    y = (torch.arange(h) + 0.5) / h
    x = (torch.arange(w) + 0.5) / w
    yx = torch.cartesian_prod(y, x) if h * w > 1 else torch.stack([y, x], dim=1)  # [N, 2]
    angles = yx.unsqueeze(-1) * math.pi * 2.0 ** torch.arange(WAVES)  # [N, 2, WAVES]
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(1)
