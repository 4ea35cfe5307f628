"""`versamammo questions DIR --out items.json`: benchmark questions from a prepared archive."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import jsonargparse

from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.errors import InputError
from versamammo.vqa import write_bench
from vlm.instructions.archive_items import make_items


def parser() -> jsonargparse.ArgumentParser:
    """Describe the options of `versamammo questions`."""
    made = command_parser(
        description=f"Make questions in the MammoVQA format from a prepared archive. {NOTICE}"
    )
    made.add_argument("folder", type=Path, help="what `versamammo prepare` wrote")
    made.add_argument("--out", type=Path, required=True, help="JSON file of items to write")
    made.add_argument("--splits", type=tuple[str, ...], default=("test",), help="whose patients")
    made.add_argument("--seed", type=int, default=0, help="of wording, options and images")
    made.add_argument("--per-answer", type=int, default=50, help="most items of one answer")
    made.add_argument("--topics", type=tuple[str, ...], default=(), help="only these")
    made.add_argument("--exams", type=bool, default=True, help="also ask about whole exams")
    return made


def run(args: jsonargparse.Namespace) -> int:
    """Write the items and say how many there are; returns 0."""
    items = make_items(
        args.folder,
        args.splits,
        seed=args.seed,
        per_answer=args.per_answer,
        topics=args.topics,
        exams=args.exams,
    )
    if not args.out.parent.is_dir():
        message = "there is no such folder"
        raise InputError(message, file=args.out.parent, field="out", reason="bad-output")
    write_bench(args.out, items)
    for topic, count in Counter(item.topic for item in items).items():
        print(f"  {topic:<24} {count}")
    patients = len({item.patient for item in items})
    print(f"{args.out}: {len(items)} items of {patients} patients. {NOTICE}")
    return 0
