from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    Gemma2Config,
    LlamaConfig,
    Qwen2Config,
    Qwen3Config,
)

from versamammo.errors import InputError
from vlm.adapter import LoraSettings, add_adapter
from vlm.answer_output import answer_loss
from vlm.assembly import assemble, load, save
from vlm.generation import answer, stream, whole_sentences
from vlm.language import train_tokenizer
from vlm.projector import ProjectorSettings
from vlm.prompts import PromptImage, Question, Turn

CHATML_WITH_SYSTEM = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nBe brief.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m.content.lstrip('\n') }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n"
    "{% endif %}{% endif %}"
)
BRACKETS = (
    "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 1024,
}
FAMILIES = {
    "qwen3": (Qwen3Config(**SHAPE, head_dim=16, tie_word_embeddings=True), THINKING),
    "qwen2.5": (Qwen2Config(**SHAPE, tie_word_embeddings=True), CHATML_WITH_SYSTEM),
    "smollm2": (LlamaConfig(**SHAPE, tie_word_embeddings=True), CHATML_WITH_SYSTEM),
    "llama": (LlamaConfig(**SHAPE, tie_word_embeddings=False), BRACKETS),
}


def language(family: str) -> Any:
    config, template = copy.deepcopy(FAMILIES[family])
    tokenizer = train_tokenizer(["Is there a mass? Yes. No."], 300)
    tokenizer.chat_template = template
    config.vocab_size = len(tokenizer)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config), tokenizer


def test_splice_puts_each_visual_token_in_its_place_and_touches_no_word(
    untrained: Any, small: Any
) -> None:
    model, processor = untrained
    batch = processor.encode(small.questions)  # one image, then two
    ids, pixels = batch["input_ids"], batch["pixel_values"]
    with torch.no_grad():
        spliced = model.model.splice(ids, pixels)
        words = model.get_input_embeddings()(ids)
        images = [model.get_image_features(one.unsqueeze(0)).pooler_output[0] for one in pixels]
    visual = iter(torch.cat(images))
    for row in range(2):
        for place, number in enumerate(ids[row].tolist()):
            is_image = number == processor.image_token_id
            expected = next(visual) if is_image else words[row, place]
            torch.testing.assert_close(spliced[row, place], expected, rtol=0, atol=1e-6)
    assert next(visual, None) is None


def test_a_batch_answers_as_its_questions_do_alone(trained: Any, small: Any) -> None:
    model, processor = trained
    with torch.no_grad():
        together = model(**processor.encode(small.questions)).logits[:, -1]
        alone = [model(**processor.encode([q])).logits[0, -1] for q in small.questions]
    torch.testing.assert_close(together, torch.stack(alone), rtol=0, atol=1e-5)
    replies = answer(model, processor, small.questions, most_words=12)
    single = [answer(model, processor, [q], most_words=12)[0] for q in small.questions]
    assert replies == single
    assert replies[0].text == "Yes, a mass."
    assert replies[0].complete


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}], ids=["greedy", "beams"])
def test_cache_on_and_off_write_the_same(trained: Any, small: Any, options: Any) -> None:
    model, processor = trained
    on = answer(model, processor, small.questions, most_words=10, **options)
    off = answer(model, processor, small.questions, most_words=10, use_cache=False, **options)
    assert on == off


def test_several_answers_keep_their_own_images(trained: Any, small: Any) -> None:
    model, processor = trained
    batch = processor.encode(small.questions)
    ids, options = model._expand_inputs_for_generation(2, False, **batch)
    order = [0, 0, 1, 2, 1, 2]
    assert torch.equal(options["pixel_values"], batch["pixel_values"][order])
    assert torch.equal(ids, batch["input_ids"][[0, 0, 1, 1]])


def test_streamed_pieces_are_the_whole_answer(trained: Any, small: Any) -> None:
    model, processor = trained
    whole = answer(model, processor, [small.questions[0]], most_words=20)[0].text
    pieces = list(stream(model, processor, small.questions[0], most_words=20))
    assert len(pieces) > 1
    assert "".join(pieces).strip() == whole


