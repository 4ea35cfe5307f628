"""Questions of a MammoVQA file about the images of a prepared archive, to be learned from.

An item names an image by the path it had below the folder that `versamammo prepare` was given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from versamammo.data.dataset import Archive
from versamammo.data.manifest import read_manifest
from versamammo.errors import InputError
from versamammo.vqa import Item, read_items
from versamammo.vqa.asking import groups_of, prompt_of
from vlm.instructions.instruction_samples import Images, Lesson, pick
from vlm.instructions.wording import answer_of
from vlm.prompts import MOST_VIEWS


@dataclass(frozen=True)
class BenchItems:
    """The items of a file whose images are here.

    Attributes:
        items: as in the file, with the files of the archive's cache as their images.
        images: of each, their places in the archive.
        elsewhere: how many items are about other images, of other splits for instance.
        unusable: how many cannot be asked; published files hold a few.
    """

    items: tuple[Item, ...]
    images: tuple[Images, ...]
    elsewhere: int
    unusable: int

    def __str__(self) -> str:
        total = len(self.items) + self.elsewhere + self.unusable
        return (
            f"{len(self.items)} of {total} questions; {self.elsewhere} are about images that are "
            f"not in these splits, {self.unusable} cannot be asked"
        )


def read_bench_items(file: Path, archive: Archive) -> BenchItems:
    """Return the items of a MammoVQA file about an archive's images.

    Raises:
        InputError: it is no such file, no item is about an image of the archive, or two of its
            folders have an image of the same path.
    """
    items, bad = read_items(file)
    places = _places(archive)
    found: list[Item] = []
    images: list[Images] = []
    for item in items:
        named = [path.lstrip("/") for path in item.images]
        if all(path in places for path in named):
            own = tuple(places[path] for path in named)
            files = [archive[place].file.relative_to(archive.folder) for place in own]
            shown = tuple(map(str, files))
            found.append(replace(item, images=shown))
            images.append(own)
    made = BenchItems(tuple(found), tuple(images), len(items) - len(found), len(bad))
    if not found:
        message = (
            "no question is about an image of the archive; its paths have to begin at the folder "
            f"that was prepared ({archive.folder})"
        )
        raise InputError(message, file=file, field="Path", reason="other-images")
    return made


class BenchLessons:
    """Draws items to learn from: topics alike, answers within a topic alike, then items."""

    def __init__(self, bench: BenchItems) -> None:
        self.bench = bench
        answers: dict[str, dict[tuple[str, ...], list[int]]] = defaultdict(dict)
        for number, item in enumerate(bench.items):
            answers[item.topic].setdefault(tuple(sorted(item.answer)), []).append(number)
        self._numbers = [list(classes.values()) for _, classes in sorted(answers.items())]

    def draw(self, random: np.random.Generator, *, context: bool) -> Lesson:
        """Draw one item as a lesson, its options in a random order.

        Of an item with more pictures than one prompt takes, a group is shown, as when answering.
        """
        number = pick(pick(pick(self._numbers, random), random), random)
        item = self.bench.items[number]
        images = pick(groups_of(self.bench.images[number], MOST_VIEWS), random)
        options = [item.options[place] for place in random.permutation(len(item.options))]
        told = answer_of([option for option in options if option in item.answer])
        return Lesson(tuple(images), prompt_of(item, options), told, item.topic, context=context)


def some_of(items: Sequence[Item], per_answer: int, seed: int) -> tuple[Item, ...]:
    """Return at most `per_answer` items of each answer of each topic, drawn at random."""
    random = np.random.default_rng(seed)
    left: dict[tuple[str, ...], int] = defaultdict(lambda: per_answer)
    chosen = []
    for number in random.permutation(len(items)):
        item = items[number]
        left[item.topic, *sorted(item.answer)] -= 1
        if left[item.topic, *sorted(item.answer)] >= 0:
            chosen.append(int(number))
    return tuple(items[number] for number in sorted(chosen))


def _places(archive: Archive) -> dict[str, int]:
    """Return where the image of each path lies in an archive."""
    paths: dict[str, int] = {}
    first = 0
    for part in archive.parts:
        rows = read_manifest(part.folder, ["image_id", "path"]).to_pylist()
        path_of = {row["image_id"]: row["path"] for row in rows}
        for place, image in enumerate(part.table.column("image_id").to_pylist(), first):
            if paths.setdefault(path_of[image], place) != place:
                message = f"{path_of[image]} lies in two of the folders; learn from one of them"
                raise InputError(message, file=part.folder, field="data", reason="duplicate-path")
        first += len(part)
    return paths
