"""A finished model, opened to answer: where it computes, how wide its numbers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch

from versamammo.errors import InputError
from vlm.assembly import load
from vlm.feature_memory import FEATURES_GB, FeatureMemory
from vlm.int8_layers import to_int8
from vlm.model import VersaMammoForImageTextToText
from vlm.processor import VersaMammoVlmProcessor

Precision = Literal["auto", "float32", "bfloat16", "float16", "int8"]
Loaded = tuple[VersaMammoForImageTextToText, VersaMammoVlmProcessor]
LARGE = 50_000_000  # weights of a language model from which a CPU needs them in 8 bits


def open_model(folder: Path | str, dtype: str = "auto", features_gb: float = FEATURES_GB) -> Loaded:
    """Open a model to answer; it looks at each image once.

    Args:
        folder: that `vlm/train.py` or `vlm/merge.py` wrote.
        dtype: one of `Precision`. `int8` gives the language model 8-bit weights, on a CPU only;
            `auto` does so for large ones on a CPU, and else leaves weights as they were saved.
        features_gb: gigabytes for what the encoder saw.

    Raises:
        InputError: it is no such folder, is damaged, or the type is unknown.
    """
    if dtype not in get_args(Precision):
        message = f"unknown type {dtype!r}; expected one of {', '.join(get_args(Precision))}"
        raise InputError(message, field="dtype", reason="bad-option")
    named = None if dtype in ("auto", "int8") else getattr(torch, dtype)
    model, processor = load(folder, **({} if named is None else {"dtype": named}))
    on_gpu = torch.cuda.is_available()
    model.model.memory = FeatureMemory(features_gb)
    if dtype == "int8" or (dtype == "auto" and not on_gpu and _is_large(model)):
        to_int8(cast(Any, model).float())
    else:
        cast(Any, model).to("cuda" if on_gpu else "cpu")
    return model, processor


def _is_large(model: VersaMammoForImageTextToText) -> bool:
    parameters = sum(one.numel() for one in model.model.language_model.parameters())
    return bool(parameters >= LARGE)
