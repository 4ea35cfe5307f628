"""What a vision-language model is made of: its config.json."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from versamammo.errors import InputError
from versamammo.model.configuration import VersaMammoConfig
from versamammo.training.origin import counts_in
from vlm.encoder_beside import check_beside
from vlm.language_source import LanguageModelSource
from vlm.projector import ProjectorSettings


class VersaMammoVlmConfig(PreTrainedConfig):
    """The config of a `VersaMammoForImageTextToText`.

    Attributes:
        vision_config: of the encoder, a `VersaMammoConfig`.
        text_config: of the language model, of any family that transformers knows.
        projector: `ProjectorSettings.to_dict()`.
        image_token_id: the placeholder whose embedding a visual token replaces.
        head_bias: whether the language model's last layer has a bias.
        encoder_name: where the encoder came from.
        encoder_hash: `fingerprints.encoder_hash`, which an adapter must share.
        encoder_beside: name of the folder beside this one that holds the encoder; empty if this
            folder holds it.
        language_name: where the language model came from.
        language: `LanguageModelSource.to_dict()` of the language model that the folder refers to;
            empty if the folder holds its weights.
        sources: whose images encoder, projector and adapter were made from.
        counts: how many of each were learnt from here, `SourceCount.to_dict()`.
    """

    model_type = "versamammo_vlm"
    sub_configs = {"vision_config": VersaMammoConfig, "text_config": AutoConfig}  # noqa: RUF012

    vision_config: Any = None
    text_config: Any = None
    projector: dict[str, Any] = field(default_factory=lambda: ProjectorSettings().to_dict())
    image_token_id: int | None = None
    head_bias: bool = False
    encoder_name: str = ""
    encoder_hash: str = ""
    encoder_beside: str = ""
    language_name: str = ""
    language: dict[str, str] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    counts: list[dict[str, Any]] = field(default_factory=list)
    tie_word_embeddings: bool = False

    def __post_init__(self, **others: Any) -> None:
        """Read the parts' configs.

        Raises:
            InputError: a part is of an unknown kind, or a setting makes no sense.
        """
        if "transformers_weights" in others:
            message = "weights are read from model.safetensors alone"
            raise InputError(message, field="transformers_weights", reason="bad-config")
        for name in ("encoder_name", "encoder_hash", "language_name"):
            if not isinstance(getattr(self, name), str):
                raise InputError("expected a text", field=name, reason="bad-config")
        if self.encoder_beside != "":
            check_beside(self.encoder_beside)
        if not isinstance(self.image_token_id, int | None):
            raise InputError("expected a number", field="image_token_id", reason="bad-config")
        if not all(isinstance(one, str) for one in self.sources):
            raise InputError("expected a list of texts", field="sources", reason="bad-config")
        counts_in({"counts": self.counts})
        if self.language != {}:
            LanguageModelSource.from_dict(self.language)
        self.vision_config = _vision(self.vision_config)
        self.text_config = _text(self.text_config)
        self.tie_word_embeddings = bool(getattr(self.text_config, "tie_word_embeddings", False))
        ProjectorSettings.from_dict(self.projector)
        super().__post_init__(**others)  # type: ignore[no-untyped-call]

    @property
    def projector_settings(self) -> ProjectorSettings:
        """How many visual tokens an image becomes, and how."""
        return ProjectorSettings.from_dict(self.projector)


def _vision(given: Any) -> VersaMammoConfig:
    if given is None:
        return VersaMammoConfig()
    if isinstance(given, VersaMammoConfig):
        return given
    kind = given.get("model_type") if isinstance(given, dict) else type(given).__name__
    if kind != VersaMammoConfig.model_type:
        message = (
            f"{kind!r} is no {VersaMammoConfig.model_type!r}; foreign encoders come in through "
            "versamammo.model.foreign.load_encoder"
        )
        raise InputError(message, field="vision_config", reason="bad-config")
    return VersaMammoConfig(**{key: value for key, value in given.items() if key != "model_type"})


def _text(given: Any) -> PreTrainedConfig:
    if isinstance(given, PreTrainedConfig):
        return given
    settings = dict(given or {"model_type": "qwen3"})
    kind = settings.pop("model_type", None)
    try:
        return AutoConfig.for_model(kind, **settings)
    except ValueError as error:
        message = f"transformers knows no language model {kind!r}"
        raise InputError(message, field="text_config", reason="bad-config") from error


AutoConfig.register(VersaMammoVlmConfig.model_type, VersaMammoVlmConfig, exist_ok=True)
