"""How well generated answers agree with the truth, on the way: by topic, every answer alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from versamammo.vqa import Item
from versamammo.vqa.asking import prompt_of
from vlm.generation import answer
from vlm.image_cache import ImageCache
from vlm.instructions.wording import answer_of
from vlm.model import VersaMammoForImageTextToText
from vlm.processor import VersaMammoVlmProcessor
from vlm.prompts import Question

AT_ONCE = 32
MOST_WORDS = 48  # tokens of an answer that names options


def check_answers(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    items: Sequence[Item],
    shelf: ImageCache,
) -> dict[str, float]:
    """Answer closed questions without the exam context; class-balanced accuracy per topic.

    An answer counts if it names the right options in the order shown; `versamammo score` is
    milder, and has intervals.
    """
    right: dict[str, dict[tuple[str, ...], list[bool]]] = defaultdict(lambda: defaultdict(list))
    was_training = model.training
    model.train(False)
    for start in range(0, len(items), AT_ONCE):
        some = items[start : start + AT_ONCE]
        questions = [
            Question(prompt_of(item), tuple(map(shelf.take, item.images)), context=False)
            for item in some
        ]
        replies = answer(model, processor, questions, most_words=MOST_WORDS)
        for item, reply in zip(some, replies, strict=True):
            said = reply.text.strip(" .").casefold() == answer_of(item.answer).casefold()
            right[item.topic][tuple(sorted(item.answer))].append(said)
    model.train(was_training)
    figures = {
        f"answered/{topic}": _mean([_mean(hits) for hits in classes.values()])
        for topic, classes in right.items()
    }
    return figures | {"answered/all": _mean(list(figures.values()))}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
