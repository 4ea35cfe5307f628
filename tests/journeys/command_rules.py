"""How documented commands run in seconds: what is added to each, and why. Reviewed by hand.

A command that is not named here runs exactly as printed. A name in capitals, or of a file that a
reader would have, is laid in the folder under just that name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Rule:
    """What is different from the printed command.

    Attributes:
        why: it cannot run as printed, or not within minutes.
        more: options that are added at its end.
        way: `run` to its end; `serve`: start, ask for the page, stop at the end of the document;
            `make`: run the last line of what make would do; `leave`: not run at all.
    """

    why: str
    more: str = ""
    way: Literal["run", "serve", "make", "leave"] = "run"


HOURS = "hours, on GPUs"
LARGE = "minutes or hours on all tasks and patients"
STAYS = "stays until it is stopped, on any free port"
MINUTES = "minutes, on many phantoms"
BENCH = "--tasks cls.vindr.density ret.vindr.density --resamples 20"
PORT = "--port {port}"
INSTALLS = "would install, and run this very test"

RULES: dict[tuple[str, str], Rule] = {
    ("README.md", "make demo"): Rule(INSTALLS, PORT, "make"),
    ("README.md", "make test"): Rule(INSTALLS, "-n 0 tests/contracts/test_packaging.py", "make"),
    (
        "README.md",
        "accelerate launch pretrain/stage1.py --config configs/pretrain/stage1_vitb.yaml "
        "--data data",
    ): Rule(HOURS, "--config {tiny}/stage1.yaml"),
    (
        "README.md",
        "accelerate launch pretrain/stage2.py --config configs/pretrain/stage2_b5.yaml "
        "--data data --teacher runs/stage1_vitb",
    ): Rule(HOURS, "--config {tiny}/stage2.yaml"),
    (
        "README.md",
        "accelerate launch vlm/train.py --config configs/vlm/qwen3_0.6b.yaml "
        "--data data --encoder runs/stage2_b5/encoder",
    ): Rule(HOURS + ", and fetches a language model", "--config {tiny}/vlm.yaml"),
    ("README.md", "versamammo chat --model runs/vlm_qwen3_0.6b/model"): Rule(STAYS, PORT, "serve"),
    ("README.md", "versamammo bench rehearse --out runs/rehearsal"): Rule(
        LARGE, "--tasks cls.vindr.density --exams 12 --steps 1"
    ),
    (
        "README.md",
        "versamammo bench run --encoder runs/stage2_b5/encoder --data archives --out runs/bench",
    ): Rule(LARGE, BENCH),
    ("README.md", "versamammo questions data --out bench.json"): Rule(
        "fewer questions", "--per-answer 2"
    ),
    ("docs/benchmark.md", "versamammo bench rehearse --out runs/rehearsal"): Rule(
        "typed in README.md, just so", way="leave"
    ),
    (
        "docs/benchmark.md",
        "versamammo bench run --encoder student rival --data DATA --out OUT",
    ): Rule(LARGE, BENCH),
    (
        "docs/benchmark.md",
        "versamammo bench vqa --model FOLDER --bench bench.json --images PREPARED --out runs/rival",
    ): Rule("needs a model of others; tests/benchmark/rivals runs it on tiny ones", way="leave"),
    (
        "docs/benchmark.md",
        "versamammo bench vqa --model NAME --endpoint http://localhost:8000/v1 --bench bench.json "
        "--images PREPARED --out runs/served",
    ): Rule("needs a server; tests/benchmark/rivals plays one", way="leave"),
    (
        "docs/benchmark.md",
        "versamammo bench lmms --bench bench.json --images PREPARED --out tasks",
    ): Rule("needs images of the bench; tests/benchmark/lmms writes tasks", way="leave"),
    (
        "docs/benchmark.md",
        "lmms-eval eval --model llava_hf --model_args pretrained=FOLDER --include_path tasks "
        "--tasks mammovqa --batch_size 1 --log_samples --output_path results",
    ): Rule("needs lmms-eval, which has its own environment", way="leave"),
    (
        "docs/benchmark.md",
        "versamammo score results/FOLDER/SAMPLES.jsonl --bench bench.json --legacy",
    ): Rule("needs what lmms-eval wrote; tests/benchmark/lmms", way="leave"),
    ("docs/chat.md", "versamammo chat"): Rule(STAYS, PORT, "serve"),
    (
        "docs/chat.md",
        "scripts/without_network.sh .venv/bin/python -m pytest -m browser tests/app/chat",
    ): Rule("the browser tests run by themselves", "--collect-only -q"),
    ("docs/chat.md", "docker build -t versamammo ."): Rule("needs a docker daemon", way="leave"),
    ("docs/chat.md", "docker run --rm -p 127.0.0.1:7860:7860 versamammo"): Rule(
        "needs a docker daemon", way="leave"
    ),
    ("docs/encoder.md", "accelerate launch pretrain/stage2.py"): Rule(
        MINUTES,
        "--config {tiny}/stage2.yaml --stage1_config {tiny}/stage1.yaml",
    ),
    ("docs/encoder.md", "make train-real DATA=CBIS"): Rule(
        "installs, and trains for hours", "--config {tiny}/real.yaml --size 128,96", "make"
    ),
    (
        "docs/pretraining.md",
        "accelerate launch pretrain/stage1.py --config configs/pretrain/stage1_vitb.yaml "
        "--data A B:0.5 C:2",
    ): Rule("hours, on three archives; tests/pretrain/test_joined_training.py", way="leave"),
    ("docs/vlm.md", "accelerate launch vlm/train.py --config configs/vlm/smoke.yaml"): Rule(
        MINUTES, "--config {tiny}/vlm.yaml"
    ),
    (
        "docs/language_model.md",
        "accelerate launch vlm/train.py --encoder FOLDER --data PREPARED",
    ): Rule(MINUTES, "--config {tiny}/vlm.yaml"),
    ("docs/vlm.md", "versamammo export adapter runs/vlm/model adapter"): Rule(
        "needs a language model of its own folder; tests/vlm/test_adapter_export.py", way="leave"
    ),
    ("docs/vlm.md", "versamammo questions PREPARED --out items.json"): Rule(
        "fewer questions", "--per-answer 2"
    ),
}

# What a reader would have: laid in the folder of each document under the printed name.
PLACED: dict[str, dict[str, str]] = {
    "README.md": {"scan.dcm": "scan", "ARCHIVE": "archive", "VINDR": "vindr"},
    "docs/benchmark.md": {"student": "student", "rival": "rival", "DATA": "bench data"},
    "docs/chat.md": {
        "R_MLO.dcm": "scan",
        "PREPARED": "prepared",
        "OTHERS": "prepared",
        "DIR": "model",
    },
    "docs/data.md": {"SOURCE": "archive", "FOLDER": "cbis"},
    "docs/encoder.md": {"x.dcm": "scan", "CBIS": "cbis"},
    "docs/language_model.md": {"FOLDER": "student", "PREPARED": "prepared"},
    "docs/report.md": {"R_CC.dcm": "scan", "R_MLO.dcm": "scan"},
    "docs/scoring.md": {
        "MammoVQA-Image-Bench.json": "bench",
        "answers.jsonl": "answers",
        "other.jsonl": "answers",
        "blank.jsonl": "answers",
    },
    "docs/vlm.md": {"R_CC.dcm": "scan", "R_MLO.dcm": "scan", "PREPARED": "prepared"},
}

PHANTOMS = "phantoms: {exams: 12, height: 384, size: [192, 128], shares: [0.6, 0.2, 0.2]}"
# Networks of seconds; what is not named stays as the printed configuration has it.
TINY = {
    "stage1": PHANTOMS
    + """
