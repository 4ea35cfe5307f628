"""From questions about mammograms to what the model reads: words, placeholders, pixels, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

import torch
from jinja2 import TemplateError
from torch import Tensor
from transformers import AutoProcessor, BatchFeature, PreTrainedTokenizerBase
from transformers.processing_utils import MultiModalData, ProcessorMixin
from transformers.utils.chat_template_utils import render_jinja_template

from versamammo.errors import InputError
from versamammo.model.image_processor import VersaMammoImageProcessor
from vlm.labelled_tokens import IGNORED, Example, labelled
from vlm.projector import ProjectorSettings
from vlm.prompts import IMAGE_TOKEN, MOST_VIEWS, Question, to_messages
from vlm.vlm_configuration import VersaMammoVlmConfig

_ANSWER = "The answer stands here."  # to find out how a template ends an answer


class VersaMammoVlmProcessor(ProcessorMixin):
    """Reads images, writes placeholders, applies the language model's own chat template.

    Attributes:
        image_processor: prepares images as the encoder expects them.
        tokenizer: of the language model, with an image token.
        stride: the encoder's, in pixels.
        projector: `ProjectorSettings.to_dict()`, for the number of visual tokens.
        longest: most words and visual tokens that the language model reads at once.
    """

    def __init__(
        self,
        image_processor: VersaMammoImageProcessor,
        tokenizer: PreTrainedTokenizerBase,
        chat_template: str | None = None,
        stride: int = 32,
        projector: dict[str, Any] | None = None,
        longest: int = 4096,
        **_: Any,
    ) -> None:
        settings = (
            ProjectorSettings() if projector is None else ProjectorSettings.from_dict(projector)
        )
        self.stride = stride
        self.projector = settings.to_dict()
        self.longest = longest
        self.image_token = IMAGE_TOKEN
        self.image_token_id = cast(int, tokenizer.convert_tokens_to_ids(IMAGE_TOKEN))
        self.image_token_ids = [self.image_token_id]
        if chat_template is None:
            chat_template = cast(str, tokenizer.chat_template)
        super().__init__(  # type: ignore[no-untyped-call]
            image_processor, tokenizer, chat_template=chat_template
        )

    def __call__(
        self,
        images: Any = None,
        text: str | Sequence[str] | None = None,
        *,
        pixel_values: Tensor | None = None,
        return_mm_token_type_ids: bool = False,
        **_: Any,
    ) -> BatchFeature:
        """Prepare texts in which each `<image>` stands for one image.

        Args:
            images: one, a list in the order of their placeholders, or a list for each text.
            text: one or several, usually from `apply_chat_template`.
            pixel_values: images prepared before, [n, 1, H, W], instead of `images`.
            return_mm_token_type_ids: also say which words are visual tokens, as servers ask.

        Returns:
            `input_ids` and `attention_mask` [B, T], padded left, `pixel_values` [n, 1, H, W].

        Raises:
            InputError: placeholders and images do not match, or there are too many of either.
        """
        if text is None:
            raise InputError("there is no text", field="text", reason="empty-question")
        texts = [text] if isinstance(text, str) else list(text)
        if images is not None:
            images = _flat(images, texts)
            pixel_values = self.image_processor.preprocess(images)["pixel_values"]
        self._check_counts(texts, 0 if pixel_values is None else len(pixel_values))
        rows = [self._ids(one, pixel_values) for one in texts]
        batch = self._pad(rows)
        if return_mm_token_type_ids:
            batch["mm_token_type_ids"] = (batch["input_ids"] == self.image_token_id).long()
        if pixel_values is not None:
            batch["pixel_values"] = pixel_values
        return batch

    def _check_counts(self, texts: Sequence[str], images: int) -> None:
        for text in texts:
            if text.count(IMAGE_TOKEN) > 2 * MOST_VIEWS:
                message = (
                    f"{text.count(IMAGE_TOKEN)} images in one text; expected at most {MOST_VIEWS} "
                    f"of one exam and {MOST_VIEWS} of a prior one"
                )
                raise InputError(message, field="images", reason="number-of-images")
        placeholders = sum(text.count(IMAGE_TOKEN) for text in texts)
        if placeholders != images:
            message = f"{placeholders} image tokens {IMAGE_TOKEN} in the text for {images} images"
            raise InputError(message, field="text", reason="no-image-token")

    def _ids(self, text: str, pixel_values: Tensor | None) -> list[int]:
        """Tokenise a rendered text, each placeholder as often as there are visual tokens."""
        ids = cast(list[int], self.tokenizer(text, add_special_tokens=False)["input_ids"])
        if pixel_values is None:
            return ids
        count = self.visual_tokens(cast(tuple[int, int], tuple(pixel_values.shape[-2:])))
        spread = []
        for number in ids:
            spread += [number] * (count if number == self.image_token_id else 1)
        self._check_length(len(spread))
        return spread

    def _check_length(self, words: int) -> None:
        if words > self.longest:
            message = f"{words} words and visual tokens; at most {self.longest} are read"
            raise InputError(message, field="question", reason="too-long")

    def visual_tokens(self, size: tuple[int, int]) -> int:
        """Count the visual tokens of a prepared image of (H, W) pixels."""
        return ProjectorSettings.from_dict(self.projector).tokens_for(size, self.stride)

    def render(self, question: Question) -> str:
        """Write a question in the language model's own template, ready to be answered.

        Raises:
            InputError: the question holds a token with which templates mark their turns.
        """
        spoken = [question.text, *question.facts]
        for turn in question.history:
            spoken += [turn.question, turn.answer, *turn.facts]
        for text in spoken:
            self._refuse_special(text)
        return self._template(to_messages(question), add_generation_prompt=True)

    def example(self, question: Question, answer: str | None = None) -> Example:
        """Turn a question, and the answers to be learned, into words and labels.

        Without an answer nothing is learned; with one, those of earlier turns are learned too.

        Raises:
            InputError: it is too long, or a text holds a token of the template.
        """
        pixels = torch.stack([picture.pixels for picture in question.pictures])
        pieces = (
            [(self.render(question), False)] if answer is None else self.pieces(question, answer)
        )
        words = [(self._ids(text, pixels), learned) for text, learned in pieces]
        made = labelled(words, question.pictures)
        self._check_length(len(made.input_ids))
        return made

    def pieces(self, question: Question, answer: str) -> list[tuple[str, bool]]:
        """Cut a conversation into what is read and what is learned: each answer and its end.

        An earlier answer is learned where the template writes earlier turns as it writes the last
        one; some leave out the thoughts of earlier turns, and then only the last is learned.
        """
        whole = self.render(question)
        found, read = [], 0
        for count, turn in enumerate(question.history):
            self._refuse_special(turn.answer)
            before = replace(
                question, text=turn.question, facts=turn.facts, history=question.history[:count]
            )
            asked, told = self.render(before), turn.answer + self.answer_end
            if whole.startswith(asked + told):
                found += [(whole[read : len(asked)], False), (told, True)]
                read = len(asked + told)
        self._refuse_special(answer)
        return [*found, (whole[read:], False), (answer + self.answer_end, True)]

    def collate(self, examples: Sequence[Example]) -> BatchFeature:
        """Batch examples, padded left, with `labels` if any of them has an answer."""
        batch = self._pad([example.input_ids for example in examples])
        longest = batch["input_ids"].shape[1]
        labels = [[IGNORED] * (longest - len(e.labels)) + list(e.labels) for e in examples]
        if any(number != IGNORED for row in labels for number in row):
            batch["labels"] = torch.tensor(labels)
        pixels = [picture.pixels for example in examples for picture in example.pictures]
        batch["pixel_values"] = torch.stack(pixels)
        return batch

    def encode(
        self, questions: Sequence[Question], answers: Sequence[str] | None = None
    ) -> BatchFeature:
        """Turn questions into a batch for `generate`, or with answers for learning."""
        due = [None] * len(questions) if answers is None else answers
        return self.collate([self.example(q, a) for q, a in zip(questions, due, strict=True)])

    @property
    def answer_end(self) -> str:
        """What the template writes after an answer, such as `<|im_end|>`."""
        messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _ANSWER}]
        tail = self._template(messages).rpartition(_ANSWER)[2].strip()
        return tail or cast(str, self.tokenizer.eos_token)

    def apply_chat_template(self, conversation: Any, **options: Any) -> Any:  # type: ignore[override]
        """Render a conversation; images within a content become placeholders in its text.

        Language models' own templates know only text, so contents of several parts are joined
        before the template sees them.
        """
        options.setdefault("enable_thinking", False)
        nested = conversation and isinstance(conversation[0], list)
        flat = [self._fitting(_joined(c)) for c in (conversation if nested else [conversation])]
        return super().apply_chat_template(flat if nested else flat[0], **options)

    def _fitting(self, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Write contents as a template reads them: plain, or as lists of parts.

        Templates of some vision-language models, such as SmolVLM's, write parts only.
        """
        if _writes_plain_text(cast(str, self.chat_template)):
            return list(messages)
        return [{**m, "content": [{"type": "text", "text": m["content"]}]} for m in messages]

    def _template(self, messages: list[dict[str, str]], **options: Any) -> str:
        # a template that thinks first would put its thoughts where the answer is learned
        rendered = self.tokenizer.apply_chat_template(
            self._fitting(messages),
            chat_template=self.chat_template,
            tokenize=False,
            enable_thinking=False,
            **options,
        )
        return cast(str, rendered)

    def _refuse_special(self, text: str) -> None:
        marks = {*self.tokenizer.all_special_tokens, *self.tokenizer.get_added_vocab()}
        found = sorted(mark for mark in marks if mark.strip() and mark in text)
        if found:
            message = f"holds {found[0]!r}, which marks turns or images for the language model"
            raise InputError(message, field="question", reason="special-token")

    def _pad(self, rows: Sequence[Sequence[int]]) -> BatchFeature:
        longest = max(len(row) for row in rows)
        filler = self.tokenizer.pad_token_id
        ids = [[filler] * (longest - len(row)) + list(row) for row in rows]
        mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
        return BatchFeature({"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)})

    def _get_num_multimodal_tokens(
        self, image_sizes: Sequence[Sequence[int]] | None = None, **_: Any
    ) -> MultiModalData:
        """Count visual tokens for servers; the contract gives every image one size."""
        if image_sizes is None:
            return MultiModalData()
        size = cast(tuple[int, int], tuple(self.image_processor.contract["size"]))
        count = self.visual_tokens(size)
        return MultiModalData(
            num_image_tokens=[count] * len(image_sizes), num_image_patches=[1] * len(image_sizes)
        )

    @property
    def model_input_names(self) -> list[str]:
        """What the model takes."""
        return ["input_ids", "attention_mask", "pixel_values"]


def _flat(images: Any, texts: Sequence[str]) -> list[Any]:
    """List images in the order of their placeholders."""
    if not isinstance(images, list | tuple):
        return [images]
    if not images or not isinstance(images[0], list | tuple):
        return list(images)
    for text, own in zip(texts, images, strict=True):
        if text.count(IMAGE_TOKEN) != len(own):
            found = text.count(IMAGE_TOKEN)
            message = f"{found} image tokens {IMAGE_TOKEN} in a text with {len(own)} images"
            raise InputError(message, field="text", reason="no-image-token")
    return [image for own in images for image in own]


@lru_cache(maxsize=8)
def _writes_plain_text(chat_template: str) -> bool:
    try:
        written = render_jinja_template(
            [[{"role": "user", "content": _ANSWER}]], chat_template=chat_template
        )[0]
    except TemplateError:
        return False
    return _ANSWER in written[0]


def _joined(conversation: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**message, "content": _text_of(message["content"])} for message in conversation]


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(
        IMAGE_TOKEN if part["type"] == "image" else str(part["text"]) for part in content
    )


AutoProcessor.register(VersaMammoVlmConfig, VersaMammoVlmProcessor, exist_ok=True)
