"""The recipes for whole archives agree with each other, and fit the machine they are for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pretrain.settings.stage2_config import Stage2
from versamammo.config import load
from vlm.feeding import PREFETCHED
from vlm.training_config import VlmTraining

CONFIGS = Path(__file__).parents[2] / "configs"
FULL = ("qwen3_0.6b.yaml", "smollm2_135m.yaml")
STRIDE = 32
ALL = sorted(file.name for file in (CONFIGS / "vlm").glob("*.yaml"))


def vlm(name: str, *options: str) -> VlmTraining:
    return load(VlmTraining, ["--config", str(CONFIGS / "vlm" / name), *options])


def size() -> tuple[int, int]:
    student: Any = load(Stage2, ["--config", str(CONFIGS / "pretrain/stage2_b5.yaml")])
    found: tuple[int, int] = student.views.size
    return found


def test_full_recipes_show_a_picture_by_as_many_tokens() -> None:
    assert size() == (1024, 768)
    counts = {name: vlm(name).projector.tokens_for(size(), STRIDE) for name in FULL}
    assert set(counts.values()) == {56}


@pytest.mark.parametrize("name", FULL)
def test_full_recipes_show_evidence_where_there_is_an_encoder(name: str) -> None:
    assert vlm(name, "--encoder", "folder").shown_projector.evidence
    assert not vlm(name).shown_projector.evidence  # one from nothing has no heads


@pytest.mark.parametrize("name", FULL)
def test_four_views_and_four_prior_ones_leave_half_a_conversation_to_words(name: str) -> None:
    config = vlm(name)
    assert 8 * config.projector.tokens_for(size(), STRIDE) <= config.max_length / 2


@pytest.mark.parametrize("name", ALL)
def test_what_is_kept_fits_24_gigabytes(name: str) -> None:
    config = vlm(name)
    each = config.optim.batch_size // config.optim.gradient_accumulation_steps
    pictures = 2.5 * each  # two lessons in three show one picture
    ways = max(1, config.workers * PREFETCHED) + 2 * config.optim.gradient_accumulation_steps
    on_way = ways * pictures * 4 * 1024 * 768 / 1e9
    assert config.features_gb <= 4
    assert 2 * config.pictures_gb + on_way < 12
