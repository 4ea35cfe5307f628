"""The encoder contract: one model class over teacher and student, in the Hugging Face manner.

```python
from transformers import AutoModel
import versamammo

versamammo.register()
encoder = AutoModel.from_pretrained("folder")
features = encoder.encode("x.dcm")  # pooled [1, D], patches [1, N, D], grid (h, w), pyramid
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel
from transformers.utils.generic import ModelOutput

from versamammo.errors import InputError
from versamammo.model.backbones import (
    Backbone,
    build_backbone,
    look,
    maps_of,
    pad_to_multiple,
    pyramid_of,
    recompute_activations,
    settle,
    stride_of,
)
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.features import Features
from versamammo.model.heads import Heads
from versamammo.model.image_processor import Readable, VersaMammoImageProcessor
from versamammo.model.onnx_graph import Graph, graph_beside
from versamammo.model.weights import fill, load_strictly


@dataclass
class EncoderOutput(ModelOutput):
    """`Features` under the names that transformers uses.

    Attributes:
        last_hidden_state: the patches [B, N, D], without class or register tokens.
        pooler_output: [B, D].
        grid: (h, w), with N = h * w.
        pyramid: maps [B, C, h, w], fine to coarse.
    """

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    grid: tuple[int, int] | None = None
    pyramid: tuple[Tensor, ...] | None = None


@dataclass(frozen=True, eq=False)
class HeadInputs:
    """What an encoder's heads answer from, of B images.

    Attributes:
        features: of the images as they are.
        whole: what attributes are read off, [B, D] or wider (`Heads.whole`).
        heat: log odds [B, K, h, w] of each kind of finding; None if findings were not learnt.
    """

    features: Features
    whole: Tensor
    heat: Tensor | None


class VersaMammoModel(PreTrainedModel):
    """An image encoder: a timm network, one channel in, `Features` out.

    Attributes:
        backbone: the timm network; its keys are the weights' keys after `backbone.`.
        levels: channels and stride of each map of the pyramid.
        heads: what reads attributes and findings off the features; None if none were learnt.
        graph: the same network in ONNX Runtime, if the folder held one of these weights; used on a
            CPU where no gradient is wanted.
        stride: side of a patch in pixels; other sides are padded to its multiple with background.
    """

    config_class = VersaMammoConfig
    config: VersaMammoConfig
    base_model_prefix = "encoder"
    main_input_name = "pixel_values"
    supports_gradient_checkpointing = True
    _supports_sdpa = True  # timm's attention calls it by itself

    def __init__(self, config: VersaMammoConfig) -> None:
        super().__init__(config)
        self.backbone = build_backbone(config.backbone, config.backbone_args)
        settle(self.backbone)
        self.levels = pyramid_of(self.backbone, config.pyramid_blocks)
        self.stride = stride_of(self.backbone)
        config.hidden_size = cast(Backbone, self.backbone).num_features
        self.heads = Heads(config.hidden_size, self.levels, config.heads) if config.heads else None
        contract = config.input_contract
        self.graph: Graph | None = None
        self._graphed = -1
        self.background = (contract.fill - contract.mean) / contract.std
        self._keep_in_fp32_modules_strict = _batch_norm_keys(self)
        self.post_init()  # type: ignore[no-untyped-call]

    def encode(self, images: Tensor | Readable) -> Features:
        """Look at prepared images [B, 1, H, W], or at files, mammograms, pictures or arrays.

        Raises:
            InputError: the tensor is no such batch, or a file cannot be read.
        """
        batch = self._batch(images)
        if self._may_use_graph(batch):
            return cast(Graph, self.graph)(batch)
        return self.encode_by_torch(batch)

    def _batch(self, images: Tensor | Readable) -> Tensor:
        """Return images as a batch [B, 1, H, W], prepared if they are not."""
        if isinstance(images, Tensor):
            batch = images
        else:
            batch = self.image_processor.preprocess(images)["pixel_values"].to(self.device)
        _check_batch(batch)
        return batch

    def encode_by_torch(self, batch: Tensor) -> Features:
        """Look at prepared images [B, 1, H, W] with torch, whatever graph lies beside."""
        padded = pad_to_multiple(batch.to(self.dtype), self.stride, self.background)
        return look(self.backbone, padded, self.levels)

    def head_inputs(self, batch: Tensor) -> HeadInputs:
        """Look at prepared images [B, 1, H, W] for the heads, upside down too if they are mirrored.

        Raises:
            InputError: the encoder has no heads (`no-heads`).
        """
        heads = self.heads
        if heads is None:
            message = "has no heads, so there is nothing to say; stage 2 trains them"
            raise InputError(message, field="heads", reason="no-heads")
        if not heads.mirrored:
            features = self.encode(batch)
            heat = heads.heat(features)
            return HeadInputs(features, heads.whole(features, heat), heat)
        padded = pad_to_multiple(batch, self.stride, self.background)
        # both ways in one batch, of which each core takes one
        features, turned = self.encode(torch.cat([padded, padded.flip(-2)])).halves()
        heat, other = heads.heat(features), heads.heat(turned)
        whole = (heads.whole(features, heat) + heads.whole(turned, other)) / 2
        if heat is not None and other is not None:
            heat = (heat + other.flip(-2)) / 2
        return HeadInputs(features, whole, heat)

    def maps(self, batch: Tensor, count: int) -> tuple[Tensor, ...]:
        """Return the finest maps of the pyramid of [B, 1, H, W], as many as are asked for."""
        padded = pad_to_multiple(batch.to(self.dtype), self.stride, self.background)
        return maps_of(self.backbone, padded, self.levels[:count])

    def forward(
        self, pixel_values: Tensor, return_dict: bool | None = None
    ) -> EncoderOutput | tuple[Any, ...]:
        """Look at prepared images [B, 1, H, W] and answer in transformers' names."""
        features = self.encode(pixel_values)
        output = EncoderOutput(
            last_hidden_state=features.patches,
            pooler_output=features.pooled,
            grid=features.grid,
            pyramid=features.pyramid,
        )
        return output.to_tuple() if return_dict is False else output

    @torch.no_grad()
    def probabilities(self, images: Tensor | Readable) -> list[dict[str, dict[str, float]]]:
        """Return for each image how probable each class of each attribute is.

        Raises:
            InputError: an image cannot be read, or the encoder has no heads (`no-heads`).
        """
        inputs = self.head_inputs(self._batch(images))
        return cast(Heads, self.heads).attributes.in_words(inputs.whole)

    @property
    def image_processor(self) -> VersaMammoImageProcessor:
        """What prepares images as this encoder expects them."""
        return VersaMammoImageProcessor(contract=self.config.contract)

    def features_only(self) -> FeatureMaps:
        """Return the pyramid alone, as timm's `features_only` networks do; weights are shared."""
        return FeatureMaps(self)

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, pretrained_model_name_or_path: str | Path | None, *arguments: Any, **options: Any
    ) -> Self:
        """Load a folder or a repository, all of it or nothing.

        Takes what transformers takes; what would leave weights random, or open a pickle, it
        refuses. `AutoModel.from_pretrained` ends here too.

        Raises:
            InputError: the weights are no safetensors, or do not match the network key by key.
        """
        source = pretrained_model_name_or_path
        wants_report = options.pop("output_loading_info", False)
        model, report = cast(
            tuple[Self, dict[str, Any]],
            load_strictly(super().from_pretrained, source, arguments, options),
        )
        settle(model.backbone)
        if source is not None and Path(source).is_dir():
            folder = Path(source, str(options.get("subfolder", "")))
            model.graph = graph_beside(folder, model.stride)
            model._graphed = model._changes()
        return (model, report) if wants_report else model  # type: ignore[return-value]

    @classmethod
    def from_backbone(cls, config: VersaMammoConfig, tensors: Mapping[str, Tensor]) -> Self:
        """Wrap weights of the timm network itself, as training holds them; heads stay random.

        Raises:
            InputError: they do not match the network key by key.
        """
        model = cls(config)
        fill(model.backbone, tensors, "state_dict")
        model.eval()  # type: ignore[no-untyped-call]
        return model

    def save_pretrained(  # type: ignore[override]
        self, save_directory: str | Path, **options: Any
    ) -> None:
        """Write config.json, model.safetensors and preprocessor_config.json."""
        self.image_processor.save_pretrained(save_directory)
        super().save_pretrained(save_directory, **options)

    def _may_use_graph(self, batch: Tensor) -> bool:
        """Return whether the graph equals torch here: on a CPU, without gradient, as loaded."""
        return (
            self.graph is not None
            and not (torch.is_grad_enabled() or self.training or torch.compiler.is_exporting())
            and batch.device.type == self.device.type == "cpu"
            and batch.dtype == self.dtype == torch.float32
            and self._graphed == self._changes()
        )

    def _changes(self) -> int:
        """Count how often weights were written to.

        By hand: `parameters` and `buffers` take four times as long, a twentieth of a small
        network's time for an image.
        """
        count, left = 0, [cast(nn.Module, self)]
        while left:
            module = left.pop()
            left.extend(one for one in module._modules.values() if one is not None)
            tensors = (*module._parameters.values(), *module._buffers.values())
            count += sum(one._version for one in tensors if one is not None)
        return count

    def _init_weights(self, module: nn.Module) -> None:
        """Compute again the buffers that are not saved, such as rotary angles.

        transformers builds a network without storage before it loads, so these buffers arrive
        empty; weights that timm has initialised are left as they are.
        """
        if not module._non_persistent_buffers_set:
            return
        if not hasattr(module, "init_non_persistent_buffers"):
            message = f"{type(module).__name__} of {self.config.backbone} cannot be loaded again"
            raise InputError(message, field="backbone", reason="unknown-backbone")
        cast(Any, module).init_non_persistent_buffers()

    def _set_gradient_checkpointing(self, enable: bool = True, *_: Any, **__: Any) -> None:
        recompute_activations(self.backbone, enable)


class FeatureMaps(nn.Module):
    """An encoder seen as timm sees a `features_only` network, for detectors and decoders.

    Attributes:
        channels: C of each map, fine to coarse.
        strides: pixels of the input per step of each map.
    """

    def __init__(self, encoder: VersaMammoModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.channels = [level.channels for level in encoder.levels]
        self.strides = [level.stride for level in encoder.levels]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps [B, C, h, w] of images [B, 1, H, W], fine to coarse."""
        return list(self.encoder.encode(images).pyramid)


def _batch_norm_keys(model: nn.Module) -> set[str]:
    """Name what stays in full precision when a model is loaded in half.

    Moments gathered over many images do not survive 8 bits of mantissa, and batch norm takes all
    its tensors in one type; its counter is a whole number and none of them.
    """
    return {
        f"{name}.{tensor}"
        for name, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        for tensor in ("weight", "bias", "running_mean", "running_var")
    }


def _check_batch(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 1 or not images.is_floating_point():
        message = f"expected floating [B, 1, H, W], got {images.dtype} {list(images.shape)}"
        raise InputError(message, field="pixel_values", reason="bad-input")


AutoModel.register(VersaMammoConfig, VersaMammoModel, exist_ok=True)
