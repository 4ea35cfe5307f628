"""A vision-language model small enough to train in a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from versamammo.input.preprocess import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from vlm.adapter import LoraSettings, add_adapter, fold_adapter_in
from vlm.assembly import assemble, load, save
from vlm.language import TinyLanguage, tiny_language
from vlm.model import VersaMammoForImageTextToText
from vlm.processor import VersaMammoVlmProcessor
from vlm.prompts import PromptImage, Question

SIZE = (64, 48)
TEXTS = ("Is there a mass? Yes, there is a mass.", "Which side? Left breast. Right breast.") * 4
Vlm = tuple[VersaMammoForImageTextToText, VersaMammoVlmProcessor]
CLOSE = {"rtol": 0.0, "atol": 1e-5}


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def encoder(backbone: str = "vit_tiny_patch16_224", seed: int = 0) -> VersaMammoModel:
    """Build a tiny encoder; CNNs bring batch-norm statistics."""
    torch.manual_seed(seed)
    shape = {"depth": 2, "embed_dim": 32, "num_heads": 2, "img_size": list(SIZE)}
    config = VersaMammoConfig(
        backbone=backbone,
        backbone_args=shape if backbone.startswith("vit") else {},
        contract=InputContract(size=SIZE).to_dict(),
    )
    return VersaMammoModel(config)


def tiny(backbone: str = "vit_tiny_patch16_224", seed: int = 0) -> Vlm:
    """Build a whole tiny model."""
    language = tiny_language(TEXTS, TinyLanguage(vocabulary=320, width=48, depth=2, heads=2))
    return assemble(encoder(backbone, seed), language)


def picture(seed: int, size: tuple[int, int] = SIZE) -> PromptImage:
    """Make pixels that nobody took for a breast."""
    return PromptImage(torch.randn(1, *size, generator=torch.Generator().manual_seed(seed)))


def train(model: VersaMammoForImageTextToText, batch: dict[str, torch.Tensor], steps: int) -> None:
    """Take a few steps with everything that may be trained."""
    model.train()
    due = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(due, lr=3e-3)
    for _ in range(steps):
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


QUESTIONS = (
    Question("Is there a mass?", (picture(1),)),
    Question("Is there a mass in any of these views?", (picture(2), picture(3))),
)


class Small:
    """What tests build with."""

    size = SIZE
    questions = QUESTIONS
    encoder = staticmethod(encoder)
    vlm = staticmethod(tiny)
    picture = staticmethod(picture)
    train = staticmethod(train)


@pytest.fixture(scope="session")
def small() -> type[Small]:
    return Small


@pytest.fixture(scope="session")
def untrained() -> Vlm:
    """A model that no test changes."""
    return tiny()


@pytest.fixture(scope="session")
def trained() -> Vlm:
    """A model whose projector and adapter have been trained a little; leave it as it is."""
    model, processor = tiny()
    add_adapter(model, LoraSettings(rank=4))
    model.train_only(projector=True, adapter=True)
    torch.manual_seed(0)
    train(model, dict(processor.encode(QUESTIONS, ["Yes, a mass.", "No."])), 12)
    return model, processor


def batch_of(small: Any, processor: Any) -> dict[str, torch.Tensor]:
    return dict(processor.encode(small.questions))


@torch.no_grad()
def logits(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    found: torch.Tensor = model(**batch).logits
    return found


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, trained: Vlm) -> Path:
    """The trained model as it is saved, with its adapter and with it folded in, and a batch."""
    root = tmp_path_factory.mktemp("vlm")
    model, processor = trained
    save(model, processor, root / "adapted")
    merged, _ = load(root / "adapted")
    fold_adapter_in(merged)
    save(merged, processor, root / "folded")
    save_file(batch_of(Small, processor), root / "batch.safetensors")
    return root
