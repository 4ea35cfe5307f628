"""The three training recipes share one set of keys, and refuse those of earlier versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pretrain.export import export
from pretrain.settings.stage1_config import Stage1
from pretrain.settings.stage2_config import Stage2
from versamammo.config import RENAMED, dump, load, plain
from versamammo.errors import InputError
from versamammo.training.checkpoints import CONFIG, MODEL
from vlm.training_config import VlmTraining

RECIPES = (Stage1, Stage2, VlmTraining)
SHARED = {
    "max_steps", "batch_size", "gradient_accumulation_steps", "warmup_steps", "max_grad_norm",
}  # fmt: skip
OLD = {
    Stage1: ["optim.steps", "optim.batch", "optim.parts", "optim.clip", "run.keep"],
    Stage2: [
        *("learning.steps", "learning.batch", "learning.parts", "learning.clip", "run.keep"),
        *("learning.base_learning_rate", "learning.warmup_steps", "learning.patience"),
    ],
    VlmTraining: [
        *("batch", "parts", "clip", "longest", "tiny.longest", "run.keep"),
        *("lengths.words", "lengths.projector", "lengths.adapter", "lengths.rise"),
        *("rates.words", "rates.projector_later", "rates.encoder", "remember"),
    ],
}
CASES = [(recipe, key) for recipe, keys in OLD.items() for key in keys]


def value_of(recipe: type[Any], key: str) -> Any:
    tree = plain(recipe())
    for name in key.split("."):
        tree = tree[name]
    return tree


def new_name(recipe: type[Any], key: str) -> str:
    with pytest.raises(InputError) as caught:
        load(recipe, [f"--{key}", "1"])
    assert caught.value.reason == "renamed-key"
    old, _, new = str(caught.value).partition(" is now ")
    assert old == key
    return new


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_recipes_call_the_same_thing_by_the_same_key(recipe: type[Any]) -> None:
    assert plain(recipe())["optim"].keys() >= SHARED
    assert "save_total_limit" in plain(recipe())["run"]


@pytest.mark.parametrize(("recipe", "key"), CASES)
def test_every_old_key_leads_to_a_key_that_there_is(recipe: type[Any], key: str) -> None:
    assert value_of(recipe, new_name(recipe, key)) is not None


def test_no_key_of_today_is_called_renamed() -> None:
    for recipe in RECIPES:
        for old in RENAMED:
            with pytest.raises(KeyError):
                value_of(recipe, old)


@pytest.mark.parametrize("recipe", RECIPES)
def test_settings_as_they_are_saved_today_are_read_back(recipe: type[Any], tmp_path: Path) -> None:
    file = tmp_path / CONFIG
    file.write_text(dump(recipe()))

    assert load(recipe, ["--config", str(file)]) == recipe()


def test_a_teacher_of_an_earlier_version_is_not_exported_by_guessing(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run" / "checkpoints" / "step_00000002"
    checkpoint.mkdir(parents=True)
    (checkpoint / MODEL).touch()
    settings = plain(Stage1())
    settings["optim"]["clip"] = settings["optim"].pop("max_grad_norm")
    (checkpoint / CONFIG).write_text(yaml.safe_dump(settings))

    with pytest.raises(InputError, match=r"^config.yaml: optim.clip is now optim.max_grad_norm$"):
        export(checkpoint, tmp_path / "out")
