"""How fast a language model writes on this computer, and what is lost, for each way to run it.

    python scripts/bench_language.py --threads 2
    PYTHONPATH=EXTRA python scripts/bench_language.py --onnx FOLDER

All ways take turns, so that whatever else the computer does falls on all of them alike. torchao,
xllamacpp (llama.cpp) and onnxruntime-genai are tried where they can be imported; they are no part
of the installation. On a computer that is busy the seconds of the processor tell more than those
of the clock, with --threads 1. FOLDER is what `onnxruntime_genai.models.builder -p int8 -e cpu`
wrote.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from vlm.int8_layers import FEW, Int8Linear
from vlm.language import load_language
from vlm.language_package import BUNDLED, gguf_file

SENTENCES = Path(__file__).with_suffix(".txt")
AGREE = 8  # words of a continuation that are compared


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock and of the processor, until the first word and for each one after."""

    first: float
    first_cpu: float
    word: float
    word_cpu: float


class Torch:
    """A model of transformers."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @torch.inference_mode()
    def write(self, prompt: list[int], count: int) -> list[int]:
        """Write so many words after a prompt, the likeliest each time."""
        ids = torch.tensor([prompt])
        out = self.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, min_new_tokens=count,
            do_sample=False, pad_token_id=0,
        )  # fmt: skip
        words: list[int] = out[0, len(prompt) :].tolist()
        return words

    @torch.inference_mode()
    def loss(self, words: list[int]) -> float:
        """Return the mean loss of a text, read a few words at a time as an answer is."""
        logits, cache = [], None
        for few in torch.tensor(words[:-1]).split(FEW):
            out = self.model(few[None], past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            logits.append(out.logits[0])
        return float(F.cross_entropy(torch.cat(logits).float(), torch.tensor(words[1:])))


class LlamaCpp:
    """The package's own file under llama.cpp, by xllamacpp."""

    def __init__(self, threads: int) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(gguf_file(BUNDLED))
        params.n_ctx, params.n_parallel, params.warmup = 1024, 1, True
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.verbosity = 0
        self.server = xllamacpp.Server(params)

    def write(self, prompt: list[int], count: int) -> list[int]:
        """Write so many words after a prompt, the likeliest each time."""
        asked = {
            "prompt": prompt, "max_tokens": count, "temperature": 0.0, "ignore_eos": True,
            "cache_prompt": False, "logprobs": 1,
        }  # fmt: skip
        told = self.server.handle_completions(asked)
        return [one["id"] for one in told["choices"][0]["logprobs"]["content"]]

    loss = None


