"""What an encoder is, how its images are prepared and how it came about: its config.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from versamammo.errors import InputError
from versamammo.input.preprocess import InputContract


@dataclass(frozen=True)
class Training:
    """How weights came about, enough to do it again.

    Attributes:
        data: hash of the manifest and its split; empty if nothing was trained.
        command: the command line.
        versions: of the libraries, by name.
        steps: what was done to the weights since, in order, in plain words.
        sources: whose images the weights were made from, those of a teacher among them.
        images: how many of each source, of those that it learnt from itself; empty if not known.
        foreign: weights that it began from or was taught by, and that do not say whose images they
            were made from.
    """

    data: str = ""
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    images: dict[str, int] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists and strings, as they lie in config.json."""
        lists = {name: list(getattr(self, name)) for name in ("steps", "sources", "foreign")}
        return asdict(self) | lists


class VersaMammoConfig(PreTrainedConfig):
    """The config of a `VersaMammoModel`.

    Attributes:
        backbone: timm's name of the network.
        backbone_args: more arguments for timm, such as `img_size` or `drop_path_rate`.
        pyramid_blocks: blocks of a ViT that give the pyramid; evenly spread if None.
        contract: how an image is prepared, `InputContract.to_dict()`.
        training: how the weights came about, `Training.to_dict()`.
        heads: what the heads predict, `describe_heads`; empty if there are none.
        hidden_size: D, filled in when the model is built.
    """

    model_type = "versamammo"

    backbone: str = "efficientnet_b5"
    backbone_args: dict[str, Any] = field(default_factory=dict)
    pyramid_blocks: list[int] | None = None
    contract: dict[str, Any] = field(default_factory=lambda: InputContract().to_dict())
    training: dict[str, Any] = field(default_factory=lambda: Training().to_dict())
    heads: dict[str, Any] = field(default_factory=dict)
    hidden_size: int | None = None

    def __post_init__(self, **others: Any) -> None:
        """Check what timm and preprocessing will not check for us.

        Raises:
            InputError: the config names another weight file, or a record does not make sense.
        """
        if "transformers_weights" in others:
            # transformers would open the named file, a pickle among them
            message = (
                f"weights are read from model.safetensors, not {others['transformers_weights']!r}"
            )
            raise InputError(message, field="transformers_weights", reason="bad-config")
        unknown = self.training.keys() - {known.name for known in fields(Training)}
        if unknown:
            message = f"unknown keys {', '.join(sorted(unknown))}"
            raise InputError(message, field="training", reason="bad-config")
        InputContract.from_dict(self.contract)
        super().__post_init__(**others)  # type: ignore[no-untyped-call]

    @property
    def input_contract(self) -> InputContract:
        """How an image is prepared for this encoder."""
        return InputContract.from_dict(self.contract)


AutoConfig.register(VersaMammoConfig.model_type, VersaMammoConfig, exist_ok=True)
