"""One model on one CPU serves its visitors one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
_END = object()


class OneAtATime:
    """Lets one caller compute, the others wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn and hold it."""
        with self._lock:
            yield

    def stream(self, make: Callable[[], Iterator[T]]) -> Iterator[T]:
        """Hand over piece by piece what `make` gives in its turn.

        The turn is held by a thread of its own that runs to the end: a visitor who closes the page
        in the middle of an answer would otherwise keep it, and everybody would wait.
        """
        pieces: SimpleQueue[object] = SimpleQueue()

        def work() -> None:
            try:
                with self._lock:
                    for piece in make():
                        pieces.put(piece)
                pieces.put(_END)
            except Exception as error:  # handed to the reader's thread, which raises it
                pieces.put(error)

        threading.Thread(target=work, daemon=True).start()
        while (piece := pieces.get()) is not _END:
            if isinstance(piece, Exception):
                raise piece
            yield piece  # type: ignore[misc]
