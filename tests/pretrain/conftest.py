"""A ViT small enough to run many times a second."""

from __future__ import annotations

import pytest

from tests.pretrain.tiny import TinyVit, build_tiny


@pytest.fixture
def tiny_vit() -> TinyVit:
    return build_tiny
