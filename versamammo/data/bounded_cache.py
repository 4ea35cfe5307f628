"""What was read or computed last, kept until it takes more memory than it may."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from versamammo.errors import InputError

GIGABYTE = 10**9
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


def bytes_of(gigabytes: float, field: str) -> int:
    """Return a setting in gigabytes as bytes.

    Raises:
        InputError: it is negative.
    """
    if not gigabytes >= 0:
        message = f"found {gigabytes}; expected gigabytes, 0 or more"
        raise InputError(message, field=field, reason="bad-option")
    return int(gigabytes * GIGABYTE)


class BoundedCache(Generic[Key, Value]):
    """Values by their keys, of which the longest unused are forgotten; threads may share it.

    Attributes:
        limit: bytes that all values may take together.
        taken: bytes that they take now.
    """

    def __init__(self, limit: int, size: Callable[[Value], int]) -> None:
        """Begin empty.

        Args:
            limit: bytes; a value that is larger by itself is not kept.
            size: counts the bytes of a value.
        """
        self.limit = limit
        self.taken = 0
        self._size = size
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> Value | None:
        """Return a value that is still kept."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def pop(self, key: Key) -> Value | None:
        """Return a value and keep it no longer."""
        with self._lock:
            return self._drop(key)

    def keep(self, key: Key, value: Value) -> None:
        """Keep a value, and forget what then is too much."""
        size = self._size(value)
        with self._lock:
            self._drop(key)
            if size > self.limit:
                return
            self._kept[key] = (value, size)
            self.taken += size
            while self.taken > self.limit:
                self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self.taken = 0

    def _drop(self, key: Key) -> Value | None:
        value, size = self._kept.pop(key, (None, 0))
        self.taken -= size
        return value
