"""Encoder, projector and language model as one model of the Hugging Face kind.

The layout is the one that serving engines expect of a vision-language model: a base model that
knows `get_image_features`, and a head that turns its hidden states into words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForImageTextToText,
    GenerationConfig,
    GenerationMixin,
    PreTrainedModel,
)
from transformers.modeling_outputs import BaseModelOutputWithPast, BaseModelOutputWithPooling

from versamammo.errors import InputError
from versamammo.model.backbones import settle
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.features import Features
from versamammo.model.foreign import local_folder
from versamammo.model.weights import load_strictly
from vlm.adapter import ADAPTER, is_merged, load_adapter, plain_state, save_adapter
from vlm.answer_output import AnswerOutput, answer_loss
from vlm.card import write_card
from vlm.encoder_beside import without_encoder
from vlm.feature_memory import FeatureMemory
from vlm.fingerprints import encoder_hash
from vlm.head_features import widths, with_evidence
from vlm.language_weights import referred, source_of, without_language
from vlm.projector import Projector
from vlm.vlm_configuration import VersaMammoVlmConfig


class _Vlm(PreTrainedModel):
    config_class = VersaMammoVlmConfig
    config: VersaMammoVlmConfig
    base_model_prefix = "model"
    input_modalities = ["image", "text"]  # noqa: RUF012
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012


def build_projector(config: VersaMammoVlmConfig, encoder: VersaMammoModel) -> Projector:
    """Build a new projector between an encoder and the language model of a config.

    Raises:
        InputError: it asks for what the encoder's heads say, and there are none.
    """
    settings = config.projector_settings
    said = widths(encoder) if settings.evidence else (0, 0)
    width = cast(int, encoder.config.hidden_size)
    return Projector(settings, width, config.text_config.hidden_size, said)


class VersaMammoVlmModel(_Vlm):
    """Hidden states of the language model, with visual tokens in place of their placeholders.

    Attributes:
        memory: of what the encoder saw; None looks at every image anew.
    """

    def __init__(self, config: VersaMammoVlmConfig) -> None:
        super().__init__(config)
        self.vision_tower = VersaMammoModel(config.vision_config)
        self.projector = build_projector(config, self.vision_tower)
        self.language_model = AutoModel.from_config(config.text_config)
        self.memory: FeatureMemory | None = None
        self.post_init()  # type: ignore[no-untyped-call]

    def get_input_embeddings(self) -> nn.Module:
        """Return the language model's word embeddings."""
        return cast(nn.Module, self.language_model.get_input_embeddings())

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the language model's word embeddings."""
        self.language_model.set_input_embeddings(value)

    def see(self, pixel_values: Tensor) -> Features:
        """Look at images [n, 1, H, W]; what the encoder's heads say stands behind its features."""
        features = self.vision_tower.encode(pixel_values)
        evidence = self.projector.settings.evidence
        return with_evidence(self.vision_tower, features) if evidence else features

    def get_image_features(self, pixel_values: Tensor, **_: Any) -> BaseModelOutputWithPooling:
        """Turn images [n, 1, H, W] into visual tokens, a list of n tensors [M, D_llm]."""
        tower, see = self.vision_tower, self.see
        features = (
            see(pixel_values) if self.memory is None else self.memory.look(tower, pixel_values, see)
        )
        tokens = self.projector(features)  # [n, M, D_llm]
        return BaseModelOutputWithPooling(
            last_hidden_state=features.patches, pooler_output=cast(Any, list(tokens))
        )

    def splice(self, input_ids: Tensor, pixel_values: Tensor | None) -> Tensor:
        """Embed words [B, T] and put visual tokens in their places, image after image.

        Raises:
            InputError: there are more or fewer placeholders than visual tokens.
        """
        embedded = self.get_input_embeddings()(input_ids)  # [B, T, D_llm]
        here = torch.eq(input_ids, cast(int, self.config.image_token_id))
        if pixel_values is None:
            if here.any():
                message = f"{int(here.sum())} image placeholders, but no image"
                raise InputError(message, field="pixel_values", reason="no-image")
            return cast(Tensor, embedded)
        images: Any = self.get_image_features(pixel_values).pooler_output
        visual = torch.cat(images)  # [n * M, D_llm]
        if int(here.sum()) != len(visual):
            message = (
                f"{int(here.sum())} image placeholders for {len(pixel_values)} images of "
                f"{len(visual) // len(pixel_values)} visual tokens; the processor writes them"
            )
            raise InputError(message, field="input_ids", reason="no-image-token")
        # out of place: in-place writing would cut the gradient's way to the embeddings
        return cast(Tensor, embedded.masked_scatter(here.unsqueeze(-1), visual.to(embedded)))

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **options: Any,
    ) -> BaseModelOutputWithPast:
        """Read words [B, T] and images [n, 1, H, W]; more options go to the language model."""
        if (input_ids is None) == (inputs_embeds is None):
            message = "expected either input_ids or inputs_embeds"
            raise InputError(message, field="input_ids", reason="bad-input")
        if input_ids is not None:
            inputs_embeds = self.splice(input_ids, pixel_values)
        options["return_dict"] = True
        return cast(
            BaseModelOutputWithPast, self.language_model(inputs_embeds=inputs_embeds, **options)
        )


