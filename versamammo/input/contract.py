"""What a model expects of its input, stored beside its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any

from versamammo.errors import InputError

CHEST_WALL = "left"
LEVELS = "presentation values in 0..1, bright tissue on dark"


@dataclass(frozen=True)
class InputContract:
    """How a prepared picture becomes numbers; one for all models and tasks of the project.

    Attributes:
        size: (H', W') in pixels; the breast is shrunk to fit within, never enlarged, then padded
            right and below.
        mean: subtracted from levels in 0..1; a round number near that of padded breast crops.
        std: what the difference is divided by.
        fill: level of the padding, before mean and std.
        channels: always 1; grey is not copied into three colours.
        chest_wall: the side of the input on which the chest wall lies.
        levels: what the numbers are before mean and std.
    """

    size: tuple[int, int] = (1536, 1024)
    mean: float = 0.2
    std: float = 0.2
    fill: float = 0.0
    channels: int = 1
    chest_wall: str = CHEST_WALL
    levels: str = LEVELS

    def __post_init__(self) -> None:
        wrong = {
            "size": not _is_size(self.size),
            "mean": not _is_number(self.mean),
            "std": not (_is_number(self.std) and self.std > 0),
            "fill": not (_is_number(self.fill) and 0 <= self.fill <= 1),
            "channels": self.channels != 1,
            "chest_wall": self.chest_wall != CHEST_WALL,
            "levels": self.levels != LEVELS,
        }
        for name, bad in wrong.items():
            if bad:
                raise InputError(
                    f"{getattr(self, name)!r} cannot be used; the default is "
                    f"{getattr(InputContract, name)!r}",
                    field=f"contract.{name}",
                    reason="bad-contract",
                )

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, strings and numbers, as they lie beside the weights."""
        return asdict(self) | {"size": list(self.size)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> InputContract:
        """Read what `to_dict` wrote.

        Raises:
            InputError: a key is missing or unknown, or a value makes no sense (`bad-contract`).
        """
        names = {field.name for field in fields(cls)}
        if set(record) != names:
            raise InputError(
                f"expected the keys {sorted(names)}, got {sorted(record)}",
                field="contract",
                reason="bad-contract",
            )
        size = record["size"]
        return cls(**{**record, "size": tuple(size) if isinstance(size, list | tuple) else size})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_size(value: object) -> bool:
    """Return whether value is (H', W') in whole positive pixels; JSON brings anything at all."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in value)
    )