def test_writing_stops_when_nobody_reads_on(
    trained: Any, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, processor = trained
    written = []
    forward = model.forward

    def counted(*arguments: Any, **options: Any) -> Any:
        written.append(1)
        return forward(*arguments, **options)

    monkeypatch.setattr(model, "forward", counted)
    # an image token is never written, so no answer ends by itself
    monkeypatch.setattr(model.generation_config, "eos_token_id", [processor.image_token_id])
    pieces = stream(model, processor, small.questions[0], most_words=2000)
    next(pieces)
    pieces.close()
    assert len(written) < 1000
    assert not [thread for thread in threading.enumerate() if "write" in thread.name]


def test_an_error_while_streaming_reaches_the_reader(
    trained: Any, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, processor = trained

    def fail(**_: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(model, "generate", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(stream(model, processor, small.questions[0]))


def test_a_long_answer_stops_after_a_whole_sentence() -> None:
    assert whole_sentences("There is a mass. It is in the up") == "There is a mass."
    assert whole_sentences("BI-RADS 4.") == "BI-RADS 4."
    assert whole_sentences("no end at all") == "no end at all"


@pytest.mark.parametrize("backbone", ["vit_tiny_patch16_224", "efficientnet_b0"])
def test_training_leaves_frozen_parts_as_they_were(small: Any, backbone: str) -> None:
    model, processor = small.vlm(backbone)
    add_adapter(model, LoraSettings(rank=2))
    model.train_only(projector=True, adapter=True)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    small.train(model, dict(processor.encode(small.questions, ["Yes.", "No."])), 3)
    changed = {n for n, tensor in model.state_dict().items() if not torch.equal(before[n], tensor)}
    due = {n for n in before if ".projector." in n or ".lora_" in n}
    assert changed == due


def test_an_encoder_that_is_trained_does_change(small: Any) -> None:
    model, processor = small.vlm("efficientnet_b0")
    model.train_only(projector=True, encoder=True)
    before = model.model.vision_tower.backbone.bn1.running_mean.clone()
    small.train(model, dict(processor.encode(small.questions, ["Yes.", "No."])), 1)
    assert not torch.equal(before, model.model.vision_tower.backbone.bn1.running_mean)


@pytest.mark.parametrize("family", FAMILIES)
def test_another_language_model_needs_no_code(family: str, small: Any, tmp_path: Any) -> None:
    model, processor = assemble(small.encoder(), language(family))
    add_adapter(model, LoraSettings(rank=2, dropout=0.0))
    model.train_only(projector=True, adapter=True)
    batch = processor.encode(small.questions, ["Yes.", "No."])
    small.train(model, dict(batch), 2)
    save(model, processor, tmp_path)
    again, its_processor = load(tmp_path)
    with torch.no_grad():
        found, expected = again(**batch).logits, model(**batch).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    learned = batch["input_ids"][0][batch["labels"][0] != -100]
    assert its_processor.tokenizer.decode(learned) == "Yes." + its_processor.answer_end
    whole = its_processor.tokenizer.decode(batch["input_ids"][0])
    assert whole.count("<think>") == (family == "qwen3")
    assert answer(again, its_processor, small.questions, most_words=3)
    assert its_processor.answer_end == "<|im_end|>"


@pytest.mark.parametrize("family", FAMILIES)
def test_earlier_answers_are_learned_unless_a_template_rewrites_them(
    family: str, small: Any
) -> None:
    _, processor = assemble(small.encoder(), language(family))
    before = (Turn("Is there a mass?", "Yes."), Turn("Which side?", "Left breast."))
    question = Question("How dense?", (small.picture(1),), before)
    pieces = processor.pieces(question, "Fatty.")
    end = processor.answer_end
    learned = [text for text, is_learned in pieces if is_learned]
    # thoughts stand before the last answer only; a space before earlier ones only
    earlier = [] if family in ("qwen3", "llama") else ["Yes." + end, "Left breast." + end]
    assert learned == [*earlier, "Fatty." + end]
    assert "".join(text for text, _ in pieces) == processor.render(question) + "Fatty." + end


@pytest.mark.parametrize("kind", [CohereConfig, Gemma2Config])
def test_a_language_model_that_scales_its_answers_is_refused(kind: Any, small: Any) -> None:
    tokenizer = train_tokenizer(["Yes."], 300)
    shape = SHAPE | {"num_key_value_heads": 2, "head_dim": 16}
    causal = AutoModelForCausalLM.from_config(kind(vocab_size=len(tokenizer), **shape))
    with pytest.raises(InputError, match="does more than words in"):
        assemble(small.encoder(), (causal, tokenizer))


def test_layers_that_cannot_keep_packed_conversations_apart_are_refused(small: Any) -> None:
    causal, tokenizer = language("qwen3")
    causal.config.layer_types = ["linear_attention", "full_attention"]
    with pytest.raises(InputError, match=r"layers of linear_attention.*of one row apart"):
        assemble(small.encoder(), (causal, tokenizer))


@pytest.mark.parametrize("views", [1, 2, 3, 4])
def test_one_to_four_views(trained: Any, small: Any, views: int) -> None:
    model, processor = trained
    question = Question("Is there a mass?", tuple(small.picture(n) for n in range(views)))
    batch = processor.encode([question])
    each = processor.visual_tokens(small.size)
    assert (batch["input_ids"] == processor.image_token_id).sum() == views * each
    assert answer(model, processor, [question], most_words=2)[0].words <= 2


@pytest.mark.parametrize("size", [(64, 48), (97, 71), (33, 80)])
@pytest.mark.parametrize("kind", ["shuffle", "pool", "resampler"])
def test_images_of_odd_sizes(small: Any, size: tuple[int, int], kind: str) -> None:
    settings = ProjectorSettings(kind, tokens=6)
    model, processor = assemble(small.encoder(), language("qwen3"), settings)
    question = Question("Is there a mass?", (small.picture(1, size),))
    with torch.no_grad():
        assert model(**processor.encode([question])).logits.isfinite().all()


def test_too_few_placeholders_and_no_image_are_named(untrained: Any, small: Any) -> None:
    model, processor = untrained
    batch = processor.encode(small.questions)
    with pytest.raises(InputError, match="but no image"):
        model(input_ids=batch["input_ids"])
    with pytest.raises(InputError, match="image placeholders for 1 images"):
        model(input_ids=batch["input_ids"], pixel_values=batch["pixel_values"][:1])


def test_the_loss_counts_answer_words_alone() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 7)
    labels = torch.tensor([[-100, -100, 3, 5], [-100, -100, -100, 2]])
    logs = logits.log_softmax(-1)
    by_hand = -(logs[0, 1, 3] + logs[0, 2, 5] + logs[1, 2, 2])
    torch.testing.assert_close(answer_loss(logits, labels), by_hand / 3)
    torch.testing.assert_close(answer_loss(logits, labels, 6), by_hand / 6)
    assert answer_loss(logits, torch.full((2, 4), -100)) == 0


def test_the_answer_comes_from_the_image(small: Any) -> None:
    """One question, two answers: only a bright patch above or below decides."""
    model, processor = small.vlm()
    generator = torch.Generator().manual_seed(0)
    above = torch.rand(32, generator=generator) < 0.5

    def show(up: bool, blank: bool = False) -> Question:
        pixels = torch.zeros(1, *small.size)
        if not blank:
            row = int(torch.randint(0, 20, (), generator=generator)) + (0 if up else 32)
            pixels[0, row : row + 10, 10:30] = 3.0
        return Question("Where is the mass?", (PromptImage(pixels),))

    answers = ["Above." if up else "Below." for up in above]
    batch = processor.encode([show(bool(up)) for up in above], answers)
    model.train_only(projector=True, encoder=True)
    model.model.language_model.requires_grad_(True)
    torch.manual_seed(0)
    small.train(model, dict(batch), 60)

    def right(blank: bool) -> float:
        held_out = [show(up, blank) for up in (True, False) * 10]
        replies = answer(model, processor, held_out, most_words=6)
        due = ["Above.", "Below."] * 10
        return sum(r.text == d for r, d in zip(replies, due, strict=True)) / len(due)

    assert right(blank=True) <= 0.5
    assert right(blank=False) >= 0.9
