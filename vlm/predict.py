"""Answer the questions of a bench: `answers.jsonl` for `versamammo score`, and its controls.

    python vlm/predict.py --model M --bench items.json --images PREPARED --out answers.jsonl
    python vlm/predict.py ... --out blank.jsonl --control blank

Lines are written as they are made; a run that was stopped goes on after the last whole line. An
item that cannot be asked is set aside with its reason, and the others are answered.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from versamammo import NOTICE
from versamammo.config import load
from versamammo.errors import naming
from versamammo.input.contract import InputContract
from versamammo.model.encoder import VersaMammoModel
from versamammo.training.stopping import run_command
from versamammo.vqa import Item, read_items
from versamammo.vqa.answer_file import Answered, answer_into
from versamammo.vqa.asking import (
    MOST_PICTURES,
    AskedItem,
    Control,
    combine,
    groups_of,
    under_control,
)
from vlm.evidence_text import evidence_lines
from vlm.feature_memory import FEATURES_GB
from vlm.generation import answer
from vlm.image_cache import PICTURES_GB, ImageCache
from vlm.model_loading import Loaded, Precision, open_model
from vlm.prompts import PromptImage, Question


@dataclass(frozen=True)
class Prediction:
    """Answer a bench's questions.

    Attributes:
        model: folder of a model.
        bench: MammoVQA JSON of items.
        images: a prepared archive, or the folder that the items' paths begin in.
        out: file of answers to write.
        control: `blank` shows empty images, `shuffled` those of another patient's question,
            `reordered` the options in another order.
        context: whether the prompt tells what the tags say of side and view.
        evidence: whether what the encoder's heads say of the topic stands above the question, as
            in the chat's record. It follows from the pixels that are shown.
        batch: items at once.
        pictures: most pictures in one question; an item with more is asked in groups, as even as
            can be, and what most groups answer counts. 0 shows all at once.
        most_words: tokens of one answer.
        seed: of the shuffling.
        threads: on a CPU; 0 leaves it to torch.
        dtype: of the model's weights, as `vlm/model_loading.py` names them.
        features_gb: gigabytes for what the encoder saw, kept where it computes.
        pictures_gb: gigabytes of host memory for prepared pictures.
    """

    model: Path
    bench: Path
    images: Path
    out: Path
    control: Control = "none"
    context: bool = True
    evidence: bool = False
    batch: int = 32
    pictures: int = MOST_PICTURES
    most_words: int = 48
    seed: int = 0
    threads: int = 0
    dtype: Precision = "auto"
    features_gb: float = FEATURES_GB
    pictures_gb: float = PICTURES_GB


def predict(settings: Prediction, loaded: Loaded | None = None) -> Answered:
    """Answer what is not answered yet; returns how many answers the file holds.

    Args:
        settings: what to answer, and where to write it.
        loaded: the model, if it is open already and to be used again.

    Raises:
        InputError: the bench, the model or the images' folder cannot be used, or the answers
            there are of another run.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    items, bad = read_items(settings.bench)
    model, processor = loaded or open_model(settings.model, settings.dtype, settings.features_gb)
    contract = InputContract.from_dict(processor.image_processor.contract)
    shelf = ImageCache(settings.images, contract, gigabytes=settings.pictures_gb)
    heads = model.model.vision_tower if settings.evidence else None
    asker = Asker(items, shelf, settings, heads)

    def answers(some: Sequence[AskedItem]) -> list[str]:
        groups = [asker.questions(one) for one in some]
        replies = answer(
            model, processor, [one for group in groups for one in group],
            most_words=settings.most_words,
        )  # fmt: skip
        texts = iter([reply.text for reply in replies])
        return [
            combine(one, [next(texts) for _ in group])
            for one, group in zip(some, groups, strict=True)
        ]

    made = answer_into(settings.out, asker.asked, answers, settings.batch)
    return made.beside(bad)


class Asker:
    """Shows the pictures that a bench asks about, as they are or under a control.

    Attributes:
        asked: the items, in their order.
    """

    def __init__(
        self,
        items: Sequence[Item],
        shelf: ImageCache,
        settings: Prediction,
        heads: VersaMammoModel | None = None,
    ) -> None:
        self.shelf = shelf
        self.settings = settings
        self.heads = heads  # whose evidence stands above the questions
        self.asked = under_control(items, settings.control, settings.seed)

    def questions(self, one: AskedItem) -> list[Question]:
        """Put one item, as often as its pictures make groups."""
        own = [self.shelf.take(path) for path in one.item.images]
        if self.settings.control == "blank":
            own = [_blank(picture, self.shelf.contract) for picture in own]
        elif self.settings.control == "shuffled":
            theirs = [self.shelf.take(path) for path in one.shown.images]
            # the words stay as they are: only the pixels are another patient's
            own = [
                replace(mine, pixels=theirs[n % len(theirs)].pixels) for n, mine in enumerate(own)
            ]
        return [
            Question(
                one.prompt, tuple(group), context=self.settings.context, most=len(group),
                facts=self._evidence(group, one.item.topic),
            )
            for group in groups_of(own, self.settings.pictures)
        ]  # fmt: skip

    def _evidence(self, pictures: Sequence[PromptImage], topic: str) -> tuple[str, ...]:
        return () if self.heads is None else evidence_lines(self.heads, pictures, topic)


def _blank(picture: PromptImage, contract: InputContract) -> PromptImage:
    level = (contract.fill - contract.mean) / contract.std
    return replace(picture, pixels=torch.full_like(picture.pixels, level))


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 2 for a bad input."""

    def work() -> int:
        settings = load(Prediction, argv)
        with naming(settings.bench):
            made = predict(settings)
        print(f"{settings.out}: {made}, control {settings.control}. {NOTICE}")
        return 0

    return run_command("predict", work, resumes=True)


if __name__ == "__main__":
    sys.exit(main())
