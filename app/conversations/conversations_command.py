"""`versamammo conversations`: write conversations for `vlm/train.py --conversations`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from pathlib import Path

import jsonargparse
import numpy as np
from tqdm import tqdm

from app.conversations.conversation_sampling import SampledConversation, draw_conversation
from versamammo.config import command_parser
from versamammo.errors import InputError
from versamammo.files import write_atomically

SHARED = 6  # words in a row that no question may share with one that is kept back


def parser() -> jsonargparse.ArgumentParser:
    """Return the options."""
    made = command_parser(
        description="Write conversations about random records of evidence, as JSONL. Each answer "
        "is written from the record that the page would show, and agrees with it."
    )
    made.add_argument("--out", type=Path, required=True, help="the file to write")
    made.add_argument("--count", type=int, default=4000, help="conversations, of one to four turns")
    made.add_argument("--seed", type=int, default=0, help="the same seed writes the same file")
    made.add_argument(
        "--longest", type=int, default=0,
        help="characters of a conversation, records and captions included; 0: any number",
    )  # fmt: skip
    made.add_argument(
        "--kept_back", type=Path, nargs="+", default=[],
        help=f"JSONL files with `turns`, lists of questions: none that shares {SHARED} words in a "
        "row with one of them is asked",
    )  # fmt: skip
    return made


def run(args: argparse.Namespace) -> int:
    """Write the file."""
    if args.count < 1:
        raise InputError(
            f"is {args.count}; expected 1 or more", field="--count", reason="bad-option"
        )
    kept = frozenset(run_ for file in args.kept_back for run_ in _runs_of(file))
    lines: list[str] = []
    turns = left_out = number = 0
    with tqdm(total=args.count, desc="conversations") as shown:
        while len(lines) < args.count:
            made = draw_conversation(np.random.default_rng([args.seed, number]))
            number += 1
            if not made.turns or 0 < args.longest <= made.length:
                continue
            if kept & frozenset(run_ for turn in made.turns for run_ in runs(turn.question)):
                left_out += 1
                continue
            lines.append(_line(made))
            turns += len(made.turns)
            shown.update()
    write_atomically(args.out, ("\n".join(lines) + "\n").encode())
    print(f"{args.out}: {len(lines)} conversations, {turns} turns; {left_out} left out that share "
          f"{SHARED} words in a row with questions kept back")  # fmt: skip
    return 0


def runs(question: str) -> Iterable[tuple[str, ...]]:
    """Return every six words in a row of a question, in lower case."""
    words = re.findall(r"[\w'-]+", question.casefold())
    return (tuple(words[i : i + SHARED]) for i in range(len(words) - SHARED + 1))


def _runs_of(file: Path) -> Iterable[tuple[str, ...]]:
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            for question in json.loads(line)["turns"]:
                yield from runs(question)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"cannot be read: {error!r}; expected lines with `turns`, lists of questions"
        raise InputError(message, file=file, reason="bad-file") from error


def _line(made: SampledConversation) -> str:
    return json.dumps(made.to_dict(), ensure_ascii=False)