class VersaMammoForImageTextToText(_Vlm, GenerationMixin):
    """Answers questions about one to four mammograms.

    Attributes:
        model: encoder, projector and language model without its last layer.
        lm_head: from hidden states to words.
    """

    _tp_plan = {"lm_head": "colwise_gather_output"}  # noqa: RUF012

    def __init__(self, config: VersaMammoVlmConfig) -> None:
        super().__init__(config)
        self.model = VersaMammoVlmModel(config)
        text = config.text_config
        self.lm_head = nn.Linear(text.hidden_size, text.vocab_size, bias=config.head_bias)
        self._tied_weights_keys = {"lm_head.weight": self._embedding_key()}
        self.post_init()  # type: ignore[no-untyped-call]

    def _embedding_key(self) -> str:
        words = self.model.get_input_embeddings()
        return next(f"{n}.weight" for n, part in self.named_modules() if part is words)

    def get_output_embeddings(self) -> nn.Module:
        """Return the last layer."""
        return cast(nn.Module, self.lm_head)

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replace the last layer."""
        self.lm_head = cast(nn.Linear, new_embeddings)

    def get_image_features(self, pixel_values: Tensor, **_: Any) -> BaseModelOutputWithPooling:
        """Turn images [n, 1, H, W] into visual tokens, a list of n tensors [M, D_llm]."""
        return cast(VersaMammoVlmModel, self.model).get_image_features(pixel_values)

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        num_items_in_batch: Tensor | int | None = None,
        return_dict: bool | None = None,
        **options: Any,
    ) -> AnswerOutput | tuple[Any, ...]:
        """Read words [B, T] and images; with labels [B, T], -100 where no answer is, also learn.

        Args:
            input_ids: words, with as many placeholders as there are visual tokens.
            pixel_values: all images of the batch, [n, 1, H, W], in the order of placeholders.
            attention_mask: [B, T], 0 where padded, or [B, 1, T, T], to keep packed samples apart.
            position_ids: [B, T]; counted by the language model if None.
            past_key_values: the cache of an answer that has begun.
            inputs_embeds: [B, T, D_llm] in place of words and images.
            labels: the words to learn where they stand; they are shifted here.
            logits_to_keep: how many last words to give logits for; 0 means all.
            num_items_in_batch: answer words of all batches that make one step, if several do.
            return_dict: False for a plain tuple.
            options: for the language model.
        """
        seen = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            **options,
        )
        hidden = seen.last_hidden_state
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(hidden if kept == slice(0, None) else hidden[:, kept])
        loss = None
        if labels is not None:
            loss = answer_loss(logits, labels, num_items_in_batch)
        output = AnswerOutput(
            loss=loss,
            logits=logits,
            past_key_values=seen.past_key_values,
            hidden_states=seen.hidden_states,
            attentions=seen.attentions,
        )
        return output.to_tuple() if return_dict is False else output

    def train(self, mode: bool = True) -> Self:
        """Switch to training; an encoder that is frozen keeps its batch statistics too."""
        super().train(mode)
        if mode and not any(p.requires_grad for p in self.model.vision_tower.parameters()):
            self.model.vision_tower.eval()
        return self

    def train_only(
        self, *, projector: bool = False, adapter: bool = False, encoder: bool = False
    ) -> None:
        """Let gradients reach the named parts and nothing else; the language model stays frozen."""
        self.requires_grad_(False)
        self.model.projector.requires_grad_(projector)
        self.model.vision_tower.requires_grad_(encoder)
        for name, parameter in self.model.language_model.named_parameters():
            if "lora_" in name:
                parameter.requires_grad_(adapter)
        self.train(self.training)

    def prepare_inputs_for_generation(  # type: ignore[override]
        self, input_ids: Tensor, pixel_values: Tensor | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Hand the images over with their placeholders; a cache remembers both."""
        theirs = cast(Any, super()).prepare_inputs_for_generation
        cache = kwargs.get("past_key_values")
        read = cache.get_seq_length() if cache is not None else 0
        if read and kwargs.get("next_sequence_length") is None:  # first step of a drafted answer
            kwargs["next_sequence_length"] = input_ids.shape[1] - read
        inputs: dict[str, Any] = theirs(input_ids, **kwargs)
        return inputs | {"pixel_values": None if read else pixel_values}

    def _expand_inputs_for_generation(  # type: ignore[override]
        self,
        expand_size: int = 1,
        is_encoder_decoder: bool = False,
        input_ids: Tensor | None = None,
        **options: Any,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Repeat each question with all its images; transformers would repeat image by image."""
        pixel_values = options.pop("pixel_values", None)
        if pixel_values is not None and input_ids is not None and expand_size > 1:
            here = torch.eq(input_ids, cast(int, self.config.image_token_id))
            placeholders = here.sum(1).tolist()
            each = sum(placeholders) // len(pixel_values)
            groups = pixel_values.split([count // each for count in placeholders])
            pixel_values = torch.cat([group for group in groups for _ in range(expand_size)])
        theirs = cast(Any, super())._expand_inputs_for_generation
        expanded, options = theirs(expand_size, is_encoder_decoder, input_ids, **options)
        return expanded, {**options, "pixel_values": pixel_values}

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, pretrained_model_name_or_path: str | Path | None, *arguments: Any, **options: Any
    ) -> Self:
        """Load a folder or a repository, its adapter too, all of it or nothing.

        Raises:
            InputError: the weights are no safetensors, do not match key by key, or are not those
                of the encoder that the config names.
        """
        source = pretrained_model_name_or_path
        folder = None if source is None else local_folder(source)
        wants_report = options.pop("output_loading_info", False)
        if folder is not None and options.get("state_dict") is None:
            options |= referred(cls.config_class, folder, options)
        here = None if "state_dict" in options else folder
        model, report = load_strictly(super().from_pretrained, here, arguments, options)
        if here is None and folder is not None:
            model.generation_config = GenerationConfig.from_pretrained(folder)
        settle(model.model.vision_tower.backbone)
        found = encoder_hash(model.model.vision_tower)
        if found != model.config.encoder_hash:
            message = (
                f"the encoder's weights hash to {found[:12]}, the config says "
                f"{model.config.encoder_hash[:12] or 'nothing'}"
            )
            raise InputError(message, file=source, field="encoder_hash", reason="other-encoder")
        if folder is not None and (folder / ADAPTER).is_dir():
            load_adapter(model, folder / ADAPTER)
        model.eval()
        return (model, report) if wants_report else model  # type: ignore[return-value]

    def save_pretrained(  # type: ignore[override]
        self, save_directory: str | Path, **options: Any
    ) -> None:
        """Write config, weights without the adapter, the adapter in its own folder, and a card.

        Weights of a language model that the config refers to are left where they are, and those of
        an encoder that lies beside the folder.

        Raises:
            InputError: the adapter is merged for now; unmerge it or fold it in for good. Or the
                language model's weights have changed.
        """
        if is_merged(self):
            message = "the adapter is merged for now: unmerge it, or fold it in for good"
            raise InputError(message, field="adapter", reason="merged")
        if not self.lm_head.weight.is_floating_point():
            message = "weights of 8 bits are for answers only; open the model in another type"
            raise InputError(message, field="dtype", reason="int8")
        self.config.encoder_hash = encoder_hash(self.model.vision_tower)
        state = plain_state(self, options.get("state_dict"))
        source = source_of(self.config)
        state = state if source is None else without_language(state, source)
        beside = bool(self.config.encoder_beside)
        options["state_dict"] = without_encoder(state) if beside else state
        super().save_pretrained(save_directory, **options)
        save_adapter(self, Path(save_directory, ADAPTER))
        write_card(self, Path(save_directory))


AutoModel.register(VersaMammoVlmConfig, VersaMammoVlmModel, exist_ok=True)
AutoModelForImageTextToText.register(
    VersaMammoVlmConfig, VersaMammoForImageTextToText, exist_ok=True
)
