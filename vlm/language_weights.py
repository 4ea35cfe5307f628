"""A folder without its language model's weights: which of them it leaves out, and their return."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from versamammo.errors import InputError
from versamammo.model.weights import opening, read_tensors
from vlm.encoder_beside import encoder_state
from vlm.language_parts import head_of, is_tied, layers_of, open_writer
from vlm.language_source import LanguageModelSource, resolve

LANGUAGE = "model.language_model."
HEAD = "lm_head."
ADDED = "added_words."  # rows of embeddings and last layer that the source does not have


def source_of(config: Any) -> LanguageModelSource | None:
    """Return the language model that a config refers to; None if its weights are in the folder."""
    return LanguageModelSource.from_dict(config.language) if config.language else None


def without_language(state: Mapping[str, Tensor], source: LanguageModelSource) -> dict[str, Tensor]:
    """Return what a folder has to hold beside a reference: all but the source's own weights.

    Of embeddings that were made longer the new rows are kept.

    Raises:
        InputError: the source is not there, or the weights at hand are no longer the source's.
    """
    theirs = language_state(resolve(source))
    kept = {name: tensor for name, tensor in state.items() if not _is_language(name)}
    for name, known in theirs.items():
        own = state[name].detach().cpu()
        if not own.is_floating_point():
            continue  # quantised weights cannot be compared
        rows = len(known)
        if own.shape[1:] != known.shape[1:] or not torch.equal(own[:rows], known.to(own.dtype)):
            message = (
                f"{name} is not what {source} holds; fold the adapter in to keep changed weights"
            )
            raise InputError(message, field="language", reason="changed-language")
        if len(own) > rows:
            kept[ADDED + name] = own[rows:].contiguous()
    return kept


def referred(kind: Any, folder: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return config and all weights of a folder that leaves some elsewhere, else nothing.

    Its language model may lie in a package, a folder or a repository, its encoder beside it.

    Args:
        kind: the class of the config.
        folder: of the model.
        options: for `from_pretrained`; `config` and `dtype` are looked at.

    Raises:
        InputError: the folder is damaged, or a part is not there or another.
    """
    with opening(folder):
        config = options.get("config") or kind.from_pretrained(folder)
    source = source_of(config)
    if source is None and not config.encoder_beside:
        return {}
    state = read_tensors(folder)
    if config.encoder_beside:
        state |= encoder_state(folder, config.encoder_beside)
    if source is None:
        return {"config": config, "state_dict": state}
    added = {name: state.pop(name) for name in list(state) if name.startswith(ADDED)}
    dtype = options.get("dtype")
    wanted = dtype if isinstance(dtype, torch.dtype) else None
    for name, tensor in language_state(resolve(source), wanted).items():
        more = added.get(ADDED + name)
        state[name] = tensor if more is None else torch.cat([tensor, more.to(tensor.dtype)])
    return {"config": config, "state_dict": state}


def language_state(folder: Path, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Return a language model's weights under the names they have in ours."""
    return named_as_ours(open_writer(folder, dtype=dtype or "auto"))


def named_as_ours(writer: PreTrainedModel) -> dict[str, Tensor]:
    """Return weights by name; those of a last layer that is tied are the embeddings'."""
    state = {LANGUAGE + name: t for name, t in cast(Any, layers_of(writer)).state_dict().items()}
    head = dict(head_of(writer).state_dict())
    if is_tied(writer):
        head.pop("weight")
    return state | {HEAD + name: tensor for name, tensor in head.items()}


def _is_language(name: str) -> bool:
    return name.startswith((LANGUAGE, HEAD))
