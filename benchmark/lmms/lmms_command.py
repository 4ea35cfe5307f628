"""`versamammo bench lmms`: a bench of questions written as a task that lmms-eval runs."""

from __future__ import annotations

from pathlib import Path

import jsonargparse

from versamammo import NOTICE
from versamammo.config import command_parser


def parser() -> jsonargparse.ArgumentParser:
    """Describe the options of `versamammo bench lmms`."""
    made = command_parser(description=f"Write a bench of questions for lmms-eval. {NOTICE}")
    add = made.add_argument
    add("--bench", type=Path, required=True, help="MammoVQA JSON of items, of images or exams")
    add("--images", type=Path, required=True, help="prepared archive, or where paths begin")
    add("--out", type=Path, required=True, help="folder of tasks, for --include_path")
    add("--name", default="", help="of the task; by default mammovqa_image or mammovqa_exam")
    add("--side", type=int, default=1024, help="pixels of a picture's longest side")
    add("--most-words", type=int, default=48, help="tokens of one answer")
    add("--allow-missing", action="store_true", help="leave out items whose pictures are gone")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Write the task and say how it is run; returns 0."""
    # here, since other verbs should not wait for pyarrow and scipy
    from benchmark.lmms.task_folder import TaskSettings, write_task

    made = write_task(
        TaskSettings(
            bench=args.bench, images=args.images, out=args.out, name=args.name, side=args.side,
            most_words=args.most_words, allow_missing=args.allow_missing,
        )
    )  # fmt: skip
    print(f"{made.file}: {made.items} questions")
    for one in made.left_out:
        print(f"  id {one.id} of the bench is left out: {one.error}")
    print(f"lmms-eval --include_path {args.out} --tasks {made.name} --log_samples --model ...")
    print(NOTICE)
    return 0
