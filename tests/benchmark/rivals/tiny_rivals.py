"""Vision-language models of several families, built from their configs: small, random, offline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    BlipImageProcessor,
    CLIPImageProcessor,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessor,
    Gemma3Processor,
    GotOcr2ImageProcessor,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

SIDE, PATCH, WIDTH = 28, 14, 16  # pixels, pixels, features
WORDS = (
    *("Answer", "with", "one", "of", "the", "options", "and", "nothing", "else", "Question"),
    *("Options", "Level", "A", "B", "C", "D", "what"),
)
VISION = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 2,
          "num_attention_heads": 2, "image_size": SIDE, "patch_size": PATCH}  # fmt: skip
TEXT = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8}  # fmt: skip
TEMPLATE = (
    "{% for message in messages %}<s>{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE {% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %} </s>{% endif %}"
)
Made = tuple[Any, Any]


def tokenizer(**marks: str) -> PreTrainedTokenizerFast:
    """Make a tokenizer of a few words, with a family's own marks."""
    special = ["<pad>", "<s>", "</s>", "<unk>", *marks.values()]
    words = list(dict.fromkeys([*special, *WORDS]))
    core = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", additional_special_tokens=list(dict.fromkeys(marks.values())),
        extra_special_tokens=marks,
    )  # fmt: skip


def text_config(words: PreTrainedTokenizerFast, **more: Any) -> dict[str, Any]:
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    return {**TEXT, "vocab_size": len(words), **ids, **more}


def llava() -> Made:
    words = tokenizer(image_token="<image>")
    config = LlavaConfig(
        vision_config={"model_type": "clip_vision_model", **VISION},
        text_config=text_config(words, model_type="llama"),
        image_token_id=words.convert_tokens_to_ids("<image>"),
    )
    size = {"height": SIDE, "width": SIDE}
    shown = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=size)
    processor = LlavaProcessor(
        shown, words, patch_size=PATCH, vision_feature_select_strategy="default",
        num_additional_image_tokens=1, chat_template=TEMPLATE.replace("IMAGE", "<image>"),
    )  # fmt: skip
    return LlavaForConditionalGeneration(config), processor


def qwen_words() -> tuple[PreTrainedTokenizerFast, dict[str, Any]]:
    """Make the tokenizer of a Qwen, and what its config calls the marks around pictures."""
    names = {"image": "image_pad", "video": "video_pad",
             "vision_start": "vision_start", "vision_end": "vision_end"}  # fmt: skip
    words = tokenizer(
        image_token="<|image_pad|>", video_token="<|video_pad|>",
        start="<|vision_start|>", end="<|vision_end|>",
    )  # fmt: skip
    ids = words.convert_tokens_to_ids
    return words, {f"{name}_token_id": ids(f"<|{mark}|>") for name, mark in names.items()}


def qwen2_5_vl() -> Made:
    words, marks = qwen_words()
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10_000.0}
    text = {**text_config(words), "rope_parameters": rope}
    text.pop("head_dim")
    config = Qwen2_5_VLConfig(
        vision_config={
            "depth": 1, "hidden_size": WIDTH, "intermediate_size": 32, "num_heads": 2,
            "out_hidden_size": WIDTH, "patch_size": PATCH, "fullatt_block_indexes": [0],
        },
        text_config=text, **marks,
    )  # fmt: skip
    small = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}
    shown = Qwen2VLImageProcessor(size=small, patch_size=PATCH)
    mark = "<|vision_start|><|image_pad|><|vision_end|>"
    processor = Qwen2_5_VLProcessor(
        shown, words, Qwen2VLVideoProcessor(), chat_template=TEMPLATE.replace("IMAGE", mark)
    )
    return Qwen2_5_VLForConditionalGeneration(config), processor


def qwen3_vl() -> Made:
    words, marks = qwen_words()
    rope = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10_000.0,
            "mrope_interleaved": True}  # fmt: skip
    config = Qwen3VLConfig(
        vision_config={
            "depth": 2, "hidden_size": WIDTH, "intermediate_size": 32, "num_heads": 2,
            "out_hidden_size": WIDTH, "patch_size": PATCH, "num_position_embeddings": 16,
            "deepstack_visual_indexes": [0],
        },
        text_config={**text_config(words), "rope_parameters": rope},
        **marks,
    )  # fmt: skip
    small = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}
    mark = "<|vision_start|><|image_pad|><|vision_end|>"
    processor = Qwen3VLProcessor(
        Qwen2VLImageProcessor(size=small, patch_size=PATCH), words, Qwen3VLVideoProcessor(),
        chat_template=TEMPLATE.replace("IMAGE", mark),
    )  # fmt: skip
    return Qwen3VLForConditionalGeneration(config), processor


