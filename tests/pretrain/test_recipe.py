from __future__ import annotations

from dataclasses import replace

import pytest

from pretrain.networks.vit import VitSettings
from pretrain.objectives.contrastive_mim import ContrastiveMim
from pretrain.objectives.dinov2 import SelfDistillation
from pretrain.settings.sizing import recommended_prototypes
from pretrain.settings.stage1_config import (
    Stage1,
    Stage1Optim,
    build_objective,
    check_together,
    fitted,
)
from versamammo.config import dump, load
from versamammo.errors import InputError

SHAPE = {"depth": 1, "embed_dim": 16, "num_heads": 2}


def test_the_archive_decides_how_many_prototypes_there_are() -> None:
    config = Stage1(optim=Stage1Optim(batch_size=64))

    assert fitted(config, 20_000).dinov2.prototypes == recommended_prototypes(20_000, 64)
    assert fitted(replace(config, sizing="given"), 20_000) == replace(config, sizing="given")
    assert fitted(fitted(config, 20_000), 500) == fitted(config, 20_000)


def test_both_objectives_can_be_built() -> None:
    config = Stage1(vit=VitSettings(image_size=(56, 42), shape=SHAPE))

    assert isinstance(build_objective(config), SelfDistillation)
    assert isinstance(build_objective(replace(config, objective="contrastive_mim")), ContrastiveMim)


def test_the_whole_recipe_survives_its_yaml(tmp_path_factory: pytest.TempPathFactory) -> None:
    config = fitted(Stage1(vit=VitSettings(shape=SHAPE)), 5000)
    file = tmp_path_factory.mktemp("config") / "config.yaml"
    file.write_text(dump(config))

    assert load(Stage1, ["--config", str(file)]) == config


def test_the_encoder_is_exported_with_the_views_brightness() -> None:
    config = Stage1()

    assert config.contract.mean == config.views.mean
    assert config.contract.size == config.whole_size


def test_probes_come_with_readings() -> None:
    with pytest.raises(ValueError, match="multiple of run"):
        Stage1(probes=replace(Stage1().probes, every=15))


def test_masks_need_whole_groups() -> None:
    with pytest.raises(InputError, match="handles 3 image"):
        check_together(Stage1(), 3)
