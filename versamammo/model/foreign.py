"""Other people's vision models as encoders: teachers to learn from, rivals to be measured against.

What is done to their weights is stated in the config's training record, and is only this:

- three input channels become one by summing the first layer's weights over them, which is exact
  for a grey picture shown on all three;
- position embeddings keep the grid they were trained on and are interpolated, bicubic with
  antialiasing and without the prefix tokens, to the grid of each image, or once and for all to
  that of `image_size`;
- classifiers and mask tokens are left out by name.

Every other key has to fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import Tensor, nn

from versamammo.errors import InputError
from versamammo.input.preprocess import InputContract
from versamammo.model.configuration import Training, VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.renaming import dialect_of, translate
from versamammo.model.weights import fill, read_config, read_tensors

# Of timm's own weights.
_CLASSIFIERS = ("classifier.", "head.fc.", "fc.", "head.weight", "head.bias")


def load_encoder(
    source: str | Path,
    *,
    contract: InputContract | None = None,
    image_size: tuple[int, int] | None = None,
    pyramid_blocks: Sequence[int] | None = None,
) -> VersaMammoModel:
    """Load an encoder: ours, or a vision model of timm or transformers.

    Args:
        source: a folder with config.json and safetensors, or the name of a repository.
        contract: how images are prepared for a foreign model; ours by default.
        image_size: (H, W) that a ViT's position embeddings are resampled to once; those of the
            folder are kept if None.
        pyramid_blocks: blocks of a ViT that give the pyramid.

    Raises:
        InputError: there is no such model, it is not known here, or a key does not fit.
    """
    folder = local_folder(source)
    described = read_config(folder / "config.json")
    if described.get("model_type") == VersaMammoConfig.model_type:
        if (contract, image_size, pyramid_blocks) != (None, None, None):
            message = "our own encoders carry their contract, size and pyramid with them"
            raise InputError(message, file=folder, reason="bad-option")
        return VersaMammoModel.from_pretrained(folder)
    backbone, arguments, tensors, steps = _in_timms_words(folder, described)
    config = VersaMammoConfig(
        backbone=backbone,
        backbone_args=arguments,
        pyramid_blocks=None if pyramid_blocks is None else list(pyramid_blocks),
        contract=(contract or InputContract()).to_dict(),
    )
    model = VersaMammoModel(config)
    steps += _sum_channels(model.backbone, tensors)
    fill(model.backbone, tensors, folder)
    if image_size is not None:
        steps.append(_resample(model, image_size))
    config.training = Training(steps=tuple(steps)).to_dict()
    model.eval()  # type: ignore[no-untyped-call]
    return model


def local_folder(source: str | Path) -> Path:
    """Return a folder as it is, or fetch a repository's JSON and safetensors files.

    Raises:
        InputError: it is neither, or cannot be had now.
    """
    if Path(source).is_dir():
        return Path(source)
    try:
        found = snapshot_download(str(source), allow_patterns=["*.json", "*.safetensors"])
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        message = f"neither a folder nor a repository that can be had now: {error}"
        raise InputError(message, file=source, reason="missing") from error
    return Path(found)


def _in_timms_words(
    folder: Path, described: Mapping[str, Any]
) -> tuple[str, dict[str, Any], dict[str, Tensor], list[str]]:
    """Return backbone, arguments, weights and what was done to them."""
    tensors = read_tensors(folder)
    if "architecture" not in described:
        dialect = dialect_of(described)
        try:
            arguments = dialect.arguments(described)
        except KeyError as error:
            message = f"is missing, as {described['model_type']} needs it"
            raise InputError(
                message, file=folder / "config.json", field=error.args[0], reason="bad-config"
            ) from error
        said, left_out = translate(tensors, described["model_type"])
        return dialect.backbone, arguments, said, _left_out(left_out)
    bare = {name.removeprefix("timm_model."): tensor for name, tensor in tensors.items()}
    left_out = tuple(sorted(name for name in bare if name.startswith(_CLASSIFIERS)))
    kept = {name: tensor for name, tensor in bare.items() if name not in left_out}
    return described["architecture"], _timm_arguments(described), kept, _left_out(left_out)


def _timm_arguments(described: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {
        name: value
        for name, value in (described.get("model_args") or {}).items()
        if name not in ("in_chans", "num_classes", "pretrained")
    }
    trained_at = described.get("pretrained_cfg", {}).get("input_size")
    if described["architecture"].startswith(("vit_", "eva", "deit")) and trained_at:
        arguments.setdefault("img_size", trained_at[1:])
    return arguments


def _left_out(names: Sequence[str]) -> list[str]:
    return [f"left out: {', '.join(names)}"] if names else []


def _sum_channels(network: nn.Module, tensors: dict[str, Tensor]) -> list[str]:
    first = next(name for name, part in network.named_modules() if isinstance(part, nn.Conv2d))
    key = f"{first}.weight"
    if key not in tensors or tensors[key].ndim != 4 or tensors[key].shape[1] != 3:
        return []
    tensors[key] = tensors[key].sum(dim=1, keepdim=True)
    return [f"{key}: three channels summed into one"]


def _resample(model: VersaMammoModel, image_size: tuple[int, int]) -> str:
    network = cast(Any, model.backbone)
    positions = getattr(network, "pos_embed", None)
    if positions is None:
        message = f"{model.config.backbone} takes images of any size as it is"
        raise InputError(message, field="image_size", reason="bad-option")
    if any(side % model.stride for side in image_size):
        message = f"{list(image_size)} does not divide into patches of {model.stride} pixels"
        raise InputError(message, field="image_size", reason="bad-option")
    trained, grid = network.patch_embed.grid_size, [side // model.stride for side in image_size]
    network.set_input_size(img_size=image_size)
    # not left to timm: releases before 1.0.31 keep a table of the same length as it is
    network.pos_embed = nn.Parameter(resample_positions(positions.detach(), trained, grid))
    model.config.backbone_args["img_size"] = list(image_size)
    return f"pos_embed: {list(trained)} patches to {grid}, bicubic, antialiased"


def resample_positions(positions: Tensor, trained: Sequence[int], grid: Sequence[int]) -> Tensor:
    """Interpolate position embeddings [1, prefix + N, D] from one grid (h, w) to another."""
    prefix = positions.shape[1] - trained[0] * trained[1]
    table = positions[:, prefix:].reshape(1, *trained, -1).permute(0, 3, 1, 2)  # [1, D, h, w]
    table = F.interpolate(table, size=list(grid), mode="bicubic", antialias=True)
    return torch.cat([positions[:, :prefix], table.flatten(2).transpose(1, 2)], dim=1)
