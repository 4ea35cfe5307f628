"""What an engine is: it does the same work on many tasks, in processes of its own.

Whatever the engine, the number of workers and the order of finishing, each task's result is the
same; an engine only decides where the work is done and what happens when a worker is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Lost:
    """A task whose worker died, went over time or ran out of memory, twice.

    The second time there is nobody beside it.
    """

    reason: Literal["worker-died", "timed-out", "out-of-memory"]
    message: str

    @classmethod
    def for_memory(cls) -> Lost:
        """Return a file's failure when memory ran out, which may have been a neighbour's fault."""
        return cls("out-of-memory", "memory ran out while the file was worked on")


class Engine(Protocol):
    """Spreads work over processes; memory stays flat, since few tasks are in flight at a time."""

    def run(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R | Lost]]:
        """Do `work` on every task and give each with its result, in the order of finishing.

        Args:
            work: a function that other processes can import; what it raises ends the run.
            tasks: taken one by one as workers become free.
        """


def with_second_try(
    some: Callable[[Iterable[T], int], Iterator[tuple[T, R | Lost]]],
    tasks: Iterable[T],
    workers: int,
) -> Iterator[tuple[T, R | Lost]]:
    """Try a task whose worker was lost once more after all others, alone.

    If memory ran out, it was perhaps a neighbour's fault.

    Args:
        some: does tasks with so many workers.
        tasks: all of them.
        workers: of the first round.
    """
    again: list[T] = []
    for task, result in some(tasks, workers):
        if isinstance(result, Lost):
            again.append(task)
        else:
            yield task, result
    yield from some(again, 1)