run: {log_every: 2, checkpoint_every: 2, threads: 1}
workers: 0
vit:
  image_size: [84, 42]
  drop_path: 0.0
  shape: {depth: 1, embed_dim: 16, num_heads: 2, init_values: 1.0}
whole_size: [112, 56]
views:
  overview: {number: 2, size: [84, 42], height_mm: [140, 230], least_tissue: 0.3}
  detail: {number: 1, size: [42, 42], height_mm: [40, 90], least_tissue: 0.7}
dinov2: {hidden: 16}
optim: {max_steps: 2, batch_size: 8, gradient_accumulation_steps: 1, warmup_steps: 1,
        temperature_steps: 1, frozen_steps: 1}
compile: false
probes: {every: 2, images: 8}
picture_epochs: 0
""",
    "stage2": PHANTOMS
    + """
run: {log_every: 2, checkpoint_every: 2, threads: 1}
workers: 0
teacher_shrink: 1
validation_images: 8
student: {backbone: convnext_femto, arguments: {depths: [1, 1, 1, 1], dims: [16, 16, 24, 32]},
          head_width: 16}
views: {size: [160, 112], low: [80, 56], close: 2, close_size: 64}
optim: {max_steps: 2, batch_size: 8, gradient_accumulation_steps: 1, warmup_steps: 1, momentum: 0.9}
""",
    "real": """
run: {log_every: 2, checkpoint_every: 2, threads: 1}
shareable: true
workers: 0
terms: {pooled: false, relational: false, dense: false, consistency: false, lesion_pathology: true}
student: {backbone: convnext_femto, arguments: {depths: [1, 1, 1, 1], dims: [16, 16, 24, 32]},
          head_width: 16, channels_last: true}
views: {size: [160, 112], low: [80, 56], close: 2, close_size: 64, mirror: 0.5}
optim: {max_steps: 2, batch_size: 4, gradient_accumulation_steps: 1, warmup_steps: 1, momentum: 0.9}
""",
    "vlm": PHANTOMS
    + """
run: {precision: "no", log_every: 2, checkpoint_every: 2, threads: 1}
language: null
tiny: {vocabulary: 400, width: 32, depth: 1, heads: 2}
projector: {kind: shuffle, shrink: [1, 1]}
mixture: {topics: [View, ACR, Mass]}
optim:
  max_steps: {words: 2, projector: 2, adapter: 2}
  batch_size: 4
  gradient_accumulation_steps: 1
  warmup_steps: 1
max_length: 4096
row: 512
check_every: 2
check_items: 1
workers: 0
""",
}
