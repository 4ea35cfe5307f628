"""Answer the questions of a bench: `answers.jsonl` for `versamammo score`, and its controls.

    python vlm/predict.py --model M --bench items.json --images PREPARED --out answers.jsonl
    python vlm/predict.py ... --out blank.jsonl --control blank

Lines are written as they are made; a run that was stopped goes on after the last whole line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from tqdm import tqdm

from versamammo import NOTICE
from versamammo.config import load
from versamammo.errors import InputError, naming
from versamammo.files import parse_json, write_atomically
from versamammo.input.contract import InputContract
from versamammo.training.stopping import run_command
from versamammo.vqa import Item, read_bench
from vlm.generation import answer
from vlm.image_cache import KEPT, ImageCache
from vlm.instructions.wording import prompt_of
from vlm.opening import Loaded, Precision, open_model
from vlm.prompts import PromptImage, Question

Control = Literal["none", "blank", "shuffled", "reordered"]


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
        batch: questions at once.
        most_words: tokens of one answer.
        seed: of the shuffling.
        threads: on a CPU; 0 leaves it to torch.
        dtype: of the model's weights, as `vlm/opening.py` names them.
    """

    model: Path
    bench: Path
    images: Path
    out: Path
    control: Control = "none"
    context: bool = True
    batch: int = 32
    most_words: int = 48
    seed: int = 0
    threads: int = 0
    dtype: Precision = "auto"


def predict(settings: Prediction, loaded: Loaded | None = None) -> int:
    """Answer what is not answered yet; returns how many answers the file holds.

    Args:
        settings: what to answer, and where to write it.
        loaded: the model, if it is open already and to be used again.

    Raises:
        InputError: a file or an image cannot be used, or the answers there are of another run.
    """
    if settings.batch < 1:
        raise InputError(f"found {settings.batch}; expected 1 or more", field="batch")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    items = read_bench(settings.bench)
    model, processor = loaded or open_model(settings.model, settings.dtype, KEPT)
    contract = InputContract.from_dict(processor.image_processor.contract)
    asker = Asker(items, ImageCache(settings.images, contract), settings)
    done = _kept(settings.out, asker.prompts)
    with settings.out.open("a", encoding="utf-8") as out:
        for start in tqdm(range(done, len(items), settings.batch), desc="answering"):
            some = range(start, min(start + settings.batch, len(items)))
            questions = [asker.question(index) for index in some]
            replies = answer(model, processor, questions, most_words=settings.most_words)
            for index, reply in zip(some, replies, strict=True):
                out.write(_line(items[index], reply.text, asker.prompts[index]) + "\n")
            out.flush()
    return len(items)


class Asker:
    """Puts a bench's questions, as they are or under a control.

    Attributes:
        prompts: as sent, in the order of the items.
    """

    def __init__(self, items: Sequence[Item], shelf: ImageCache, settings: Prediction) -> None:
        self.items = items
        self.shelf = shelf
        self.settings = settings
        self.shown = self._shuffled() if settings.control == "shuffled" else list(items)
        self.prompts = [prompt_of(item, self._order(item)) for item in items]

    def question(self, index: int) -> Question:
        """Put one question."""
        own = tuple(map(self.shelf.take, self.items[index].images))
        pictures = own
        if self.settings.control == "blank":
            pictures = tuple(map(_blank, own, [self.shelf.contract] * len(own)))
        elif self.settings.control == "shuffled":
            theirs = [self.shelf.take(path) for path in self.shown[index].images]
            # the words stay as they are: only the pixels are another patient's
            pictures = tuple(
                replace(mine, pixels=theirs[n % len(theirs)].pixels) for n, mine in enumerate(own)
            )
        return Question(self.prompts[index], pictures, context=self.settings.context)

    def _order(self, item: Item) -> tuple[str, ...]:
        """Return the options as shown; reordered, none stays at its letter."""
        if self.settings.control != "reordered":
            return item.options
        turn = 1 + self.settings.seed % max(1, len(item.options) - 1)
        return item.options[turn:] + item.options[:turn]

    def _shuffled(self) -> list[Item]:
        """Return each question the images of another patient's, each used once where it can be."""
        random = np.random.default_rng(self.settings.seed)
        left = [int(n) for n in random.permutation(len(self.items))]
        chosen = []
        for item in self.items:
            place = next(
                (p for p, n in enumerate(left) if self.items[n].cluster != item.cluster), None
            )
            if place is None:
                others = [other for other in self.items if other.cluster != item.cluster]
                if not others:
                    message = "all questions are about one patient; there is no other to show"
                    raise InputError(message, field="control", reason="one-patient")
                chosen.append(others[int(random.integers(len(others)))])
            else:
                chosen.append(self.items[left.pop(place)])
        return chosen


def _blank(picture: PromptImage, contract: InputContract) -> PromptImage:
    level = (contract.fill - contract.mean) / contract.std
    return replace(picture, pixels=torch.full_like(picture.pixels, level))


def _line(item: Item, text: str, prompt: str) -> str:
    return json.dumps({"id": item.id, "answer": text, "prompt": prompt}, ensure_ascii=False)


def _kept(out: Path, prompts: Sequence[str]) -> int:
    """Count the answers of an earlier start; half a line at the end is cut off."""
    if not out.is_file():
        return 0
    whole, _, rest = out.read_text(encoding="utf-8").rpartition("\n")
    if rest:
        write_atomically(out, (whole + "\n").encode() if whole else b"")
    lines = whole.splitlines()
    for number, (line, prompt) in enumerate(zip(lines, prompts, strict=False), start=1):
        record = parse_json(line)
        if record.get("id") != str(number) or record.get("prompt") != prompt:
            message = f"line {number} answers another question; choose another file"
            raise InputError(message, file=out, field="out", reason="other-answers")
    if len(lines) > len(prompts):
        message = f"holds {len(lines)} answers to {len(prompts)} questions; choose another file"
        raise InputError(message, file=out, field="out", reason="other-answers")
    return len(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 2 for a bad input."""

    def work() -> int:
        settings = load(Prediction, argv)
        with naming(settings.bench):
            count = predict(settings)
        print(f"{settings.out}: {count} answers, control {settings.control}. {NOTICE}")
        return 0

    return run_command("predict", work, resumes=True)


if __name__ == "__main__":
    sys.exit(main())
