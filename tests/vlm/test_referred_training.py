"""Training beside a language model that is referred to, and the recipe that is the default."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.vlm import tiny_package
from tests.vlm.archives import write_archive
from tests.vlm.tiny_training import tiny_training
from versamammo.config import load as load_settings
from vlm import training_config
from vlm.adapter import has_adapter
from vlm.assembly import load
from vlm.language_package import BUNDLED, is_installed
from vlm.train import train
from vlm.training_config import VlmTraining, with_default_recipe


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("referred") / "prepared", patients=3)


def trained(folder: Path, archive: Path, package: str) -> Path:
    """Take one step with the projector and two with the adapter."""
    options = {"max_length": "500"}
    options |= {"optim__max_steps__projector": "1", "optim__max_steps__adapter": "2"}
    train(tiny_training(folder, archive, language=f"package:{package}", **options))
    return folder / "run" / "model"


def opens_with_what_it_learned(folder: Path) -> None:
    held = load_file(folder / "model.safetensors")
    assert not [name for name in held if name.startswith(("model.language_model", "lm_head"))]
    model, _ = load(folder)
    assert has_adapter(model)
    learned = [p for name, p in model.named_parameters() if "lora_B" in name]
    assert any(torch.count_nonzero(one) for one in learned)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an installed package that carries a tiny language model."""
    tiny_package.write_package(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("VERSAMAMMO_CACHE", str(tmp_path / "cache"))
    return tiny_package.NAME


def test_a_referred_language_model_trains_and_opens_again(
    archive: Path, tmp_path: Path, package: str
) -> None:
    opens_with_what_it_learned(trained(tmp_path / "run", archive, package))


def test_training_goes_on_from_a_finished_model(
    archive: Path, tmp_path: Path, package: str
) -> None:
    first = trained(tmp_path / "first", archive, package)
    parts = ("projector", "projector_later", "adapter", "encoder")
    # no rate to learn by: what was begun with is what comes out
    still = {f"optim__learning_rate__{part}": "0" for part in parts}
    second = train(
        tiny_training(
            tmp_path / "second", archive, language=f"package:{package}", max_length="500",
            start=str(first), **still,
        )
    )  # fmt: skip
    file = "adapter/adapter_model.safetensors"
    before, after = load_file(first / file), load_file(second / file)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.slow
@pytest.mark.skipif(not is_installed(), reason=f"{BUNDLED} is not installed; `make setup` does")
def test_smollm2_trains_and_opens_again(archive: Path, tmp_path: Path) -> None:
    opens_with_what_it_learned(trained(tmp_path, archive, BUNDLED))


def test_the_default_recipe_is_smollm2_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training_config, "is_installed", lambda: True)
    given = with_default_recipe(["--optim.batch_size", "4"])
    settings = load_settings(VlmTraining, given)
    assert settings.language == f"package:{BUNDLED}"
    assert settings.lora.rank == 16
    assert settings.optim.batch_size == 4
    assert settings.phases() == ("projector", "adapter")
    assert with_default_recipe(["--config=other.yaml"]) == ["--config=other.yaml"]
    monkeypatch.setattr(training_config, "is_installed", lambda: False)
    assert with_default_recipe(["--optim.batch_size", "4"]) == ["--optim.batch_size", "4"]
