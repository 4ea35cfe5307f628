"""Which image comes next: a function of the seed and the step, so a resumed run needs no memory.

Every epoch is one shuffle of the archive, cut into steps of the total batch; what is left over
waits for the next shuffle. Images of a folder with a weight come that often in an epoch: with 2
twice, with 0.5 in every other one. Each process takes its own stretch of a step's images, so that
two processes with half the batch see what one sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from versamammo.data.weighted_folders import Stretch
from versamammo.errors import InputError

AGAIN = 2**40  # more than any archive has images
Order = np.ndarray[tuple[int], np.dtype[np.int64]]


class Draw(NamedTuple):
    """One image of one step."""

    epoch: int
    position: int  # in the epoch's order
    image: int  # its place in the archive
    copy: int = 0  # how often the epoch has drawn the image before, where its weight is above 1

    @property
    def number(self) -> int:
        """A number that no other draw of the epoch has: the image's place, while drawn once."""
        return self.image + AGAIN * self.copy


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

    Attributes:
        stretches: of the archive, each with its weight.
        draws: of an epoch.
    """

    def __init__(
        self, images: int | Sequence[Stretch], share: Share, steps: range, seed: int
    ) -> None:
        """Take in what is drawn from.

        Args:
            images: of the archive, or its stretches.
            share: how a step's images are divided.
            steps: that are still to be taken.
            seed: of the order.

        Raises:
            InputError: an epoch has fewer draws than a step.
        """
        self.stretches = (Stretch(images),) if isinstance(images, int) else tuple(images)
        self.draws = sum(one.draws for one in self.stretches)
        if self.draws < share.batch:
            message = f"the archive has {self.draws} images, fewer than one step's {share.batch}"
            raise InputError(message, field="batch", reason="too-few-images")
        self.share = share
        self.steps = steps
        self.seed = seed

    @property
    def steps_per_epoch(self) -> int:
        """How many whole steps an epoch gives."""
        return self.draws // self.share.batch

    def __len__(self) -> int:
        return len(self.steps) * self.share.parts

    def __iter__(self) -> Iterator[list[Draw]]:
        shuffled = -1
        order, copies = np.empty(0, np.int64), np.empty(0, np.int64)
        for step in self.steps:
            epoch, place = divmod(step, self.steps_per_epoch)
            if epoch != shuffled:
                shuffled = epoch
                order, copies = self.order(epoch)
            positions = range(place * self.share.batch, (place + 1) * self.share.batch)
            for part in range(self.share.parts):
                yield [
                    Draw(epoch, p, int(order[p]), int(copies[p]))
                    for p in positions[self.share.of(part)]
                ]

    def order(self, epoch: int) -> tuple[Order, Order]:
        """Return which image each draw of an epoch shows, and how often it was shown before."""
        images, copies = self._drawn(epoch)
        shuffled = np.random.default_rng((self.seed, epoch)).permutation(self.draws)
        return images[shuffled], copies[shuffled]

    def _drawn(self, epoch: int) -> tuple[Order, Order]:
        """Return the images of an epoch's draws, stretch by stretch, and the copies' numbers."""
        images, copies, start = [], [], 0
        for number, (size, _) in enumerate(self.stretches):
            times = self._times(number, epoch)
            images.append(np.repeat(np.arange(start, start + size), times))
            firsts = np.repeat(np.cumsum(times) - times, times)
            copies.append(np.arange(len(firsts)) - firsts)
            start += size
        return np.concatenate(images), np.concatenate(copies)

    def _times(self, number: int, epoch: int) -> Order:
        """Return how often an epoch draws each image of a stretch.

        Image k of n that share m draws has come floor((e m + k) / n) times when epoch e begins: m
        draws in each epoch, and over the epochs each image equally often.
        """
        size, draws = self.stretches[number].images, self.stretches[number].draws
        if draws == size:
            return np.ones(size, np.int64)
        place = np.random.default_rng((self.seed, number, size, draws)).permutation(size)
        times: Order = ((epoch + 1) * draws + place) // size - (epoch * draws + place) // size
        return times