def gemma3() -> Made:
    words = tokenizer(boi_token="<start_of_image>", eoi_token="<end_of_image>",
                      image_token="<image_soft_token>")  # fmt: skip
    ids = words.convert_tokens_to_ids
    config = Gemma3Config(
        vision_config={"model_type": "siglip_vision_model", **VISION, "vision_use_head": False},
        text_config=text_config(words, sliding_window=64),
        mm_tokens_per_image=4, boi_token_index=ids("<start_of_image>"),
        eoi_token_index=ids("<end_of_image>"), image_token_index=ids("<image_soft_token>"),
    )  # fmt: skip
    shown = Gemma3ImageProcessor(size={"height": SIDE, "width": SIDE})
    processor = Gemma3Processor(
        shown, words, chat_template=TEMPLATE.replace("IMAGE", "<start_of_image>"),
        image_seq_length=4,
    )  # fmt: skip
    return Gemma3ForConditionalGeneration(config), processor


def internvl() -> Made:
    words = tokenizer(start_image_token="<img>", end_image_token="</img>",
                      context_image_token="<IMG_CONTEXT>", video_token="<video>")  # fmt: skip
    config = InternVLConfig(
        vision_config={**VISION, "image_size": [SIDE, SIDE], "patch_size": [PATCH, PATCH]},
        text_config=text_config(words, model_type="qwen2"),
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"), downsample_ratio=0.5,
    )  # fmt: skip
    shown = GotOcr2ImageProcessor(size={"height": SIDE, "width": SIDE}, crop_to_patches=False)
    processor = InternVLProcessor(
        shown, words, InternVLVideoProcessor(), image_seq_length=1,
        chat_template=TEMPLATE.replace("IMAGE", "<IMG_CONTEXT>"),
    )  # fmt: skip
    return InternVLForConditionalGeneration(config), processor


def smolvlm() -> Made:
    """SmolVLM's first version, which is an Idefics3."""
    words = tokenizer(image="<image>", around="<fake_token_around_image>", whole="<global-img>",
                      end="<end_of_utterance>")  # fmt: skip
    config = Idefics3Config(
        vision_config=VISION, text_config=text_config(words, model_type="llama"),
        image_token_id=words.convert_tokens_to_ids("<image>"), scale_factor=2,
        pad_token_id=0,
    )  # fmt: skip
    shown = Idefics3ImageProcessor(
        size={"longest_edge": SIDE}, max_image_size={"longest_edge": SIDE}, do_image_splitting=False
    )
    processor = Idefics3Processor(
        shown, words, image_seq_len=1, chat_template=TEMPLATE.replace("IMAGE", "<image>")
    )
    return Idefics3ForConditionalGeneration(config), processor


def blip2() -> Made:
    words = tokenizer(picture="<image>")  # the processor keeps a mark of its own
    text = {"model_type": "opt", "vocab_size": len(words), "hidden_size": WIDTH, "ffn_dim": 32,
            "num_hidden_layers": 1, "num_attention_heads": 2, "word_embed_proj_dim": WIDTH,
            "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
    queries = {"hidden_size": WIDTH, "encoder_hidden_size": WIDTH, "intermediate_size": 32,
               "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 8}  # fmt: skip
    config = Blip2Config(
        vision_config=VISION, qformer_config=queries, text_config=text, num_query_tokens=2,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    shown = BlipImageProcessor(size={"height": SIDE, "width": SIDE})
    return (
        Blip2ForConditionalGeneration(config),
        Blip2Processor(shown, words, num_query_tokens=2),
    )


FAMILIES: dict[str, Callable[[], Made]] = {
    "llava": llava,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
    "gemma3": gemma3,
    "internvl": internvl,
    "idefics3": smolvlm,
    "blip-2": blip2,
}


def save_rival(folder: Path, family: str, seed: int = 0, factor: float = 1.0) -> Path:
    """Write a model of a family as a folder that transformers opens.

    Args:
        folder: to be written.
        family: a key of `FAMILIES`.
        seed: of the weights.
        factor: that all weights are multiplied by; by large ones answers differ.
    """
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model, processor = FAMILIES[family]()
        for weight in model.parameters():
            weight.mul_(factor)
    model.generation_config.pad_token_id = 0
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
