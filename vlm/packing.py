"""Several conversations in one row, whole and unable to see one another.

Rows are filled first-fit, longest first, so that little is padding. A sample is never cut: one
that is too long for a row is refused. Within a row a word sees earlier words of its own sample
only, and each sample counts its positions from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from versamammo.errors import InputError
from vlm.labelled_tokens import IGNORED, Example


@dataclass(frozen=True, eq=False)
class PackedBatch:
    """R rows of T words and visual tokens.

    Attributes:
        input_ids: [R, T].
        labels: [R, T], -100 where no answer stands.
        position_ids: [R, T], from 0 in every sample.
        samples: [R, T], which sample of the row a word belongs to, 1 and upwards; 0 is padding.
        pixel_values: [n, 1, H, W], in the order of their placeholders, row by row; None in words
            alone.
    """

    input_ids: Tensor
    labels: Tensor
    position_ids: Tensor
    samples: Tensor
    pixel_values: Tensor | None

    @property
    def answer_words(self) -> int:
        """How many words are learned."""
        return int((self.labels != IGNORED).sum())

    def to(self, device: torch.device) -> PackedBatch:
        """Move to a device."""
        pixels = self.pixel_values
        return PackedBatch(
            self.input_ids.to(device, non_blocking=True),
            self.labels.to(device, non_blocking=True),
            self.position_ids.to(device, non_blocking=True),
            self.samples.to(device, non_blocking=True),
            None if pixels is None else pixels.to(device, non_blocking=True),
        )


def fit(lengths: Sequence[int], longest: int) -> list[list[int]]:
    """Divide samples among rows of at most `longest` words, first-fit, the longest first.

    Raises:
        InputError: a sample is longer than a row; cutting it would cut an image or an answer.
    """
    rows: list[list[int]] = []
    left: list[int] = []
    for sample in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        length = lengths[sample]
        if length > longest:
            message = f"a conversation of {length} words and visual tokens; a row holds {longest}"
            raise InputError(message, field="longest", reason="too-long")
        row = next((r for r, room in enumerate(left) if room >= length), None)
        if row is None:
            rows.append([])
            left.append(longest)
            row = len(rows) - 1
        rows[row].append(sample)
        left[row] -= length
    return rows


def pack(examples: Sequence[Example], longest: int, filler: int) -> PackedBatch:
    """Lay examples out in rows; `filler` is the word that fills what is left.

    Raises:
        InputError: an example is longer than a row, or learns its very first word, which only
            the sample before it could predict.
    """
    rows = fit([len(example.input_ids) for example in examples], longest)
    width = max(sum(len(examples[i].input_ids) for i in row) for row in rows)
    shape = (len(rows), width)
    ids = torch.full(shape, filler)
    labels = torch.full(shape, IGNORED)
    positions, samples = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for r, row in enumerate(rows):
        at = 0
        for number, index in enumerate(row, start=1):
            example = examples[index]
            if example.labels[0] != IGNORED:
                message = "an example begins with its answer; it needs a question first"
                raise InputError(message, field="labels", reason="bad-example")
            here = slice(at, at + len(example.input_ids))
            ids[r, here] = torch.tensor(example.input_ids)
            labels[r, here] = torch.tensor(example.labels)
            positions[r, here] = torch.arange(len(example.input_ids))
            samples[r, here] = number
            at = here.stop
    pixels = [picture.pixels for row in rows for i in row for picture in examples[i].pictures]
    return PackedBatch(ids, labels, positions, samples, torch.stack(pixels) if pixels else None)


def attention_mask(
    samples: Tensor, dtype: torch.dtype = torch.float32, window: int | None = None
) -> Tensor:
    """Keep samples apart: [R, 1, T, T] to add to scores, 0 where a word may look, else lowest.

    Every language model of transformers takes a mask of four dimensions as it is, with SDPA and
    eager attention alike; an additive one means the same to both. Padding looks at padding, so
    that no row of the softmax is empty.

    Args:
        samples: [R, T], of a `PackedBatch`.
        dtype: of the mask.
        window: how many words a word sees, itself included; None is all before it.
    """
    same = samples.unsqueeze(2) == samples.unsqueeze(1)  # [R, T, T]
    seen = torch.ones_like(same[0]).tril()
    if window is not None:
        seen = seen.triu(1 - window)
    mask = torch.full(same.shape, torch.finfo(dtype).min, dtype=dtype, device=samples.device)
    return mask.masked_fill(same & seen, 0.0).unsqueeze(1)


def attention_masks(
    samples: Tensor, text_config: Any, dtype: torch.dtype = torch.float32
) -> Tensor | dict[str, Tensor]:
    """Return the masks [R, 1, T, T] of all layers, or those of each kind of layers by its name.

    A mask of four dimensions is taken as it is, so that layers which see a window of words, as in
    Gemma 3 and Mistral, need one that holds the window.
    """
    whole = attention_mask(samples, dtype)
    window = getattr(text_config, "sliding_window", None)
    kinds = set(getattr(text_config, "layer_types", None) or ("sliding_attention",))
    if window is None or "sliding_attention" not in kinds:
        return whole
    sliding = whole if window >= samples.shape[1] else attention_mask(samples, dtype, window)
    if len(kinds) == 1:
        return sliding
    return {"full_attention": whole, "sliding_attention": sliding}
