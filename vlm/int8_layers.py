"""Language models with 8-bit weights, for answers on a CPU: a quarter of the memory to read.

Each output channel has a scale of its own; activations keep their floating point. One word at a
time is multiplied by the 8-bit weights as they are, which is what writing an answer consists of;
many words at once by the weights made wide for the moment.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from versamammo.errors import InputError
from vlm.adapter import HasAdapter, fold_adapter_in

FEW = 8  # rows up to which multiplying by 8-bit weights directly is faster


class Int8Linear(nn.Module):
    """A linear layer with 8-bit weights, for inference only.

    Attributes:
        weight: int8 [out, in].
        scale: bfloat16 [out].
        bias: [out], or None.
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        wide = linear.weight.detach().float()
        # rounded before it is used, so that rounding it costs nothing
        scale = (wide.abs().amax(1) / 127).clamp(min=1e-12).to(torch.bfloat16)
        weight = (wide / scale.float()[:, None]).round().clamp(-127, 127).to(torch.int8)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())

    def forward(self, x: Tensor) -> Tensor:
        """Return x [..., in] times the weights, [..., out] in float32."""
        rows = x.reshape(-1, x.shape[-1])
        if len(rows) <= FEW:
            narrow = rows.to(torch.bfloat16)
            out = torch._weight_int8pack_mm(narrow, self.weight, self.scale).float()
        else:
            out = F.linear(rows.float(), self.weight.float()) * self.scale.float()
        out = out if self.bias is None else out + self.bias
        return out.reshape(*x.shape[:-1], -1)


def to_int8(model: HasAdapter) -> None:
    """Fold the adapter in and give the language model 8-bit weights, in place.

    Raises:
        InputError: the model lies on a GPU, where bfloat16 is the way to save memory.
    """
    whole = cast(Any, model)
    if whole.lm_head.weight.device.type != "cpu":
        message = "int8 is for CPUs; on a GPU use bfloat16"
        raise InputError(message, field="dtype", reason="bad-option")
    fold_adapter_in(model)
    language: nn.Module = model.model.language_model
    for name, part in list(language.named_modules()):
        if isinstance(part, nn.Linear):
            parent, _, own = name.rpartition(".")
            setattr(language.get_submodule(parent), own, Int8Linear(part))
    whole.lm_head = Int8Linear(whole.lm_head)
