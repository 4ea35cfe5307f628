from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from app.chat.evidence.queueing import OneAtATime


def test_no_two_compute_at_once() -> None:
    queue = OneAtATime()
    inside, most, lock = 0, 0, threading.Lock()

    def work() -> Iterator[int]:
        nonlocal inside, most
        for number in range(50):
            with lock:
                inside += 1
                most = max(most, inside)
            yield number
            with lock:
                inside -= 1

    threads = [threading.Thread(target=lambda: list(queue.stream(work))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == 1


def test_a_visitor_who_leaves_in_the_middle_holds_nobody_up() -> None:
    queue = OneAtATime()
    left = queue.stream(lambda: iter(range(1000)))
    assert next(left) == 0
    del left
    assert list(queue.stream(lambda: iter("abc"))) == ["a", "b", "c"]


def test_an_error_reaches_the_one_who_asked_and_frees_the_turn() -> None:
    queue = OneAtATime()

    def fail() -> Iterator[int]:
        yield 1
        raise ValueError("spoiled")

    stream = queue.stream(fail)
    assert next(stream) == 1
    with pytest.raises(ValueError, match="spoiled"):
        next(stream)
    with queue.turn():
        pass
