"""What a frozen encoder saw is kept, is what it would see again, and is dropped when it changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from vlm.feature_memory import FeatureMemory
from vlm.generation import answer


class Counted:
    """An encoder that counts its looks."""

    def __init__(self, encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.encoder = encoder
        self.images = 0
        encode = encoder.encode

        def counted(batch: Tensor) -> Any:
            self.images += len(batch)
            return encode(batch)

        monkeypatch.setattr(encoder, "encode", counted)

    def look(self, memory: FeatureMemory, images: Tensor) -> Any:
        return memory.look(self.encoder, images, self.encoder.encode)


@pytest.fixture
def counted(small: Any, monkeypatch: pytest.MonkeyPatch) -> Counted:
    encoder = small.encoder()
    encoder.requires_grad_(False)
    encoder.eval()
    return Counted(encoder, monkeypatch)


def batch(small: Any, *seeds: int) -> Tensor:
    return torch.stack([small.picture(seed).pixels for seed in seeds])


def test_an_image_is_looked_at_once_whatever_its_company(counted: Counted, small: Any) -> None:
    memory = FeatureMemory(8)
    first = counted.look(memory, batch(small, 1, 2))
    again = counted.look(memory, batch(small, 2, 3, 1))
    assert counted.images == 3
    assert torch.equal(again.patches[2], first.patches[0])
    assert torch.equal(again.pooled[0], first.pooled[1])
    whole = counted.encoder.encode(batch(small, 2, 3, 1))
    torch.testing.assert_close(again.patches, whole.patches, rtol=0, atol=1e-5)
    assert again.grid == whole.grid


def test_the_oldest_is_forgotten_first(counted: Counted, small: Any) -> None:
    memory = FeatureMemory(2)
    for seed in (1, 2, 1, 3):  # 2 goes, since 1 was seen again
        counted.look(memory, batch(small, seed))
    assert counted.images == 3
    counted.look(memory, batch(small, 1, 3))
    assert counted.images == 3
    counted.look(memory, batch(small, 2))
    assert counted.images == 4


def test_changed_weights_are_looked_with_anew(counted: Counted, small: Any) -> None:
    memory = FeatureMemory(8)
    before = counted.look(memory, batch(small, 1))
    with torch.no_grad():
        for parameter in counted.encoder.parameters():
            parameter.add_(0.1)
    after = counted.look(memory, batch(small, 1))
    assert counted.images == 2
    assert not torch.equal(before.pooled, after.pooled)


def test_an_encoder_that_learns_gets_its_gradient(counted: Counted, small: Any) -> None:
    counted.encoder.requires_grad_(True)
    memory = FeatureMemory(8)
    for _ in range(2):
        counted.look(memory, batch(small, 1)).patches.square().sum().backward()
    assert counted.images == 2
    assert any(p.grad is not None and p.grad.any() for p in counted.encoder.parameters())


def test_a_model_as_loaded_looks_once_while_answering(
    trained: Any, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, processor = trained
    counted = Counted(model.model.vision_tower, monkeypatch)
    model.model.vision_tower.requires_grad_(True)  # as from_pretrained leaves it
    monkeypatch.setattr(model.model, "memory", FeatureMemory(4))
    first = answer(model, processor, small.questions[:1], most_words=4)
    assert answer(model, processor, small.questions[:1], most_words=4) == first
    assert counted.images == 1


def test_what_was_seen_while_answering_can_be_learned_from(counted: Counted, small: Any) -> None:
    memory = FeatureMemory(8)
    with torch.inference_mode():
        counted.look(memory, batch(small, 1))
    weight = torch.nn.Parameter(torch.ones(()))
    (weight * counted.look(memory, batch(small, 1)).patches).sum().backward()
    assert counted.images == 1
    assert weight.grad is not None
