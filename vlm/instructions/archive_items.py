"""Benchmark questions from a prepared archive, in the MammoVQA format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from versamammo.data.dataset import Archive
from versamammo.errors import InputError
from versamammo.vqa import Item
from vlm.instructions.instruction_samples import Images
from vlm.instructions.mixture_sampling import LessonPool, Mixture
from vlm.instructions.topics import BY_NAME, Answer, LabelledTopic
from vlm.instructions.wording import asked


def make_items(
    folder: Path,
    splits: tuple[str, ...] = ("test",),
    *,
    seed: int = 0,
    per_answer: int = 50,
    topics: tuple[str, ...] = (),
    exams: bool = True,
    shareable: bool = False,
) -> tuple[Item, ...]:
    """Ask about the images of some splits of a prepared folder, as `items_of`.

    Args:
        folder: that `versamammo prepare` wrote; items name files of its cache.
        splits: whose patients are asked about.
        seed: of the wording, the order of options and the choice of images.
        per_answer: most items of one answer to one topic.
        topics: only these; all that are known if empty.
        exams: also ask about all views of an exam.
        shareable: only about images of sources whose terms let weights be passed on.

    Raises:
        InputError: there are no such images, or nothing is known of them.
    """
    archive = Archive.open(folder, splits, shareable=shareable)
    return items_of(archive, seed=seed, per_answer=per_answer, topics=topics, exams=exams)


def items_of(
    archive: Archive,
    *,
    seed: int = 0,
    per_answer: int = 50,
    topics: tuple[str, ...] = (),
    exams: bool = True,
) -> tuple[Item, ...]:
    """Ask about images, each answer of a topic equally often where it can be.

    Args:
        archive: the images; items name files below its folder.
        seed: of the wording, the order of options and the choice of images.
        per_answer: most items of one answer to one topic.
        topics: only these; all that are known if empty.
        exams: also ask about all views of an exam.

    Raises:
        InputError: nothing is known of the images.
    """
    if per_answer < 1:
        raise InputError(f"found {per_answer}; expected 1 or more", field="per_answer")
    pool = LessonPool(archive, Mixture(topics=topics))
    sources = archive.table.column("source").to_pylist()
    made: list[Item] = []
    for number, (name, alone) in enumerate(pool.answers.items()):
        random = np.random.default_rng((seed, number))
        together = pool.of_several.get(name, {}) if exams and BY_NAME[name].exam else {}
        for answer in sorted({*alone, *together}):
            usable = [*alone.get(answer, []), *together.get(answer, [])]
            for place in sorted(random.permutation(len(usable))[:per_answer]):
                chosen = usable[place]
                source = sources[chosen[0]]
                id_ = str(len(made) + 1)
                made.append(
                    _item(id_, BY_NAME[name], pool, chosen, answer, source, random, archive.folder)
                )
    return tuple(made)


def _item(
    id_: str,
    topic: LabelledTopic,
    pool: LessonPool,
    images: Images,
    answer: Answer,
    source: str,
    random: np.random.Generator,
    folder: Path,
) -> Item:
    pictures = pool.of(images)
    offered = topic.offered(pictures)
    options = tuple(offered[i] for i in random.permutation(len(offered)))
    return Item(
        id=id_,
        images=tuple(f"/{picture.file.relative_to(folder).as_posix()}" for picture in pictures),
        dataset=source,
        topic=topic.name,
        kind=topic.kind,
        question=asked(topic, len(pictures), int(random.integers(len(topic.wordings)))),
        options=options,
        answer=tuple(option for option in options if option in answer),
        patient=pictures[0].patient,
    )
