"""What the language model made of the beginning of a conversation, kept for its next turn.

A later turn begins with the same pictures and the same words as the one before, its answer
included; only what is new has to be read.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache


@dataclass
class Prefix:
    """The words that were read, [T], and what attention keeps of them."""

    words: Tensor
    cache: DynamicCache


class PrefixMemory:
    """The beginnings of the conversations that were answered last.

    Attributes:
        conversations: how many are kept.
        reused: words that did not have to be read again, in all.
    """

    def __init__(self, conversations: int) -> None:
        self.conversations = conversations
        self.reused = 0
        self._kept: OrderedDict[str, Prefix] = OrderedDict()
        self._lock = Lock()

    def begin(self, batch: Any, image_token: int) -> dict[str, Any]:
        """Return what `generate` takes to answer one encoded question.

        Where all pictures were read before, that is the cache to go on from and no pictures.
        What is handed out is no longer kept, until `keep` brings it back.
        """
        words: Tensor = batch["input_ids"][0]
        known = self._take(_name(batch["pixel_values"]), words, image_token)
        if known is None:
            return {**batch, "past_key_values": DynamicCache()}
        self.reused += len(known.words)
        rest = {name: value for name, value in batch.items() if name != "pixel_values"}
        return {**rest, "past_key_values": known.cache}

    def keep(self, batch: Any, written: Tensor, cache: DynamicCache) -> None:
        """Keep what was read and written [T] in answering an encoded question."""
        length = cache.get_seq_length()
        if any(getattr(cache, "is_sliding", ())) or length > len(written):
            return  # a window that has moved on cannot be led back
        with self._lock:
            found = Prefix(written[:length].clone(), cache)
            self._kept[_name(batch["pixel_values"])] = found
            while len(self._kept) > self.conversations:
                self._kept.popitem(last=False)

    def _take(self, key: str, words: Tensor, image_token: int) -> Prefix | None:
        """Return what is known of the beginning of words [T], cut to what they share."""
        with self._lock:
            known = self._kept.pop(key, None)
        if known is None:
            return None
        # one word at least has to be read, to say what comes next
        shared = min(len(known.words), len(words) - 1)
        differ = (known.words[:shared] != words[:shared]).nonzero()
        shared = int(differ[0]) if len(differ) else shared
        if torch.eq(words[shared:], image_token).any():
            return None
        surplus = known.cache.get_seq_length() - shared
        if surplus:
            known.cache.crop(-surplus)
        return Prefix(known.words[:shared], known.cache)


def _name(pixel_values: Tensor) -> str:
    plain = pixel_values.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
    content = hashlib.blake2b(plain.tobytes(), digest_size=16).hexdigest()
    return f"{list(pixel_values.shape)} {content}"
