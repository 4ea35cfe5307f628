"""A projector's first lesson: its tokens of the whole image lie where the words of the labels lie.

The loss of the next word reaches a new projector through all layers of a frozen language model, and
in an hour of two cores it learned nothing that way (docs/experiments.md). Where the words lie is
known beforehand, in the table of word embeddings, so that a regression from what the encoder saw
gives the projector its start, in seconds. That frozen language models read such tokens was found by
Merullo et al. (arXiv 2209.15162). What the language model makes of them is learned after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from versamammo.errors import InputError
from vlm.instructions import LessonPool
from vlm.model import VersaMammoForImageTextToText
from vlm.processor import VersaMammoVlmProcessor
from vlm.projector import Projector

UNSEEN = ("Laterality",)  # no encoder sees the side: all breasts are turned the same way
TOGETHER = 8  # images that are looked at in one go
Pixels = Callable[[int], Tensor]
Answer = tuple[str, ...]  # all that holds
Words = Mapping[str, Mapping[Answer, Tensor]]  # topic -> answer -> embedding [D_llm]


@dataclass(frozen=True)
class AlignSettings:
    """How a new projector is brought to the words of the labels.

    Attributes:
        steps: of gradient descent on all images at once; 0 leaves the projector as it is.
        images: at most this many, evenly taken.
        learning_rate: of AdamW, falling to nothing.
        weight_decay: of AdamW.
    """

    steps: int = 100
    images: int = 4000
    learning_rate: float = 1e-3
    weight_decay: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 0 or self.images < 1 or self.learning_rate <= 0 or self.weight_decay < 0:
            message = f"{self} makes no sense; steps are 0 or more, the others positive"
            raise InputError(message, field="align", reason="bad-option")


@dataclass(frozen=True, eq=False)
class WordTargets:
    """Where the tokens of some images are to lie.

    Attributes:
        tokens: embeddings [N, M, D_llm].
        weights: [N, M], 0 where nothing is known; answers of a topic weigh alike, rare or not.
    """

    tokens: Tensor
    weights: Tensor


def align_to_words(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    pool: LessonPool,
    pixels: Pixels,
    settings: AlignSettings,
) -> float | None:
    """Bring the projector's tokens of the whole image to the words of its labels.

    Args:
        model: whose projector learns, in place.
        processor: whose tokenizer splits the labels into words.
        pool: images and their labels.
        pixels: returns the input [1, H, W] of an image by its number.
        settings: for how long.

    Returns:
        the share of the spread of the embeddings that the tokens explain, or None if there is
        nothing to align: no step, no token of the whole, no label.
    """
    projector = cast(Projector, model.model.projector)
    answers = {topic: found for topic, found in pool.answers.items() if topic not in UNSEEN}
    if projector.whole is None or not settings.steps or not answers:
        return None
    every = -(-len(pool.pictures) // settings.images)
    images = range(0, len(pool.pictures), every)
    words = words_of(model, processor, answers)
    where = word_targets(pool, words, images, projector.settings.whole)
    pooled = _pooled(model, pixels, images)
    _shrink_to(words, projector, pooled)
    return _regress(projector, pooled, where, settings)


def words_of(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    answers: Mapping[str, Mapping[Answer, object]],
) -> Words:
    """Return where the answers of each topic lie: the mean of the words that tell them apart."""
    table = model.model.get_input_embeddings()
    device = cast(Tensor, table.weight).device
    found: dict[str, dict[Answer, Tensor]] = {}
    for topic, classes in answers.items():
        split = {
            answer: processor.tokenizer(f" {', '.join(answer)}", add_special_tokens=False)[
                "input_ids"
            ]
            for answer in classes
        }
        shared = set.intersection(*(set(words) for words in split.values()))
        found[topic] = {}
        for answer, words in split.items():
            own = [word for word in words if word not in shared] or words
            embedded = table(torch.tensor(own, device=device))
            found[topic][answer] = embedded.detach().float().mean(dim=0)
    return found


def word_targets(pool: LessonPool, words: Words, images: Sequence[int], count: int) -> WordTargets:
    """Lay out where each of `count` tokens of each image is to lie; topics take them in turn.

    Where topics share a token, it lies amid their words.
    """
    row_of = {image: row for row, image in enumerate(images)}
    sample = next(iter(next(iter(words.values())).values()))
    summed = sample.new_zeros(len(images), count, len(sample))
    weights, topics = summed.new_zeros(summed.shape[:2]), summed.new_zeros(summed.shape[:2])
    for number, topic in enumerate(sorted(words)):
        classes, token = pool.answers[topic], number % count
        rows = {
            answer: [row_of[one] for (one,) in some if one in row_of]
            for answer, some in classes.items()
        }
        known = sum(map(len, rows.values()))
        for answer, some in rows.items():
            if some:
                summed[some, token] += words[topic][answer]
                topics[some, token] += 1
                weights[some, token] += known / (len(rows) * len(some))
    return WordTargets(summed / topics.clamp_min(1)[..., None], weights)


def _pooled(model: VersaMammoForImageTextToText, pixels: Pixels, images: Sequence[int]) -> Tensor:
    """Return what the encoder saw of images as a whole, [N, D]; the model's memory keeps it."""
    base, found = model.model, []
    device = cast(torch.device, base.device)
    for start in range(0, len(images), TOGETHER):
        some = torch.stack([pixels(image) for image in images[start : start + TOGETHER]])
        with torch.no_grad():
            if base.memory is None:
                seen = base.see(some.to(device))
            else:
                seen = base.memory.look(base.vision_tower, some.to(device), base.see)
        found.append(seen.pooled.float())
    return torch.cat(found)


@torch.no_grad()
def _shrink_to(words: Words, projector: Projector, pooled: Tensor) -> None:
    """Make all tokens about as long as words are; longer ones drown the words around them."""
    lengths = [one.norm() for classes in words.values() for one in classes.values()]
    factor = torch.stack(lengths).mean().to(pooled) / projector.of_whole(pooled).norm(dim=-1).mean()
    projector.out.weight.mul_(factor)
    if projector.out.bias is not None:
        projector.out.bias.mul_(factor)


def _regress(
    projector: Projector, pooled: Tensor, where: WordTargets, settings: AlignSettings
) -> float:
    targets, weights = where.tokens.to(pooled), where.weights.to(pooled)[..., None]
    middle = (targets * weights).sum(0) / weights.sum(0).clamp_min(1e-6)
    spread = ((targets - middle).square() * weights).sum().clamp_min(1e-12)
    projector.requires_grad_(True)
    optimizer = torch.optim.AdamW(
        projector.whole_parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    share = torch.zeros(())
    for _ in range(settings.steps):
        tokens = projector.of_whole(pooled)
        share = ((tokens - targets).square() * weights).sum() / spread
        optimizer.zero_grad()
        share.backward()
        optimizer.step()
        falling.step()
    projector.zero_grad()
    return 1 - float(share.detach())
