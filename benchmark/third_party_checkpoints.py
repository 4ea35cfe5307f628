"""Other groups' mammography checkpoints as encoders of ours, every key of them accounted for.

    python -m benchmark.third_party_checkpoints CHECKPOINT OUT

turns a checkpoint of Mammo-CLIP or MaMA into a folder that `versamammo bench run --encoder` takes;
models of timm and transformers need no turning. Nothing of these projects is copied or shipped:
their licences are their authors' (Mammo-CLIP: CC BY-NC-SA; MaMA: Apache, weights withdrawn).
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import torch
from torch import Tensor, nn

from versamammo.errors import InputError
from versamammo.files import whole_folder
from versamammo.input.contract import InputContract
from versamammo.model.configuration import Training, VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.weights import fill, read_tensors
from versamammo.training.stopping import run_command

Tensors = dict[str, Tensor]
# what surrounds the tensors in a checkpoint of a training loop
WRAPPERS = ("model", "state_dict")
BLOCKS = {  # what Mammo-CLIP's blocks call their layers -> timm, without and with expansion
    False: {
        "_depthwise_conv": "conv_dw", "_bn1": "bn1", "_se_reduce": "se.conv_reduce",
        "_se_expand": "se.conv_expand", "_project_conv": "conv_pw", "_bn2": "bn2",
    },
    True: {
        "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
        "_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand",
        "_project_conv": "conv_pwl", "_bn2": "bn3",
    },
}  # fmt: skip
ENDS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
STEM_WIDTHS = {40: "tf_efficientnet_b3", 32: "tf_efficientnet_b2", 48: "tf_efficientnet_b5"}


@dataclass(frozen=True)
class ThirdPartyProject:
    """A project whose checkpoints can be read.

    Attributes:
        prefix: of the image encoder's keys.
        dropped: patterns of the keys that an encoder does without.
        contract: how its authors prepared images, as far as an input of one channel can tell.
        build: turns the encoder's tensors, without prefix, into a network and timm's names.
    """

    prefix: str
    dropped: tuple[str, ...]
    contract: InputContract
    build: Callable[[Tensors], tuple[VersaMammoConfig, Tensors]]


def load_rival(checkpoint: Path, contract: InputContract | None = None) -> VersaMammoModel:
    """Load the image encoder of a checkpoint; what was done to it is in its training record.

    Args:
        checkpoint: safetensors, or a checkpoint of tensors that torch can read without a pickle.
        contract: how images are prepared; as its authors did by default.

    Raises:
        InputError: it is none of the known kinds, holds more than tensors, or a key is left over
            or missing.
    """
    tensors = tensors_in(checkpoint)
    name, rival = _known(tensors, checkpoint)
    own = {k.removeprefix(rival.prefix): v for k, v in tensors.items() if _is_own(k, rival)}
    left = sorted(tensors.keys() - {rival.prefix + key for key in own})
    stray = [key for key in left if not any(re.match(some, key) for some in rival.dropped)]
    if stray:
        message = f"{len(stray)} keys are neither used nor known to be droppable: {stray[:6]}"
        raise InputError(message, file=checkpoint, field="weights", reason="weights-do-not-fit")
    config, said = rival.build(own)
    config.contract = (contract or rival.contract).to_dict()
    model = VersaMammoModel(config)
    steps = [f"taken from a checkpoint of {name}", *_dropped(left), *_sum_channels(model, said)]
    fill(model.backbone, said, checkpoint)
    config.training = Training(steps=tuple(steps)).to_dict()
    model.eval()  # type: ignore[no-untyped-call]
    return model


def tensors_in(checkpoint: Path) -> Tensors:
    """Read the tensors of a checkpoint without running anything that is in it.

    Raises:
        InputError: there is no such file, or opening it would run code (`pickle`).
    """
    if checkpoint.suffix == ".safetensors" or checkpoint.is_dir():
        return read_tensors(checkpoint)
    try:
        whole = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except OSError as error:
        message = f"cannot be opened: {error.strerror or error}"
        raise InputError(message, file=checkpoint, reason="unreadable") from error
    except (UnpicklingError, RuntimeError, EOFError) as error:
        message = (
            "holds more than tensors, and to open that can run code; where you trust it, save its "
            "tensors alone: safetensors.torch.save_file(torch.load(FILE, weights_only=False)"
            '["model" or "state_dict"], "model.safetensors")'
        )
        raise InputError(message, file=checkpoint, reason="pickle") from error
    for wrapper in WRAPPERS:
        if isinstance(whole, dict) and isinstance(whole.get(wrapper), dict):
            whole = whole[wrapper]
    if not isinstance(whole, dict):
        raise InputError("holds no named tensors", file=checkpoint, reason="bad-weights")
    return {key: value for key, value in whole.items() if isinstance(value, Tensor)}


def mammo_clip(own: Tensors) -> tuple[VersaMammoConfig, Tensors]:
    """Return Mammo-CLIP's EfficientNet under timm's names; its padding is TensorFlow's."""
    width = own["_conv_stem.weight"].shape[0] if "_conv_stem.weight" in own else 0
    if width not in STEM_WIDTHS:
        message = f"a stem of {width} channels is none of {sorted(STEM_WIDTHS)}"
        raise InputError(message, field="weights", reason="unknown-backbone")
    backbone = STEM_WIDTHS[width]
    config = VersaMammoConfig(backbone=backbone)
    stages = [len(cast(Any, stage)) for stage in cast(Any, VersaMammoModel(config).backbone).blocks]
    return config, {_in_timm(key, stages, own): tensor for key, tensor in own.items()}


