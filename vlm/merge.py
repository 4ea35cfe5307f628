"""Fold a model's adapter into its language model: one plain model, faster to answer and to serve.

    python vlm/merge.py runs/vlm/model merged

The folder with the adapter stays as it is; it is the way back.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from versamammo import NOTICE
from versamammo.config import command_parser
from versamammo.errors import InputError
from versamammo.files import whole_folder
from versamammo.training.stopping import run_command
from vlm.adapter import fold_adapter_in, has_adapter
from vlm.assembly import load, save
from vlm.trained_topics import read_competence, write_competence


def merge(folder: Path, out: Path) -> Path:
    """Write a model that holds its language model and no adapter, and answers the same.

    Raises:
        InputError: it is one already, or the folder to be made is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise InputError("is not empty", file=out, field="out", reason="bad-output")
    model, processor = load(folder)
    if not has_adapter(model) and not model.config.language:
        message = "has no adapter and holds its language model; there is nothing to fold in"
        raise InputError(message, file=folder, field="model", reason="no-adapter")
    fold_adapter_in(model)
    with whole_folder(out) as made:
        save(model, processor, made)
        write_competence(made, read_competence(folder))
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 2 for a bad input."""
    parser = command_parser(description=f"Fold an adapter in. {NOTICE}")
    parser.add_argument("model", type=Path, help="folder that `vlm/train.py` wrote")
    parser.add_argument("out", type=Path, help="folder to be made")
    given = parser.parse_args(sys.argv[1:] if argv is None else list(argv))

    def work() -> int:
        print(merge(given.model, given.out))
        return 0

    return run_command("merge", work)


if __name__ == "__main__":
    sys.exit(main())
