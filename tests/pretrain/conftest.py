"""A ViT small enough to run many times a second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.pretrain.tiny import TinyVit, build_tiny


@pytest.fixture
def tiny_vit() -> TinyVit:
    return build_tiny


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors of a few hundred numbers only lose time to threads that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
