"""`versamammo export adapter MODEL OUT`: a model's LoRA adapter as plain peft opens it.

The folder holds `adapter_config.json` and `adapter_model.safetensors` for the language model that
MODEL refers to, and none of its weights. `peft.PeftModel.from_pretrained` opens it, and so do
servers that take LoRA adapters. What sees images, the encoder and the projector, stays in MODEL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from peft import LoraConfig
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig, PreTrainedModel

from versamammo import NOTICE, __version__
from versamammo.errors import InputError
from versamammo.files import whole_folder
from versamammo.model.weights import opening, read_tensors
from vlm.adapter import ADAPTER, WEIGHTS
from vlm.language_parts import auto_class, layers_of
from vlm.language_source import LanguageModelSource, resolve
from vlm.language_weights import source_of
from vlm.vlm_configuration import VersaMammoVlmConfig

_PREFIX = "base_model.model."  # what peft writes before the names of the model's own tensors

_README = """---
library_name: peft
base_model: {base}
tags: [mammography, research-only, lora]
---
# A LoRA adapter for {base}

{notice}

```python
from peft import PeftModel
from transformers import {auto}

base = {auto}.from_pretrained({where!r}{revision})
model = PeftModel.from_pretrained(base, "this folder")
```

Without images this answers as the vision-language model does that it was taken from. To see images
three things more are needed, all of them in the folder of that model, which `vlm.assembly.load`
opens: the encoder, the projector (`adapter/projector.safetensors`) that was trained together with
this adapter, and the processor with its template and image token. The base alone has no word for
an image.

| part | what |
|---|---|
| base | {base}; sha256 over names, types, shapes and bytes of its tensors: {content} |
| adapter | rank {rank}, alpha {alpha}, {layers} layers |
| encoder that it was trained with | {encoder}, sha256 {encoder_hash} |
| made with | versamammo {version} |
"""


def export_adapter(folder: Path, out: Path) -> Path:
    """Write a model's adapter in the form of peft.

    Args:
        folder: that `vlm/train.py` wrote.
        out: folder to be made.

    Raises:
        InputError: it has no adapter, holds its language model itself, the language model is not
            there or another, or the folder to be made is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise InputError("is not empty", file=out, field="out", reason="bad-output")
    with opening(folder):
        config = VersaMammoVlmConfig.from_pretrained(folder)
    source = source_of(config)
    if not (folder / ADAPTER / WEIGHTS).is_file():
        message = "has no adapter; expected a folder that `vlm/train.py` wrote and none merged"
        raise InputError(message, file=folder, field="model", reason="no-adapter")
    if source is None:
        message = (
            "holds its language model, which nobody else has; an adapter alone is of use beside "
            "a language model of its own folder, package or repository"
        )
        raise InputError(message, file=folder, field="model", reason="no-base")
    base = resolve(source)
    auto, prefix = auto_class(base), layers_name(base)
    tensors = read_tensors(folder / ADAPTER / WEIGHTS)
    named = {f"{_PREFIX}{prefix}.{name}": tensor for name, tensor in tensors.items()}
    lora = _lora_config(folder / ADAPTER, prefix, tensors, auto.__name__, source, base)
    with whole_folder(out) as made:
        lora.save_pretrained(str(made))
        save_file(named, made / WEIGHTS, {"format": "pt"})
        card = _card(config, lora, auto.__name__, source, len(tensors) // 2)
        (made / "README.md").write_text(card)
    return out


def layers_name(folder: Path) -> str:
    """Return the name that the layers have within the model of a folder, such as `model`."""
    with opening(folder), torch.device("meta"):
        whole: PreTrainedModel = auto_class(folder).from_config(AutoConfig.from_pretrained(folder))
    layers = layers_of(whole)
    found: str = next(name for name, part in whole.named_modules() if part is layers)
    return found


def _lora_config(
    folder: Path,
    prefix: str,
    tensors: Mapping[str, Tensor],
    auto: str,
    source: LanguageModelSource,
    base: Path,
) -> LoraConfig:
    lora = cast(LoraConfig, LoraConfig.from_pretrained(str(folder)))
    layers = {re.sub(r"\.lora_[AB]\.weight$", "", name) for name in tensors}
    owned = sorted({name.rpartition(".")[2] for name in layers})
    # names alone would fit layers of a vision tower too
    lora.target_modules = (
        owned
        if auto == "AutoModelForCausalLM"
        else rf"{re.escape(prefix)}\..*\.({'|'.join(owned)})"
    )
    lora.task_type = "CAUSAL_LM"
    lora.inference_mode = True
    hub = source.kind == "hub"
    lora.base_model_name_or_path = source.name if hub else str(base.resolve())
    lora.revision = source.version if hub else None
    return lora


def _card(
    config: VersaMammoVlmConfig,
    lora: LoraConfig,
    auto: str,
    source: LanguageModelSource,
    layers: int,
) -> str:
    return _README.format(
        notice=NOTICE,
        base=source.name,
        auto=auto,
        where=lora.base_model_name_or_path,
        revision=f", revision={lora.revision!r}" if lora.revision else "",
        content=source.content,
        rank=lora.r,
        alpha=lora.lora_alpha,
        layers=layers,
        encoder=config.encoder_name or "unnamed",
        encoder_hash=config.encoder_hash,
        version=__version__,
    )