class Onnx:
    """A graph of onnxruntime-genai."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime_genai

        self.genai = onnxruntime_genai
        self.model = onnxruntime_genai.Model(str(folder))

    def write(self, prompt: list[int], count: int) -> list[int]:
        """Write so many words after a prompt, the likeliest each time."""
        params = self.genai.GeneratorParams(self.model)
        most = len(prompt) + count
        params.set_search_options(max_length=most, min_length=most, do_sample=False)
        generator = self.genai.Generator(self.model, params)
        generator.append_tokens(prompt)
        words = []
        for _ in range(count):
            generator.generate_next_token()
            words.append(int(generator.get_next_tokens()[0]))
        return words

    loss = None


def int8_weights(model: Any) -> Any:
    """Replace all linear layers by ours."""
    for name, part in list(model.named_modules()):
        if isinstance(part, nn.Linear):
            model.set_submodule(name, Int8Linear(part))
    return model


def int8_dynamic(model: Any) -> Any:
    """Quantise weights and activations, as torch does."""
    return torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)


def int8_torchao(model: Any) -> Any:
    """Quantise weights, as torchao does."""
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    quantize_(model, Int8WeightOnlyConfig())
    return model


def untied(model: Any) -> Any:
    """Return a copy whose last layer has weights of its own, so that it can be quantised."""
    made = copy.deepcopy(model)
    made.lm_head.weight = nn.Parameter(made.lm_head.weight.detach().clone(), requires_grad=False)
    return made


def ways(model: Any, threads: int, onnx: Path | None) -> dict[str, Callable[[], Any]]:
    """Name all ways that can be tried here."""
    made: dict[str, Callable[[], Any]] = {
        "torch float32": lambda: Torch(model),
        "torch int8 weights (ours)": lambda: Torch(int8_weights(untied(model))),
        "torch int8 dynamic": lambda: Torch(int8_dynamic(untied(model))),
    }
    if importlib.util.find_spec("torchao"):
        made["torchao int8 weights"] = lambda: Torch(int8_torchao(untied(model)))
    if onnx is not None:
        made["onnxruntime-genai int8"] = lambda: Onnx(onnx)
    if importlib.util.find_spec("xllamacpp"):
        made["llama.cpp Q4_1 (the file itself)"] = lambda: LlamaCpp(threads)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", default=f"package:{BUNDLED}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt", type=int, default=300, help="words that are read")
    parser.add_argument("--words", type=int, default=32, help="words that are written")
    parser.add_argument("--sentences", type=int, default=50)
    parser.add_argument("--continued", type=int, default=50, help="sentences that are gone on with")
    parser.add_argument("--onnx", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(given.threads)
    model, tokenizer, _ = load_language(given.language)
    texts = SENTENCES.read_text().splitlines()[: given.sentences]
    sentences = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    long = ([word for words in sentences for word in words] * 9)[: given.prompt]
    runtimes: dict[str, Any] = {}
    for name, make in ways(model, given.threads, given.onnx).items():
        try:
            runtimes[name] = make()
        except Exception as error:  # a runtime that is not for this computer is said to be so
            print(f"{name}: cannot be used here: {str(error)[:200]}")
    speed = time_all(runtimes, long, given.words, given.rounds)
    quality(runtimes, sentences, given.continued, speed)


def spend(runtime: Any, prompt: list[int], count: int) -> Spent:
    """Time the first word alone, and then with more of them."""
    marks = []
    for number in (1, 1 + count):
        began = time.perf_counter(), time.process_time()
        runtime.write(prompt, number)
        marks.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    (first, first_cpu), (last, last_cpu) = marks
    return Spent(first, first_cpu, (last - first) / count, (last_cpu - first_cpu) / count)


def time_all(
    runtimes: dict[str, Any], prompt: list[int], count: int, rounds: int
) -> dict[str, str]:
    """Let all take turns; returns cells of medians for each."""
    found: dict[str, list[Spent]] = {name: [] for name in runtimes}
    for number in range(rounds + 1):
        for name, runtime in runtimes.items():
            if number == 0:  # the first turn warms up
                runtime.write(prompt[:16], 2)
            else:
                found[name].append(spend(runtime, prompt, count))
                print(f"turn {number}, {name}: {found[name][-1]}", file=sys.stderr, flush=True)
    lines = {}
    for name, all_ in found.items():
        first, first_cpu, word, word_cpu = (
            statistics.median(getattr(one, part) for one in all_)
            for part in ("first", "first_cpu", "word", "word_cpu")
        )
        lines[name] = f"{first:.2f} | {1 / word:.1f} | {first_cpu:.2f} | {1 / word_cpu:.1f}"
        print(f"{name}: {lines[name]}", flush=True)
    return lines


def quality(
    runtimes: dict[str, Any], sentences: list[list[int]], continued: int, speed: dict[str, str]
) -> None:
    """Print the table, with perplexity and how long continuations agree with float32's."""
    halves = [words[: max(3, len(words) // 2)] for words in sentences[:continued]]
    truth = [runtimes["torch float32"].write(half, AGREE) for half in halves]
    print(
        "| way | first word, s | words/s | first word, CPU s | words a CPU second | perplexity "
        "| continuation as float32 |\n|---|---|---|---|---|---|---|"
    )
    for name, runtime in runtimes.items():
        known = "not told"
        if runtime.loss is not None:
            counted = [(runtime.loss(words), len(words) - 1) for words in sentences]
            mean = sum(loss * n for loss, n in counted) / sum(n for _, n in counted)
            known = f"{torch.tensor(mean).exp():.2f}"
        same = [
            agreement(due, runtime.write(half, AGREE))
            for half, due in zip(halves, truth, strict=True)
        ]
        print(f"| {name} | {speed[name]} | {known} | {statistics.mean(same):.2f} |", flush=True)


def agreement(due: list[int], found: list[int]) -> float:
    """Return the share of words before the first that differs."""
    for number, (one, other) in enumerate(zip(due, found, strict=False)):
        if one != other:
            return number / len(due)
    return min(len(found), len(due)) / len(due)


if __name__ == "__main__":
    main()
