"""What a training step needs of the model: the loss of packed rows, and the part that learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vlm.labelled_tokens import IGNORED
from vlm.model import VersaMammoForImageTextToText
from vlm.packing import PackedBatch, attention_masks
from vlm.training_config import PhaseName


class Learner(nn.Module):
    """The model as one phase of training sees it.

    Its state is what the phase changes, so that a checkpoint never holds the frozen language
    model.

    Attributes:
        vlm: the whole model.
    """

    def __init__(
        self, vlm: VersaMammoForImageTextToText, phase: PhaseName, teaches_encoder: bool
    ) -> None:
        super().__init__()
        self.vlm = vlm
        tuning = phase == "adapter"
        vlm.train_only(
            projector=phase != "words", adapter=tuning, encoder=tuning and teaches_encoder
        )
        if phase == "words":
            vlm.model.language_model.requires_grad_(True)
            vlm.lm_head.requires_grad_(True)
        for parameter in vlm.parameters():
            if parameter.requires_grad:
                # small steps would be lost in half precision
                parameter.data = parameter.data.float()
        self.train()

    def forward(self, batch: PackedBatch) -> Tensor:
        """Sum the cross entropy over all answer words."""
        precision = self._precision(batch.samples.device)
        hidden = self.vlm.model(
            input_ids=batch.input_ids,
            pixel_values=batch.pixel_values,
            attention_mask=attention_masks(batch.samples, self.vlm.config.text_config, precision),
            position_ids=batch.position_ids,
            use_cache=False,
        ).last_hidden_state
        learned = batch.labels[:, 1:] != IGNORED
        # logits for answer words alone: a large vocabulary over whole rows would fill the memory
        logits = self.vlm.lm_head(hidden[:, :-1][learned])
        return F.cross_entropy(logits.float(), batch.labels[:, 1:][learned], reduction="sum")

    def _precision(self, device: torch.device) -> torch.dtype:
        if torch.is_autocast_enabled(device.type):
            return torch.get_autocast_dtype(device.type)
        weight: Tensor = self.vlm.lm_head.weight
        return weight.dtype

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Sort what learns by part: projector, adapter, encoder or language."""
        parts: dict[str, list[nn.Parameter]] = {}
        for name, parameter in self.vlm.named_parameters():
            if parameter.requires_grad:
                parts.setdefault(_part_of(name), []).append(parameter)
        return parts

    def state_dict(self, *_: Any, **__: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return what this phase changes."""
        learned: dict[str, Any] = {n: p for n, p in self.named_parameters() if p.requires_grad}
        if any("vision_tower" in name for name in learned):
            learned |= {n: b for n, b in self.named_buffers() if "vision_tower" in n}
        return learned

    def load_state_dict(self, state_dict: Mapping[str, Any], *_: Any, **__: Any) -> None:
        """Take what `state_dict` gave, all of it."""
        own = self.state_dict()
        if own.keys() != state_dict.keys():
            raise KeyError(f"tensors differ: {sorted(own.keys() ^ state_dict.keys())[:4]}")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(state_dict[name])


def _part_of(name: str) -> str:
    if "lora_" in name:
        return "adapter"
    if ".projector." in name:
        return "projector"
    return "encoder" if ".vision_tower." in name else "language"
