"""Packed conversations for every step, the same whoever makes them and whenever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from versamammo.data import dataset
from versamammo.data.sampling import Share
from versamammo.imaging.mammogram import Laterality, View
from versamammo.input.contract import InputContract
from versamammo.input.preprocess import to_input
from vlm.image_cache import PICTURES_GB, described
from vlm.instructions import Lesson, LessonPool, Mixture
from vlm.instructions.instruction_samples import facts
from vlm.labelled_tokens import Example, labelled
from vlm.packing import PackedBatch, pack
from vlm.processor import VersaMammoVlmProcessor
from vlm.prompts import IMAGE_TOKEN, PromptImage, Question
from vlm.shared_pictures import SharedPictures
from vlm.training_config import PhaseName

PHASE_NUMBERS: dict[PhaseName, int] = {"words": 1, "projector": 2, "adapter": 3}
PREFETCHED = 2  # parts that each worker has ready


class StepDataset(Dataset[PackedBatch]):
    """What one process learns, part after part: the parts of step 0, then those of step 1."""

    def __init__(
        self,
        pool: LessonPool,
        processor: VersaMammoVlmProcessor,
        share: Share,
        phase: PhaseName,
        *,
        max_length: int,
        row: int = 0,
        seed: int,
        mixture: Mixture | None = None,
        pictures: SharedPictures | None = None,
    ) -> None:
        self.pool = pool
        self.processor = processor
        self.share = share
        self.phase = phase
        self.max_length = max_length
        self.row = row or max_length
        self.seed = seed
        self.mixture = mixture
        self.contract = InputContract.from_dict(processor.image_processor.contract)
        self.pictures = pictures or SharedPictures(len(pool.pictures), self.contract, PICTURES_GB)

    def __getitem__(self, number: int) -> PackedBatch:
        step, part = divmod(number, self.share.parts)
        filler = self.processor.tokenizer.pad_token_id
        assert isinstance(filler, int)
        examples = [self.example(step, place) for place in self._places(part)]
        longest = max(len(example.input_ids) for example in examples)
        return pack(examples, min(self.max_length, max(self.row, longest)), filler)

    def _places(self, part: int) -> range:
        return range(self.share.batch)[self.share.of(part)]

    def example(self, step: int, place: int) -> Example:
        """Draw the conversation at one place of a step and turn it into words and labels."""
        key = (self.seed, PHASE_NUMBERS[self.phase], step, place)
        lesson = self.pool.draw(key, self.mixture)
        if self.phase != "words":
            return self.processor.example(self.question(lesson), lesson.answer)
        return self._in_words(lesson, np.random.default_rng((*key, 1)))

    def question(self, lesson: Lesson) -> Question:
        """Show a lesson's images."""
        pictures = tuple(self.picture(image) for image in lesson.images)
        if lesson.views:
            pictures = tuple(map(_shown_as, pictures, lesson.views))
        return Question(lesson.question, pictures, lesson.history, lesson.context, lesson.facts)

    def _in_words(self, lesson: Lesson, random: np.random.Generator) -> Example:
        """Return what the images show in the places of the images."""
        pictures = self.pool.of(lesson.images)
        question = Question(
            lesson.question, tuple(map(_unseen, pictures)), lesson.history, lesson.context,
            lesson.facts,
        )  # fmt: skip
        pieces = self.processor.pieces(question, lesson.answer)
        first = pieces[0][0]
        for picture in pictures:
            topics = self.pool.mixture.topics
            told = facts(picture, random, topics, tagged=lesson.context)
            first = first.replace(IMAGE_TOKEN, told, 1)
        tokenizer = self.processor.tokenizer
        told_first = [(first, False), *pieces[1:]]
        return labelled(
            (tokenizer(text, add_special_tokens=False)["input_ids"], learned)
            for text, learned in told_first
        )

    def picture(self, image: int) -> PromptImage:
        """Show an image of the archive by its number."""
        picture = self.pool.pictures[image]
        pixels = self.pictures.take(image, lambda: to_input(picture.levels(), self.contract))
        return described(picture, self.contract, pixels)


def feed(steps: StepDataset, which: range, workers: int) -> Iterator[list[PackedBatch]]:
    """Return the parts of some steps, made beside the training by worker processes if asked."""
    each = steps.share.parts
    parts = iter(
        DataLoader(
            steps,
            batch_size=None,
            sampler=range(which.start * each, which.stop * each),
            num_workers=workers,
            worker_init_fn=_one_thread,
            # shared pictures are inherited, and cannot be sent
            multiprocessing_context="fork" if workers else None,
            prefetch_factor=PREFETCHED if workers else None,
        )
    )
    return (list(islice(parts, each)) for _ in which)


def _shown_as(picture: PromptImage, view: str) -> PromptImage:
    """Return a picture under another side and view, such as `R MLO`."""
    side, _, projection = view.partition(" ")
    return replace(picture, laterality=Laterality(side), view=View(projection))


def _unseen(picture: dataset.Picture) -> PromptImage:
    """Return a picture's tags without its pixels, which words stand for."""
    return PromptImage(
        pixels=torch.empty(0),
        laterality=None if picture.laterality is None else Laterality(picture.laterality),
        view=View(picture.view) if picture.view in set(View) else None,
        stored_mirrored=picture.crop.mirrored,
    )


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
