"""Try a finished model on patients it has not learned from, and write down how each topic went.

    python vlm/calibrate.py --model M --images PREPARED

`vlm/train.py` does the same at its end with its own check patients.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from versamammo import NOTICE
from versamammo.config import load
from versamammo.input.contract import InputContract
from versamammo.training.stopping import run_command
from vlm.image_cache import ImageCache
from vlm.instructions import make_items
from vlm.model_loading import Loaded, Precision, open_model
from vlm.trained_topics import TRIED, calibrate, choose_trial, read_competence, write_competence


@dataclass(frozen=True)
class TopicCalibration:
    """Try a model's topics.

    Attributes:
        model: folder of the model; its `competence.json` is written anew.
        images: folder that `versamammo prepare` wrote, of patients it has not learned from.
        splits: whose patients are asked about.
        seed: of the choice of questions.
        dtype: of the model's weights, as `vlm/model_loading.py` names them.
    """

    model: Path
    images: Path
    splits: tuple[str, ...] = ("test",)
    seed: int = 0
    dtype: Precision = "auto"


def try_topics(settings: TopicCalibration, loaded: Loaded | None = None) -> str:
    """Try a model, write `competence.json` and return one line for each topic tried.

    Args:
        settings: which model, and on whom.
        loaded: the model, if it is open already.

    Raises:
        InputError: the model or the images cannot be used, or nothing is known of them.
    """
    before = read_competence(settings.model)
    items = make_items(
        settings.images, settings.splits, seed=settings.seed, per_answer=TRIED,
        topics=tuple(topic for topic in before.topics if topic not in ("Place", "Report")),
    )  # fmt: skip
    model, processor = loaded or open_model(settings.model, settings.dtype)
    shelf = ImageCache(settings.images, InputContract.from_dict(processor.image_processor.contract))
    chosen = choose_trial(items, settings.seed)
    found = calibrate(model, processor, chosen, shelf, before.topics)
    write_competence(settings.model, found)
    return "\n".join(
        f"{score.topic}: {score.why_not() or f'answered; it was {score}'}" for score in found.tried
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 2 for a bad input."""

    def work() -> int:
        print(f"{try_topics(load(TopicCalibration, argv))}\n{NOTICE}")
        return 0

    return run_command("calibrate", work)


if __name__ == "__main__":
    sys.exit(main())
