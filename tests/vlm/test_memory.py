"""What an encoder saw is kept by bytes, is what it would see, and is dropped if it changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from versamammo.data.bounded_cache import GIGABYTE
from versamammo.errors import InputError
from vlm.feature_memory import FeatureMemory
from vlm.generation import answer

HALF = 2**-10  # a step of half precision, relative


class Counted:
    """An encoder that counts its looks."""

    def __init__(self, encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.encoder = encoder
        self.images = self.calls = 0
        encode = encoder.encode

        def counted(batch: Tensor) -> Any:
            self.images += len(batch)
            self.calls += 1
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
    memory = FeatureMemory()
    first = counted.look(memory, batch(small, 1, 2))
    again = counted.look(memory, batch(small, 2, 3, 1))
    assert counted.images == 3
    assert counted.calls == 2  # the two of the first time together
    assert torch.equal(again.patches[2], first.patches[0])
    assert torch.equal(again.pooled[0], first.pooled[1])
    whole = counted.encoder.encode(batch(small, 2, 3, 1))
    torch.testing.assert_close(again.patches, whole.patches, rtol=HALF, atol=1e-5)
    torch.testing.assert_close(again.pooled, whole.pooled, rtol=HALF, atol=1e-5)
    assert (again.grid, again.patches.dtype) == (whole.grid, whole.patches.dtype)


@pytest.mark.parametrize("backbone", ["vit_tiny_patch16_224", "test_efficientnet"])
def test_company_changes_nothing_of_an_image(small: Any, backbone: str) -> None:
    encoder = small.encoder(backbone)
    encoder.requires_grad_(False)
    encoder.eval()
    images = batch(small, 1, 2, 3)
    together = FeatureMemory().look(encoder, images, encoder.encode)
    alone = [FeatureMemory().look(encoder, one[None], encoder.encode) for one in images]
    patches = torch.cat([one.patches for one in alone])
    torch.testing.assert_close(together.patches, patches, rtol=HALF, atol=1e-6)


def test_an_image_that_comes_twice_is_looked_at_once(counted: Counted, small: Any) -> None:
    found = counted.look(FeatureMemory(), batch(small, 1, 2, 1))
    assert counted.images == 2
    assert torch.equal(found.patches[0], found.patches[2])
    assert not torch.equal(found.patches[0], found.patches[1])


def test_without_memory_numbers_are_the_same(counted: Counted, small: Any) -> None:
    kept, forgot = FeatureMemory(), FeatureMemory(0)
    for memory in (kept, forgot):
        counted.look(memory, batch(small, 1))
    one, other = (counted.look(memory, batch(small, 1)) for memory in (kept, forgot))
    assert counted.images == 3
    assert torch.equal(one.patches, other.patches)
    assert (kept.taken > 0, forgot.taken) == (True, 0)


def test_features_take_half_the_bytes(counted: Counted, small: Any) -> None:
    memory = FeatureMemory()
    found = counted.look(memory, batch(small, 1, 2))
    assert memory.taken == (found.pooled.nbytes + found.patches.nbytes) // 2


def test_the_oldest_is_forgotten_first(counted: Counted, small: Any) -> None:
    one = FeatureMemory()
    counted.look(one, batch(small, 9))
    memory = FeatureMemory(2.5 * one.taken / GIGABYTE)
    counted.images = 0
    for seed in (1, 2, 1, 3):  # 2 goes, since 1 was seen again
        counted.look(memory, batch(small, seed))
    assert counted.images == 3
    counted.look(memory, batch(small, 1, 3))
    assert counted.images == 3
    counted.look(memory, batch(small, 2))
    assert counted.images == 4


def test_changed_weights_are_looked_with_anew(counted: Counted, small: Any) -> None:
    memory = FeatureMemory()
    before = counted.look(memory, batch(small, 1))
    with torch.no_grad():
        for parameter in counted.encoder.parameters():
            parameter.add_(0.1)
    after = counted.look(memory, batch(small, 1))
    assert counted.images == 2
    assert not torch.equal(before.pooled, after.pooled)


def test_an_encoder_that_learns_gets_its_gradient(counted: Counted, small: Any) -> None:
    counted.encoder.requires_grad_(True)
    memory = FeatureMemory()
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
    monkeypatch.setattr(model.model, "memory", FeatureMemory())
    first = answer(model, processor, small.questions[:1], most_words=4)
    assert answer(model, processor, small.questions[:1], most_words=4) == first
    assert counted.images == 1


def test_what_was_seen_while_answering_can_be_learned_from(counted: Counted, small: Any) -> None:
    memory = FeatureMemory()
    with torch.inference_mode():
        counted.look(memory, batch(small, 1))
    weight = torch.nn.Parameter(torch.ones(()))
    (weight * counted.look(memory, batch(small, 1)).patches).sum().backward()
    assert counted.images == 1
    assert weight.grad is not None


def test_what_a_model_says_is_close_with_half_precision(
    trained: Any, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, processor = trained
    batch = processor.encode(small.questions[:1])
    said = []
    for memory in (None, FeatureMemory()):
        monkeypatch.setattr(model.model, "memory", memory)
        with torch.no_grad():
            said.append(model(**batch).logits)
    torch.testing.assert_close(said[1], said[0], rtol=0, atol=0.01)
    assert not torch.equal(said[1], said[0])


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(InputError, match=r"features_gb: found -1; expected gigabytes"):
        FeatureMemory(-1)
