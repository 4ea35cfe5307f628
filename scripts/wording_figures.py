"""How often a language model's words agree with the record that they were to be written from.

    versamammo conversations --out runs/kept.jsonl --count 60 --seed 7 --longest 2100
    python scripts/wording_figures.py models/cbis/vlm runs/kept.jsonl FILM.png

The last question of each conversation is answered, earlier turns before it, about the pictures that
are given. Beside it, as controls: the same model without its adapter, and with a language model of
random weights. The share whose words agree is told with its Wilson interval of 95 %.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from scipy.stats import binomtest
from torch import nn

from vlm.adapter import has_adapter
from vlm.assistant import Assistant
from vlm.grounding import disagreements
from vlm.instructions.recorded import Recorded, read_recorded
from vlm.prompts import PromptImage

MOST_TOKENS = 220
KINDS = ("trained", "without its adapter", "random weights")


def main() -> int:
    """Print one line for each kind of model; returns 0."""
    given = _given()
    told = read_recorded(given.conversations)
    for kind in given.kinds:
        assistant = changed(Assistant.load(given.model, given.dtype), kind)
        pictures = assistant.look(given.images)
        print(json.dumps({"model": kind, **figures(assistant, told, pictures)}))
    return 0


def _given() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    made.add_argument("model", type=Path)
    made.add_argument("conversations", type=Path)
    made.add_argument("images", type=Path, nargs="+")
    made.add_argument("--dtype", default="auto")
    made.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    return made.parse_args()


def changed(assistant: Assistant, kind: str) -> Assistant:
    """Return the assistant, or a control made of it."""
    language: Any = assistant.model.model.language_model
    if kind == "without its adapter":
        assert has_adapter(assistant.model), "open it in float32: int8 folds the adapter in"
        for layer in language.modules():
            if hasattr(layer, "enable_adapters"):
                layer.enable_adapters(False)
    if kind == "random weights":
        torch.manual_seed(0)
        for part in language.modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                nn.init.normal_(part.weight, std=0.02)
    return assistant


def figures(
    assistant: Assistant, told: tuple[Recorded, ...], pictures: tuple[PromptImage, ...]
) -> dict[str, Any]:
    """Answer and compare; returns shares, seconds and the commonest disagreements."""
    agreed, wrong, first, tokens, seconds = 0, Counter[str](), [], 0, 0.0
    for one in told:
        *before, last = one.turns
        start, text, begun = time.perf_counter(), "", 0.0
        pieces = assistant.stream(
            pictures, last.question, before[-2:], facts=last.facts, most_words=MOST_TOKENS
        )
        for piece in pieces:
            begun = begun or time.perf_counter() - start
            text += piece
        seconds += time.perf_counter() - start - begun
        first.append(begun)
        tokens += len(assistant.processor.tokenizer(text)["input_ids"])  # type: ignore[operator,arg-type]
        found = disagreements(text.strip(), last.facts, last.question)
        agreed += not found
        wrong.update(found[:1])
    low, high = binomtest(agreed, len(told)).proportion_ci(method="wilson")
    return {
        "n": len(told), "agree": round(agreed / len(told), 3),
        "interval": [round(low, 3), round(high, 3)],
        "first_word_s": round(sorted(first)[len(first) // 2], 2),
        "tokens_per_s": round(tokens / seconds, 1) if seconds else math.nan,
        "wrong": wrong.most_common(5),
    }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
