"""Whatever `AutoModelForImageTextToText` of transformers opens, as one that answers questions.

Pictures and words go through the model's own processor and chat template. A family whose models
have no chat template is written for by name in `PLAIN`. Nothing is unpickled and no code of a
repository is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoModelForImageTextToText, AutoProcessor

from versamammo.errors import InputError

Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class PlainFamily:
    """Models without a chat template.

    Attributes:
        words: how a question is written.
        pictures: that one question may show.
    """

    words: str
    pictures: int


PLAIN = {
    "blip-2": PlainFamily("Question: {} Answer:", 1),
    "instructblip": PlainFamily("{}", 1),
}


class TransformersModel:
    """A vision-language model of transformers.

    Attributes:
        family: `model_type` of its config.
        most_pictures: that one question may show; 0 for any number.
    """

    def __init__(self, source: str, dtype: Precision = "auto", most_words: int = 48) -> None:
        """Open a model.

        Args:
            source: folder, or name of a repository.
            dtype: of the weights; `auto` is bfloat16 on a GPU, float32 elsewhere.
            most_words: tokens of one answer.

        Raises:
            InputError: it cannot be opened, or nothing says how its questions are written.
        """
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        chosen = _dtype(dtype, self.device)
        try:
            self.processor: Any = AutoProcessor.from_pretrained(source)
            model: Any = AutoModelForImageTextToText.from_pretrained(
                source, dtype=chosen, use_safetensors=True
            )
        except (OSError, ValueError, ImportError, KeyError) as error:
            message = f"cannot be opened: {str(error).partition(chr(10))[0]}"
            raise InputError(message, file=source, field="model", reason="bad-model") from error
        self.model = model.to(self.device).eval()
        self.most_words = most_words
        self.family = str(model.config.model_type)
        self.plain = None if has_template(self.processor) else PLAIN.get(self.family)
        if self.plain is None and not has_template(self.processor):
            message = (
                f"has no chat template, and how {self.family!r} is asked is not known; expected a "
                f"template or one of {', '.join(PLAIN)}"
            )
            raise InputError(message, file=source, field="model", reason="no-template")
        self.most_pictures = 0 if self.plain is None else self.plain.pictures

    @torch.inference_mode()
    def answer(self, prompt: str, pictures: Sequence[Image.Image]) -> str:
        """Answer one question greedily.

        Args:
            prompt: the question with its options.
            pictures: in the order in which they are shown, RGB.
        """
        inputs = self._inputs(prompt, pictures).to(self.device, dtype=self.model.dtype)
        written: Tensor = self.model.generate(
            **inputs, max_new_tokens=self.most_words, do_sample=False
        )
        own = without_prompt(written[0], inputs["input_ids"][0])
        return str(self.processor.decode(own, skip_special_tokens=True)).strip()

    def _inputs(self, prompt: str, pictures: Sequence[Image.Image]) -> Any:
        if self.plain is not None:
            (picture,) = pictures
            text = self.plain.words.format(prompt)
            return self.processor(images=picture, text=text, return_tensors="pt")
        content: list[dict[str, Any]] = [{"type": "image", "image": one} for one in pictures]
        content.append({"type": "text", "text": prompt})
        return self.processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
        )  # fmt: skip


def has_template(processor: Any) -> bool:
    """Return whether a processor knows how a conversation is written."""
    tokenizer = getattr(processor, "tokenizer", None)
    return bool(
        getattr(processor, "chat_template", None) or getattr(tokenizer, "chat_template", None)
    )


def without_prompt(written: Tensor, asked: Tensor) -> Tensor:
    """Return the words that were added; some models give back the question before them."""
    begins = len(written) >= len(asked) and bool((written[: len(asked)] == asked).all())
    return written[len(asked) :] if begins else written


def _dtype(named: Precision, device: torch.device) -> torch.dtype:
    if named != "auto":
        return getattr(torch, named)  # type: ignore[no-any-return]
    return torch.bfloat16 if device.type == "cuda" else torch.float32
