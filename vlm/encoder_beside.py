"""A folder without its encoder's weights, which lie in a folder beside it.

A bundle of an encoder and of the vision-language model that looks through it holds the encoder
once. Which encoder it has to be, the hash in the config tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from versamammo.errors import InputError
from versamammo.model.encoder import VersaMammoModel

ENCODER = "model.vision_tower."


def check_beside(name: object) -> None:
    """Refuse a name that is not that of a folder beside another.

    Raises:
        InputError: it is no text, or leads elsewhere.
    """
    if not isinstance(name, str) or name in (".", "..") or Path(name).name != name:
        message = f"found {name!r}; expected the name of a folder beside this one, or nothing"
        raise InputError(message, field="encoder_beside", reason="bad-config")


def without_encoder(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights without those of the encoder."""
    return {name: tensor for name, tensor in state.items() if not name.startswith(ENCODER)}


def encoder_state(folder: Path, name: str) -> dict[str, Tensor]:
    """Return the weights of the encoder beside a folder, under the names they have in it.

    Raises:
        InputError: it is not there, or is damaged.
    """
    place = folder.resolve().parent / name
    if not place.is_dir():
        message = f"its encoder lies beside it, in {name}/, which is not there"
        raise InputError(message, file=folder, field="encoder_beside", reason="missing-file")
    encoder = VersaMammoModel.from_pretrained(place)
    return {ENCODER + key: tensor for key, tensor in encoder.state_dict().items()}
