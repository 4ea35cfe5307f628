"""Time training with and without packing, answers in batches and one by one, and the first word.

    python scripts/bench_vlm.py --model runs/vlm/model --data PREPARED [--threads 2]

All in one run, on the CPU unless there is a GPU. Every part is done once before it is timed, and
each figure is the median of the repeats.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from versamammo.data.dataset import Archive
from versamammo.data.sampling import Share
from versamammo.input.contract import InputContract
from versamammo.vqa.asking import prompt_of
from vlm.adapter import has_adapter, merge_adapter
from vlm.assembly import load
from vlm.feature_memory import FeatureMemory
from vlm.feeding import StepDataset
from vlm.generation import answer, stream
from vlm.image_cache import ImageCache
from vlm.instructions import LessonPool, Mixture, make_items
from vlm.labelled_tokens import Example
from vlm.learner import Learner
from vlm.model import VersaMammoForImageTextToText
from vlm.packing import PackedBatch, pack
from vlm.processor import VersaMammoVlmProcessor
from vlm.prompts import Question

ROW = 512  # words and visual tokens of a packed row


def median(work: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of some work, done once before."""
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def one_per_row(examples: Sequence[Example], filler: int) -> PackedBatch:
    """Lay each conversation in a row of its own, filled up to the longest."""
    longest = max(len(example.input_ids) for example in examples)
    alone = [pack([example], longest, filler) for example in examples]

    def filled(name: str, value: int) -> torch.Tensor:
        rows = [getattr(one, name) for one in alone]
        wide = [torch.nn.functional.pad(r, (0, longest - r.shape[1]), value=value) for r in rows]
        return torch.cat(wide)

    pixels = [one.pixel_values for one in alone if one.pixel_values is not None]
    return PackedBatch(
        filled("input_ids", filler), filled("labels", -100), filled("position_ids", 0),
        filled("samples", 0), torch.cat(pixels),
    )  # fmt: skip


def training(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    pool: LessonPool,
    given: argparse.Namespace,
) -> None:
    """Time steps of the adapter's phase, packed and not, on the same conversations."""
    dataset = StepDataset(pool, processor, Share(given.batch), "adapter", max_length=4096, seed=0)
    examples = [dataset.example(0, place) for place in range(given.batch)]
    filler = processor.tokenizer.pad_token_id
    assert isinstance(filler, int)
    longest = max(ROW, *(len(example.input_ids) for example in examples))
    learner = Learner(model, "adapter", teaches_encoder=False)
    tokens = sum(len(example.input_ids) for example in examples)
    rates = {}
    for name, rows in (
        ("packed", pack(examples, longest, filler)), ("padded", one_per_row(examples, filler)),
    ):  # fmt: skip
        rows = rows.to(model.device)

        def step(rows: PackedBatch = rows) -> None:
            (learner(rows) / rows.answer_words).backward()
            learner.zero_grad()

        seconds = median(step, given.repeats)
        rates[name] = tokens / seconds
        size = "x".join(map(str, rows.samples.shape))
        print(f"training, {name}: {rates[name]:.0f} tokens/s ({tokens} tokens in {size})")
    print(f"training, packed / padded: {rates['packed'] / rates['padded']:.2f}")


def answering(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    questions: Sequence[Question],
    given: argparse.Namespace,
) -> None:
    """Time answers, many at once and one by one, and the first word of one."""

    def batched() -> None:
        answer(model, processor, questions, most_words=given.words)

    def one_by_one() -> None:
        for question in questions:
            answer(model, processor, [question], most_words=given.words)

    rates = []
    for name, work in (("batched", batched), ("one by one", one_by_one)):
        rates.append(len(questions) / median(work, max(1, given.repeats // 2)))
        print(f"answers, {name}: {rates[-1]:.1f} a second")
    print(f"answers, batched / one by one: {rates[0] / rates[1]:.2f}")

    def first_word(new: bool) -> float:
        def wait() -> None:
            if new:
                model.model.memory = FeatureMemory()
            pieces = stream(model, processor, questions[0], most_words=given.words)
            next(pieces)
            pieces.close()

        return median(wait, given.repeats)

    print(f"first word, image not seen before: {1000 * first_word(True):.0f} ms")
    print(f"first word, image seen before: {1000 * first_word(False):.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="what vlm/train.py wrote")
    parser.add_argument("--data", type=Path, required=True, help="a prepared archive, split test")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32, help="conversations or questions at once")
    parser.add_argument("--words", type=int, default=12, help="most tokens of an answer")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model, processor = load(given.model)
    model.to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]
    model.model.memory = FeatureMemory()
    size = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    print(f"{given.threads} threads, {size:.1f} million weights, {model.device}")
    pool = LessonPool(Archive.open(given.data, ["test"]), Mixture())
    training(model, processor, pool, given)
    model.eval()
    if has_adapter(model):
        merge_adapter(model)
    contract = InputContract.from_dict(processor.image_processor.contract)
    shelf = ImageCache(given.data, contract)
    items = make_items(given.data, ("test",), per_answer=4, exams=False)[: given.batch]
    questions = [
        Question(prompt_of(item), tuple(map(shelf.take, item.images)), context=False)
        for item in items
    ]
    answering(model, processor, questions, given)


if __name__ == "__main__":
    main()
