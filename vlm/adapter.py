"""LoRA beside the language model, kept apart from it and tied to one encoder (arXiv 2106.09685).

The layers are peft's, put into the language model in place, so that generating, saving and
training see one model. On disk the adapter has a folder of its own in peft's format, together
with the projector that was trained with it and the hashes of what both belong to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from peft.utils import set_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

from versamammo.errors import InputError
from versamammo.files import parse_json, write_atomically
from versamammo.model.weights import fill, read_tensors
from vlm.fingerprints import encoder_hash, language_hash

ADAPTER = "adapter"  # folder within the model's folder
WEIGHTS = "adapter_model.safetensors"
PROJECTOR = "projector.safetensors"
BELONGS_TO = "belongs_to.json"


@dataclass(frozen=True)
class LoraSettings:
    """How large an adapter is.

    Attributes:
        rank: of the update of each weight.
        alpha: the update is scaled by alpha / rank.
        dropout: share of inputs that the update does not see in training.
        targets: names of the layers that get one; all linear layers but the last by default.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    targets: tuple[str, ...] = ("all-linear",)


class HasAdapter(Protocol):
    """The parts of a vision-language model that an adapter and a card are about.

    Attributes:
        config: a `VersaMammoVlmConfig`.
        model: has `language_model`, `projector` and `vision_tower`.
        training: whether it is being trained.
    """

    config: Any
    model: Any
    training: bool

    def train(self, mode: bool = True) -> Any:
        """Switch between training and answering."""

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return all tensors by name."""


def add_adapter(model: HasAdapter, settings: LoraSettings) -> None:
    """Put a new adapter beside the language model; it changes nothing until it is trained.

    Raises:
        InputError: there is one already.
    """
    targets = "all-linear" if settings.targets == ("all-linear",) else list(settings.targets)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets,
    )
    _inject(model, config)


def _inject(model: HasAdapter, config: LoraConfig) -> None:
    if has_adapter(model):
        message = "the language model has an adapter already; fold it in before adding another"
        raise InputError(message, field="adapter", reason="adapter-present")
    training = model.training
    inject_adapter_in_model(config, model.model.language_model)
    model.train(training)


def has_adapter(model: HasAdapter) -> bool:
    """Return whether an adapter lies beside the language model."""
    return any(True for _ in _layers(model))


def is_merged(model: HasAdapter) -> bool:
    """Return whether the adapter is for now added into the weights."""
    return any(layer.merged for _, layer in _layers(model))


def merge_adapter(model: HasAdapter) -> None:
    """Add the adapter into the weights for now, which makes answering faster."""
    for _, layer in _layers(model):
        layer.merge()


def fold_adapter_in(model: HasAdapter) -> None:
    """Add the adapter into the weights for good; what remains is a plain model of its own."""
    model.config.language = {}  # the weights are no longer those that were referred to
    language = model.model.language_model
    for name, layer in list(_layers(model)):
        if not layer.merged:
            layer.merge()
        parent, _, own = name.rpartition(".")
        setattr(language.get_submodule(parent), own, layer.get_base_layer())
    if hasattr(language, "peft_config"):
        del language.peft_config


def plain_state(model: HasAdapter, state: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """Return the model's tensors under the names they have without an adapter."""
    given = model.state_dict() if state is None else state
    return {
        name.replace(".base_layer.", "."): tensor
        for name, tensor in given.items()
        if ".lora_" not in name
    }


def save_adapter(model: HasAdapter, folder: Path) -> None:
    """Write the adapter, its projector and what they belong to; nothing if there is none."""
    if not has_adapter(model):
        return
    folder.mkdir(parents=True, exist_ok=True)
    language: Any = model.model.language_model
    config: LoraConfig = language.peft_config["default"]
    config.save_pretrained(str(folder))
    tensors = get_peft_model_state_dict(language, save_embedding_layers=False)
    save_file(_plain(tensors), folder / WEIGHTS)
    save_file(_plain(model.model.projector.state_dict()), folder / PROJECTOR)
    belongs_to = json.dumps(_belongs_to(model), indent=1) + "\n"
    write_atomically(folder / BELONGS_TO, belongs_to.encode())


