"""Which image comes next: a function of the seed and the step, so a resumed run needs no memory.

Every epoch is one shuffle of the archive, cut into steps of the total batch; what is left over
waits for the next shuffle. Each process takes its own stretch of a step's images, so that two
processes with half the batch see what one sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from versamammo.errors import InputError


class Draw(NamedTuple):
    """One image of one step."""

    epoch: int
    position: int  # in the epoch's order
    image: int  # its place in the archive


@dataclass(frozen=True)
class Share:
    """How a step's images are divided.

    Attributes:
        batch: images per step, on all processes and in all parts together.
        parts: how many parts a process takes one after the other, adding up gradients.
        processes: how many processes train together.
        rank: of this process.
    """

    batch: int
    parts: int = 1
    processes: int = 1
    rank: int = 0

    def __post_init__(self) -> None:
        if self.batch < 1 or self.parts < 1 or self.batch % (self.parts * self.processes):
            message = (
                f"a batch of {self.batch} images cannot be divided into {self.parts} part(s) on "
                f"each of {self.processes} process(es)"
            )
            raise InputError(message, field="batch", reason="bad-batch")

    @property
    def together(self) -> int:
        """Images that one process handles at once."""
        return self.batch // (self.parts * self.processes)

    def of(self, part: int) -> slice:
        """Return the stretch of a step's images that this process handles in one part."""
        first = (part * self.processes + self.rank) * self.together
        return slice(first, first + self.together)


class StepSampler(Sampler[list[Draw]]):
    """Batches of draws for a DataLoader's `batch_sampler`, from any step to the last.

    Raises:
        InputError: if the archive has fewer images than a step.
    """

    def __init__(self, images: int, share: Share, steps: range, seed: int) -> None:
        if images < share.batch:
            message = f"the archive has {images} images, fewer than one step's {share.batch}"
            raise InputError(message, field="batch", reason="too-few-images")
        self.images = images
        self.share = share
        self.steps = steps
        self.seed = seed

    @property
    def steps_per_epoch(self) -> int:
        """How many whole steps the archive gives."""
        return self.images // self.share.batch

    def __len__(self) -> int:
        return len(self.steps) * self.share.parts

    def __iter__(self) -> Iterator[list[Draw]]:
        shuffled, order = -1, np.empty(0, np.int64)
        for step in self.steps:
            epoch, place = divmod(step, self.steps_per_epoch)
            if epoch != shuffled:
                shuffled, order = epoch, self.order(epoch)
            positions = range(place * self.share.batch, (place + 1) * self.share.batch)
            for part in range(self.share.parts):
                yield [Draw(epoch, p, int(order[p])) for p in positions[self.share.of(part)]]

    def order(self, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Shuffle the archive for one epoch."""
        return np.random.default_rng((self.seed, epoch)).permutation(self.images)
