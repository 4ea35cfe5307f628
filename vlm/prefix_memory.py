"""What the language model made of the beginning of a conversation, kept for its next turn.

A later turn begins with the same pictures and the same words as the one before, its answer
included; only what is new has to be read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from versamammo.data.bounded_cache import BoundedCache, bytes_of

PREFIXES_GB = 0.5  # a token of SmolLM2-135M takes 46 kB


@dataclass
class Prefix:
    """The words that were read, [T], and what attention keeps of them."""

    words: Tensor
    cache: DynamicCache

    @property
    def bytes(self) -> int:
        """The memory it takes."""
        layers: Any = self.cache.layers
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)


class PrefixMemory:
    """The beginnings of the conversations that were answered last.

    Attributes:
        reused: words that did not have to be read again, in all.
    """

    def __init__(self, gigabytes: float = PREFIXES_GB) -> None:
        """Begin with nothing read.

        Args:
            gigabytes: that the beginnings may take.

        Raises:
            InputError: they are negative.
        """
        self.reused = 0
        limit = bytes_of(gigabytes, "prefixes_gb")
        self._kept: BoundedCache[str, Prefix] = BoundedCache(limit, lambda prefix: prefix.bytes)

    @property
    def taken(self) -> int:
        """Bytes that the beginnings take."""
        return self._kept.taken

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
        self._kept.keep(_name(batch["pixel_values"]), Prefix(written[:length].clone(), cache))

    def _take(self, key: str, words: Tensor, image_token: int) -> Prefix | None:
        """Return what is known of the beginning of words [T], cut to what they share."""
        known = self._kept.pop(key)
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
