"""Answers in words: one, many at once, or as they come."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, cast

import torch
from torch import Tensor
from transformers import TextIteratorStreamer

from vlm.model import VersaMammoForImageTextToText
from vlm.prefix_memory import PrefixMemory
from vlm.processor import VersaMammoVlmProcessor
from vlm.prompts import Question

MOST_WORDS = 256  # tokens of one answer
# tokens that are drafted from the prompt, whose words an answer repeats, and read at once: with
# 8-bit weights on two cores 13.0 s for twelve answers instead of 16.9 (16.4 with five)
DRAFTED = 3


@dataclass(frozen=True)
class Reply:
    """What the model said.

    Attributes:
        text: without the template's marks; if cut short, up to its last whole sentence.
        complete: False if the answer did not end by itself.
        words: tokens that were generated.
    """

    text: str
    complete: bool
    words: int


@torch.inference_mode()
def answer(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    questions: Sequence[Question],
    *,
    most_words: int = MOST_WORDS,
    prefixes: PrefixMemory | None = None,
    drafted: int = 0,
    **options: Any,
) -> list[Reply]:
    """Answer questions in one batch, greedily unless the options of `generate` say otherwise.

    Args:
        model: that answers.
        processor: of the model.
        questions: each with its own pictures.
        most_words: tokens of one answer.
        prefixes: of earlier turns; used for one question at a time.
        drafted: tokens that are drafted at once from the prompt, for one question at a time.
        options: for `generate`.
    """
    if len(questions) == 1:
        options |= _drafting(drafted)
    batch = processor.encode(questions).to(model.device)
    if prefixes is not None and len(questions) == 1:
        written = _go_on(model, processor, batch, prefixes, max_new_tokens=most_words, **options)
    else:
        written = cast(Any, model).generate(**batch, max_new_tokens=most_words, **options)
    start = batch["input_ids"].shape[1]
    return [_reply(model, processor, row[start:], most_words) for row in written]


def stream(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    question: Question,
    *,
    most_words: int = MOST_WORDS,
    prefixes: PrefixMemory | None = None,
    drafted: int = 0,
) -> Generator[str]:
    """Answer one question piece by piece; the pieces together are the whole text.

    An error while writing is raised here, once the pieces before it have been handed over. Whoever
    closes the iterator before its end stops the writing too.
    """
    batch = processor.encode([question]).to(model.device)
    pieces = TextIteratorStreamer(
        cast(Any, processor.tokenizer), skip_prompt=True, skip_special_tokens=True
    )
    failures: list[BaseException] = []
    nobody_reads = Event()

    def stop(words: Tensor, *_: Any, **__: Any) -> Tensor:
        return torch.full(words.shape[:1], nobody_reads.is_set(), device=words.device)

    def write() -> None:
        options: dict[str, Any] = {
            "max_new_tokens": most_words, "streamer": pieces, "stopping_criteria": [stop],
            **_drafting(drafted),
        }  # fmt: skip
        try:
            with torch.inference_mode():
                if prefixes is None:
                    cast(Any, model).generate(**batch, **options)
                else:
                    _go_on(model, processor, batch, prefixes, **options)
        except Exception as error:  # handed to the reader's thread, which raises it
            failures.append(error)
            pieces.end()

    writer = Thread(target=write, daemon=True)
    writer.start()
    try:
        yield from pieces
    finally:
        nobody_reads.set()
        writer.join()
    if failures:
        raise failures[0]


def _drafting(tokens: int) -> dict[str, Any]:
    return {"prompt_lookup_num_tokens": tokens} if tokens else {}


def _go_on(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    batch: Any,
    prefixes: PrefixMemory,
    **options: Any,
) -> Tensor:
    """Return the words [1, T] of one question and its answer, begun where an earlier turn ended."""
    begun = prefixes.begin(batch, processor.image_token_id)
    written: Tensor = cast(Any, model).generate(**begun, **options)
    prefixes.keep(batch, written[0], begun["past_key_values"])
    return written


def _reply(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    written: Tensor,
    most_words: int,
) -> Reply:
    ends = torch.tensor(cast(Any, model.generation_config).eos_token_id, device=written.device)
    stops = torch.isin(written, ends).nonzero()
    complete = len(stops) > 0
    own = written[: int(stops[0])] if complete else written
    text = cast(str, processor.tokenizer.decode(own, skip_special_tokens=True)).strip()
    return Reply(text if complete else whole_sentences(text), complete, len(own))


def whole_sentences(text: str) -> str:
    """Cut a text after its last whole sentence, or leave it if there is none."""
    end = max(text.rfind(mark) for mark in (". ", "? ", "! ", ".\n"))
    if text.endswith((".", "?", "!")) or end < 0:
        return text
    return text[: end + 1]
