"""Copy a trained encoder into a bundle, without heads that are of no use.

    python scripts/bundle_encoder.py runs/train_real/stage2/encoder models/cbis/encoder \
        --without laterality incomplete

Heads whose interval on validation patients reaches down to guessing are left out, and those that
are named: what a head cannot know, or can read off where an image comes from. Everything else is
as it was trained; the copy is opened again and asked what the first says of an image.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Collection
from pathlib import Path

import torch
from torch import Tensor

from versamammo.errors import InputError
from versamammo.files import whole_folder
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.head_scores import HeadScore, read_head_scores, write_head_scores

CARD = "README.md"
GUESSING = 0.5
TEMPERATURES = "heads.attributes.log_temperature"


def main() -> int:
    """Bundle; returns 0, or 2 for an encoder that cannot be bundled."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--without", nargs="*", default=[], metavar="ATTRIBUTE")
    asked = parser.parse_args()
    try:
        left_out = bundle(asked.encoder, asked.bundle, asked.without)
    except InputError as error:
        print(f"bundle_encoder: {error}", file=sys.stderr)
        return 2
    print(f"{asked.bundle}, without {', '.join(left_out) or 'nothing'}")
    return 0


def bundle(source: Path, target: Path, without: Collection[str]) -> list[str]:
    """Write the copy, whole or not at all; returns the attributes that were left out.

    Raises:
        InputError: it is no encoder with heads, or has no head of a name.
    """
    encoder = VersaMammoModel.from_pretrained(source).eval()
    if encoder.heads is None:
        raise InputError("has no heads", file=source, field="heads", reason="no-heads")
    names = [one.name for one in encoder.heads.attributes.attributes]
    for name in without:
        if name not in names:
            message = f"has no head {name!r}; expected some of {', '.join(names)}"
            raise InputError(message, file=source, field="--without", reason="unknown-attribute")
    scores = read_head_scores(source)
    useless = {one.attribute for one in scores if is_guessing(one)} | set(without)
    kept = [name for name in names if name not in useless]
    if not kept:
        raise InputError("no head is of use", file=source, field="heads", reason="no-heads")
    smaller = with_attributes(encoder, kept)
    with whole_folder(target) as made:
        smaller.save_pretrained(made)
        write_head_scores(made, [one for one in scores if one.attribute not in useless])
        (made / CARD).write_text(without_rows((source / CARD).read_text(), useless))
    check_same(encoder, VersaMammoModel.from_pretrained(target).eval(), kept)
    return [name for name in names if name in useless]


def is_guessing(score: HeadScore) -> bool:
    """Return whether guessing lies in the interval of a score."""
    return score.low is not None and score.low <= GUESSING


def with_attributes(encoder: VersaMammoModel, kept: list[str]) -> VersaMammoModel:
    """Return an encoder with the heads of some attributes alone."""
    assert encoder.heads is not None, "bundle has refused such an encoder"
    names = [one.name for one in encoder.heads.attributes.attributes]
    config = copy.deepcopy(encoder.config)
    config.heads = {**config.heads, "attributes": kept}
    smaller = VersaMammoModel(config).eval()
    state: dict[str, Tensor] = {**encoder.state_dict()}
    state[TEMPERATURES] = state[TEMPERATURES][[names.index(name) for name in kept]]
    due = smaller.state_dict().keys()
    smaller.load_state_dict({name: state[name] for name in due}, strict=True)
    return smaller


def without_rows(card: str, attributes: Collection[str]) -> str:
    """Return a card without the rows of its table that are about some attributes."""
    gone = tuple(f"| {name} |" for name in attributes)
    return "".join(line for line in card.splitlines(keepends=True) if not line.startswith(gone))


def check_same(before: VersaMammoModel, after: VersaMammoModel, kept: list[str]) -> None:
    """Stop unless both say the same of an image.

    Raises:
        InputError: they do not.
    """
    pixels = torch.rand(1, 1, *before.config.input_contract.size)
    said = [one.probabilities(pixels)[0] for one in (before, after)]
    if any(said[0][name] != said[1][name] for name in kept):
        raise InputError("says something else than the encoder it is of", reason="changed-weights")


if __name__ == "__main__":
    sys.exit(main())
