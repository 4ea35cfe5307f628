"""Language models that come out of vision-language models: what is taken, trained and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForImageTextToText,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)

from versamammo.errors import InputError
from vlm.adapter import LoraSettings, add_adapter
from vlm.assembly import assemble, load, save
from vlm.generation import answer
from vlm.language import train_tokenizer
from vlm.learner import Learner
from vlm.packing import pack
from vlm.prompts import Question

# the templates that these families publish, but for what they say of pictures and tools
QWEN = (
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ m.role }}\n"
    "{% if m.content is string %}{{ m.content }}<|im_end|>\n{% else %}{% for part in m.content %}"
    "{% if 'text' in part %}{{ part.text }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}{{ '<start_of_turn>' + "
    "('model' if m.role == 'assistant' else m.role) + '\n' }}{% if m.content is string %}"
    "{{ m.content | trim }}{% else %}{% for part in m.content %}{% if part.type == 'text' %}"
    "{{ part.text | trim }}{% endif %}{% endfor %}{% endif %}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
SMOLVLM = (
    "<|im_start|>{% for m in messages %}{{ m.role | capitalize }}"
    "{% if m.content[0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for line in m.content %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
VISION = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
          "num_attention_heads": 2, "image_size": 28, "patch_size": 14}  # fmt: skip
TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 1024,
        "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
WINDOW = 8  # words, far fewer than a conversation has


def qwen2_5_vl(words: int) -> Any:
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2,
              "out_hidden_size": 32, "patch_size": 14, "fullatt_block_indexes": [0]}  # fmt: skip
    rope = {"rope_type": "default", "mrope_section": [2, 2, 4], "rope_theta": 10_000.0}
    text = {**TEXT, "vocab_size": words, "rope_parameters": rope}
    config = Qwen2_5_VLConfig(vision_config=vision, text_config=text, tie_word_embeddings=True)
    return Qwen2_5_VLForConditionalGeneration(config)


def gemma3(words: int) -> Any:
    text = {**TEXT, "vocab_size": words, "head_dim": 16, "sliding_window": WINDOW,
            "layer_types": ["sliding_attention", "full_attention"]}  # fmt: skip
    vision = {"model_type": "siglip_vision_model", **VISION, "vision_use_head": False}
    config = Gemma3Config(vision_config=vision, text_config=text, mm_tokens_per_image=4)
    return Gemma3ForConditionalGeneration(config)


def smolvlm(words: int) -> Any:
    text = {**TEXT, "vocab_size": words, "model_type": "llama"}
    config = SmolVLMConfig(vision_config=VISION, text_config=text, scale_factor=2, pad_token_id=0)
    return SmolVLMForConditionalGeneration(config)


# model, template, what ends an answer
BASES = {
    "qwen2_5_vl": (qwen2_5_vl, QWEN, "<|im_end|>"),
    "gemma3": (gemma3, GEMMA, "<end_of_turn>"),
    "smolvlm": (smolvlm, SMOLVLM, "<end_of_utterance>"),
}


def write_base(folder: Path, family: str) -> Path:
    """Write a vision-language model of a family as a folder that transformers opens."""
    build, template, end = BASES[family]
    tokenizer = train_tokenizer(["Is there a mass? Yes. No."], 300)
    tokenizer.chat_template = template
    tokenizer.add_special_tokens({"bos_token": "<|im_start|>"})
    tokenizer.add_tokens([end], special_tokens=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build(len(tokenizer))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    return request.param, write_base(tmp_path / "base", request.param)


@torch.no_grad()
def test_words_alone_are_answered_as_the_whole_model_answers_them(
    base: tuple[str, Path], small: Any
) -> None:
    family, folder = base
    model, processor = assemble(small.encoder(), folder)
    whole = AutoModelForImageTextToText.from_pretrained(folder).eval()
    ids = processor.tokenizer(["Is there a mass? Yes. No."], return_tensors="pt")["input_ids"]
    assert ids.shape[1] > WINDOW
    assert torch.equal(model(input_ids=ids).logits, whole(input_ids=ids).logits)
    names = [name for name, _ in model.named_modules()]
    assert sum("vision" in name.split(".")[-1] for name in names) == 1  # ours alone
    text = model.config.text_config
    expected = "qwen2_5_vl_text" if family == "qwen2_5_vl" else "gemma3_text"
    assert text.model_type == (expected if family in ("qwen2_5_vl", "gemma3") else "llama")


def test_a_base_learns_and_comes_back_as_it_was_saved(
    base: tuple[str, Path], small: Any, tmp_path: Path
) -> None:
    family, folder = base
    model, processor = assemble(small.encoder(), folder)
    tied = model.lm_head.weight is model.get_input_embeddings().weight
    assert tied == (family != "smolvlm")
    add_adapter(model, LoraSettings(rank=4, dropout=0.0))
    model.train_only(projector=True, adapter=True)
    batch = processor.encode(small.questions, ["Yes.", "No."])
    first = float(model(**batch).loss.detach())
    small.train(model, dict(batch), 6)
    assert float(model(**batch).loss.detach()) < first - 0.2
    save(model, processor, tmp_path / "vlm")
    kept = load_file(tmp_path / "vlm" / "model.safetensors")
    assert [n for n in kept if n.startswith(("model.language_model", "lm_head"))] == []
    assert len(model.config.language["content"]) == 64
    again, its_processor = load(tmp_path / "vlm")
    with torch.no_grad():
        found, expected = again(**batch).logits, model(**batch).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    replies = answer(again, its_processor, small.questions, most_words=8)
    assert replies == answer(model, processor, small.questions, most_words=8)


def test_its_own_template_is_written_with_the_words_in_it(
    base: tuple[str, Path], small: Any
) -> None:
    family, folder = base
    _, processor = assemble(small.encoder(), folder)
    assert processor.answer_end == BASES[family][2]
    question = Question("Is there a mass?", (small.picture(1),))
    rendered = processor.render(question)
    assert "Is there a mass?" in rendered
    assert rendered.count("<image>") == 1
    parts = [{"type": "image"}, {"type": "text", "text": "Is there a mass?"}]
    asked = [{"role": "user", "content": parts}]
    shown = processor.apply_chat_template(asked, add_generation_prompt=True)
    assert "<image>\nIs there a mass?" in shown


def test_packed_conversations_learn_what_they_learn_alone(
    base: tuple[str, Path], small: Any
) -> None:
    model, processor = assemble(small.encoder(), base[1])
    examples = [
        processor.example(question, told)
        for question, told in zip(small.questions, ["Yes.", "No."], strict=True)
    ]
    learner = Learner(model, "projector", teaches_encoder=False).eval()
    filler = processor.tokenizer.pad_token_id
    with torch.no_grad():
        together = learner(pack(examples, 2000, filler))
        alone = sum(learner(pack([one], 2000, filler)) for one in examples)
        plain = sum(
            float(model(**processor.collate([one])).loss) * pack([one], 2000, filler).answer_words
            for one in examples
        )
    assert float(together) == pytest.approx(float(alone), abs=1e-3)
    assert float(together) == pytest.approx(plain, abs=1e-3)


@torch.no_grad()
def test_a_base_is_opened_in_half_precision(small: Any, tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base", "gemma3")
    model, processor = assemble(small.encoder(), folder, dtype=torch.bfloat16)
    wide, _ = assemble(small.encoder(), folder)
    wide.model.projector.load_state_dict(model.model.projector.state_dict())
    batch = processor.encode(small.questions)
    narrow, exact = model(**batch).logits.float(), wide(**batch).logits
    assert {p.dtype for p in model.model.language_model.parameters()} == {torch.bfloat16}
    assert (narrow - exact).abs().max() < 0.1 * exact.abs().max()


def test_a_model_of_ours_is_no_language_model(folder: Path, small: Any) -> None:
    with pytest.raises(InputError, match="name the language model that it was made from"):
        assemble(small.encoder(), folder / "folded")
