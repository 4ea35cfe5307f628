"""A bench answered by a rival: as it is and under controls, kept as it goes, then scored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from benchmark.rivals.rgb_pictures import RivalPictures, blank
from versamammo.errors import InputError
from versamammo.files import alone_in, parse_json, write_atomically
from versamammo.vqa import read_items
from versamammo.vqa.answer_file import Answered, answer_into
from versamammo.vqa.asking import (
    MOST_PICTURES,
    AskedItem,
    Control,
    combine,
    groups_of,
    under_control,
)

RUN = "run.json"


class Rival(Protocol):
    """A model that answers questions.

    Attributes:
        most_pictures: that one question may show; 0 for any number.
    """

    most_pictures: int

    def answer(self, prompt: str, pictures: Sequence[Image.Image]) -> str:
        """Answer one question about pictures."""


@dataclass(frozen=True)
class RivalRun:
    """What is asked, and where answers are kept.

    Attributes:
        bench: MammoVQA JSON of items.
        images: a prepared archive, or the folder that the items' paths begin in.
        out: folder of the run.
        controls: how items are put; `none` is as they are.
        pictures: most pictures in one question; 0 shows all.
        side: pixels of a picture's longest side.
        seed: of the controls.
    """

    bench: Path
    images: Path
    out: Path
    controls: tuple[Control, ...] = ("none", "blank", "shuffled")
    pictures: int = MOST_PICTURES
    side: int = 1024
    seed: int = 0

    def file(self, control: Control) -> Path:
        """Return the file of answers under a control."""
        return self.out / ("answers.jsonl" if control == "none" else f"{control}.jsonl")


def answer_bench(run: RivalRun, rival: Rival, described: Mapping[str, Any]) -> dict[str, Answered]:
    """Have every item answered under every control; goes on where it stopped.

    Args:
        run: what is asked.
        rival: who answers.
        described: model and settings that answers depend on, which a run that goes on must share.

    Returns:
        what was answered, by control.

    Raises:
        InputError: the bench or the folders cannot be used, or the folder holds another run.
    """
    items, bad = read_items(run.bench)
    shown = RivalPictures(run.images, run.side)
    most = min(filter(None, (run.pictures, rival.most_pictures)), default=0)
    with alone_in(run.out, "--out"):
        _claim(run, {**described, "pictures": most, "side": run.side, "seed": run.seed})
        made: dict[str, Answered] = {}
        for control in run.controls:
            asked = under_control(items, control, run.seed)
            answer = partial(_answers, rival, control, shown, most)
            made[control] = answer_into(run.file(control), asked, answer, 1).beside(bad)
    return made


def _answers(
    rival: Rival, control: Control, shown: RivalPictures, most: int, some: Sequence[AskedItem]
) -> list[str]:
    return [_reply(rival, one, control, shown, most) for one in some]


def _reply(rival: Rival, one: AskedItem, control: Control, shown: RivalPictures, most: int) -> str:
    """Return the answer to one item, of all groups of its pictures together."""
    pictures = [shown.take(path) for path in one.item.images]
    if control == "blank":
        pictures = [blank(picture) for picture in pictures]
    elif control == "shuffled":
        theirs = [shown.take(path) for path in one.shown.images]
        # as many as the question is about, so that the words stay true of their number
        pictures = [theirs[n % len(theirs)] for n in range(len(pictures))]
    groups = groups_of(pictures, most)
    return combine(one, [rival.answer(one.prompt, group) for group in groups])


def _claim(run: RivalRun, described: Mapping[str, Any]) -> None:
    """Write down who answers what, or refuse a folder that holds other answers.

    Raises:
        InputError: it does.
    """
    bench = hashlib.sha256(run.bench.read_bytes()).hexdigest()[:16]
    told = json.loads(json.dumps({**described, "bench": bench}))
    file = run.out / RUN
    if file.is_file():
        try:
            before = parse_json(file.read_text())
        except ValueError as error:
            raise InputError(f"is damaged: {error}", file=file, reason="damaged-run") from error
        if before != told:
            names = told.keys() | before.keys() if isinstance(before, dict) else told.keys()
            odd = [name for name in sorted(names) if before.get(name) != told.get(name)]
            message = f"holds answers of another run ({', '.join(odd)} differ); choose another"
            raise InputError(message, file=run.out, field="--out", reason="other-run")
        return
    write_atomically(file, (json.dumps(told, indent=1, sort_keys=True) + "\n").encode())