def load_adapter(model: HasAdapter, folder: Path | str) -> None:
    """Put a saved adapter and its projector onto the model they were trained with.

    Raises:
        InputError: they belong to another encoder or language model, or files are missing.
    """
    folder = Path(folder)
    _check_belonging(model, folder, ("encoder", "language"))
    projector = read_tensors(folder / PROJECTOR)
    fill(model.model.projector, projector, folder / PROJECTOR)
    _add_saved(model, folder, LoraConfig.from_pretrained(str(folder)))


def start_adapter(model: HasAdapter, folder: Path, settings: LoraSettings) -> None:
    """Put a saved adapter onto the same language model, to be trained on beside any encoder.

    Raises:
        InputError: it belongs to another language model, has another size than the settings say,
            or files are missing.
    """
    _check_belonging(model, folder, ("language",))
    config = LoraConfig.from_pretrained(str(folder))
    found, asked = (config.r, config.lora_alpha), (settings.rank, settings.alpha)
    if found != asked:
        message = f"has rank and alpha {found}, the settings say {asked}"
        raise InputError(message, file=folder, field="lora", reason="other-adapter")
    config.lora_dropout = settings.dropout
    _add_saved(model, folder, config)


def start_projector(model: HasAdapter, folder: Path) -> bool:
    """Fill the projector with a saved one's weights, if it was trained with the same encoder.

    Returns:
        whether it was; a projector belongs to its encoder, and begins anew beside another.

    Raises:
        InputError: it belongs to another language model, has other tensors, or is missing.
    """
    _check_belonging(model, folder, ("language",))
    if _read_belonging(folder).get("encoder") != _belongs_to(model)["encoder"]:
        return False
    fill(model.model.projector, read_tensors(folder / PROJECTOR), folder / PROJECTOR)
    return True


def _add_saved(model: HasAdapter, folder: Path, config: LoraConfig) -> None:
    tensors = read_tensors(folder / WEIGHTS)
    _inject(model, config)
    due = get_peft_model_state_dict(model.model.language_model, save_embedding_layers=False)
    if due.keys() != tensors.keys():
        message = f"{len(due.keys() ^ tensors.keys())} tensors do not fit {folder.name}"
        raise InputError(message, file=folder / WEIGHTS, reason="weights-do-not-fit")
    set_peft_model_state_dict(model.model.language_model, tensors)


def _read_belonging(folder: Path) -> dict[str, Any]:
    file = folder / BELONGS_TO
    try:
        record: dict[str, Any] = parse_json(file.read_text())
    except (OSError, ValueError) as error:
        message = "cannot be read; expected the hashes of encoder and language model"
        raise InputError(message, file=file, reason="bad-adapter") from error
    return record


def _check_belonging(model: HasAdapter, folder: Path, parts: Sequence[str]) -> None:
    record, belongs_to = _read_belonging(folder), _belongs_to(model)
    for part in parts:
        own, found = belongs_to[part], record.get(part)
        if found != own:
            message = (
                f"this adapter was trained with {part} {str(found)[:12]}, this model has "
                f"{own[:12]}: load it with its own {part}"
            )
            raise InputError(message, file=folder / BELONGS_TO, field=part, reason=f"other-{part}")


def _belongs_to(model: HasAdapter) -> dict[str, str]:
    text = model.config.text_config
    words = f"{text.model_type} {text.hidden_size} {text.num_hidden_layers} {text.vocab_size}"
    return {
        "encoder": encoder_hash(model.model.vision_tower),
        "language": language_hash(model.model.language_model, words),
    }


def _layers(model: HasAdapter) -> Iterator[tuple[str, LoraLayer]]:
    for name, layer in model.model.language_model.named_modules():
        if isinstance(layer, LoraLayer) and isinstance(layer, nn.Module):
            yield name, layer


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