def mama(own: Tensors) -> tuple[VersaMammoConfig, Tensors]:
    """Return MaMA's DINOv2 ViT under timm's names, with or without registers."""
    said = {key: tensor for key, tensor in own.items() if key != "mask_token"}
    position, registers = said.get("pos_embed"), said.pop("register_tokens", None)
    if position is None or position.ndim != 3 or "cls_token" not in said:
        raise InputError("has no class token or positions", field="weights", reason="bad-weights")
    side = 14 * isqrt(position.shape[1] - 1)
    sizes = {384: "small", 768: "base", 1024: "large"}
    if position.shape[2] not in sizes:
        message = f"a width of {position.shape[2]} is none of {sorted(sizes)}"
        raise InputError(message, field="weights", reason="unknown-backbone")
    kind = "reg4_" if registers is not None else ""
    if registers is not None:
        # timm gives its prefix tokens no position then: the class token takes its own along
        said |= {"reg_token": registers, "cls_token": said["cls_token"] + position[:, :1]}
        said["pos_embed"] = position[:, 1:]
    name = f"vit_{sizes[position.shape[2]]}_patch14_{kind}dinov2"
    return VersaMammoConfig(backbone=name, backbone_args={"img_size": [side, side]}), said


RIVALS: Mapping[str, ThirdPartyProject] = {
    "Mammo-CLIP": ThirdPartyProject(
        "image_encoder.",
        (r"text_encoder\.", r"image_projection\.", r"text_projection\.", r"logit_scale$"),
        InputContract(size=(1520, 912), mean=0.3089279, std=0.25053555),
        mammo_clip,
    ),
    "MaMA": ThirdPartyProject(
        "img_encoder_q.model.",
        (
            r"img_encoder_q\.(global_embed|local_embed)\.", r"img_encoder_q\.model\.mask_token$",
            r"text_encoder_q\.", r"logit_scale$", r"local_scale$", r"simclr_", r"confmat\.",
        ),
        InputContract(size=(518, 518), mean=0.5, std=0.5),
        mama,
    ),
}  # fmt: skip


def _known(tensors: Tensors, checkpoint: Path) -> tuple[str, ThirdPartyProject]:
    for name, rival in RIVALS.items():
        if any(key.startswith(rival.prefix) for key in tensors):
            return name, rival
    prefixes = ", ".join(f"{rival.prefix}* ({name})" for name, rival in RIVALS.items())
    message = f"has no key like {prefixes}; models of timm and transformers are loaded as they are"
    raise InputError(message, file=checkpoint, field="weights", reason="unknown-backbone")


def _is_own(key: str, rival: ThirdPartyProject) -> bool:
    """Return whether a key is the encoder's and used."""
    return key.startswith(rival.prefix) and not any(re.match(some, key) for some in rival.dropped)


def _in_timm(key: str, stages: Sequence[int], own: Mapping[str, Tensor]) -> str:
    """Rename one key of an EfficientNet whose blocks are counted through all stages."""
    block = re.fullmatch(r"_blocks\.(\d+)\.(_\w+)\.(\w+)", key)
    if block is None:
        layer, _, kind = key.partition(".")
        return f"{ENDS[layer]}.{kind}" if layer in ENDS else key
    number, stage = int(block[1]), 0
    while stage < len(stages) and number >= stages[stage]:
        number, stage = number - stages[stage], stage + 1
    expands = f"_blocks.{block[1]}._expand_conv.weight" in own
    layer = BLOCKS[expands].get(block[2], block[2])
    return f"blocks.{stage}.{number}.{layer}.{block[3]}"


def _dropped(keys: Sequence[str]) -> list[str]:
    """Return what was left out, by its first words: a language model has hundreds of keys."""
    groups: dict[str, int] = {}
    for key in keys:
        name = ".".join(key.split(".")[:3]).removesuffix(".weight")
        groups[name] = groups.get(name, 0) + 1
    told = ", ".join(f"{name} ({count})" for name, count in groups.items())
    return [f"left out: {told}"] if told else []


def _sum_channels(model: VersaMammoModel, tensors: Tensors) -> list[str]:
    """Sum a first layer of three channels over them: exact for grey shown on all three."""
    first = next(n for n, part in model.backbone.named_modules() if isinstance(part, nn.Conv2d))
    key = f"{first}.weight"
    if key not in tensors or tensors[key].shape[1] != 3:
        return []
    tensors[key] = tensors[key].sum(dim=1, keepdim=True)
    return [f"{key}: three channels summed into one"]


def main(argv: Sequence[str] | None = None) -> int:
    """Turn a checkpoint into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    wanted = parser.parse_args(argv)

    def work() -> int:
        model = load_rival(wanted.checkpoint)
        with whole_folder(wanted.out) as made:
            model.save_pretrained(made)
        print("\n".join(model.config.training["steps"]))
        return 0

    return run_command("rivals", work)


if __name__ == "__main__":
    raise SystemExit(main())
