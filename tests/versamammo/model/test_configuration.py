from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoConfig

from versamammo.errors import InputError
from versamammo.input.preprocess import InputContract
from versamammo.model.configuration import Training, VersaMammoConfig


def test_a_config_comes_back_from_its_folder(tmp_path: Path) -> None:
    made = Training("abc", "accelerate launch", {"torch": "2"}, ("averaged",))
    config = VersaMammoConfig(
        backbone="vit_tiny_patch16_224",
        backbone_args={"img_size": [64, 48]},
        pyramid_blocks=[2, 5],
        contract=InputContract(size=(64, 48)).to_dict(),
        training=made.to_dict(),
        heads={"density": {"classes": ["A", "B", "C", "D"]}},
    )
    config.save_pretrained(tmp_path)
    again = AutoConfig.from_pretrained(tmp_path)
    assert isinstance(again, VersaMammoConfig)
    assert again.to_diff_dict() == config.to_diff_dict()
    assert again.input_contract == InputContract(size=(64, 48))


def test_two_configs_share_no_defaults() -> None:
    VersaMammoConfig().backbone_args["img_size"] = 64
    assert VersaMammoConfig().backbone_args == {}


def test_a_contract_with_an_unknown_key_is_refused() -> None:
    contract = InputContract().to_dict() | {"maen": 0.5}
    with pytest.raises(InputError, match="maen"):
        VersaMammoConfig(contract=contract)


def test_a_training_record_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(InputError, match="comand"):
        VersaMammoConfig(training={"comand": "make"})


def test_a_config_cannot_point_to_another_weight_file() -> None:
    with pytest.raises(InputError, match=r"adapter_model\.bin") as refused:
        VersaMammoConfig(transformers_weights="adapter_model.bin")
    assert refused.value.field == "transformers_weights"
