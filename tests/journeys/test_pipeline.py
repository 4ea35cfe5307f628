"""From phantoms to a model that answers, by the one command; here with networks of seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from versamammo import NOTICE

ROOT = Path(__file__).resolve().parents[2]
STAGE1 = """
run: {log_every: 2, checkpoint_every: 4, threads: 1, track: []}
workers: 0
vit:
  image_size: [84, 42]
  shape: {depth: 1, embed_dim: 16, num_heads: 2, init_values: 1.0}
whole_size: [112, 56]
views:
  overview: {number: 2, size: [84, 42], height_mm: [140, 230], least_tissue: 0.3}
  detail: {number: 1, size: [42, 42], height_mm: [40, 90], least_tissue: 0.7}
dinov2: {hidden: 16}
optim: {max_steps: 4, batch_size: 8, warmup_steps: 1}
probes: {every: 4}
"""
STAGE2 = """
run: {log_every: 2, checkpoint_every: 4, threads: 1, track: []}
workers: 0
student: {backbone: convnext_femto, arguments: {depths: [1, 1, 1, 1], dims: [16, 16, 24, 32]},
          head_width: 16}
views: {size: [160, 112], low: [80, 56]}
optim: {max_steps: 4, batch_size: 8, warmup_steps: 1, momentum: 0.9}
"""
VLM = """
run: {log_every: 2, checkpoint_every: 2, threads: 1, track: []}
tiny: {vocabulary: 400, width: 32, depth: 1, heads: 2}
mixture: {topics: [View, ACR]}
optim:
  max_steps: {words: 2, projector: 2, adapter: 2}
  batch_size: 4
  warmup_steps: 1
max_length: 400
check_every: 2
check_items: 1
"""
PIPELINE = """
out: {folder}/runs
result: {folder}/model
phantoms: {{folder: {folder}/phantoms, exams: 10, height: 256, size: [192, 128],
           shares: [0.6, 0.4, 0.0]}}
held_out: {{folder: {folder}/phantoms, exams: 4, seed: 9, height: 256, size: [192, 128],
           shares: [0.0, 0.0, 1.0]}}
tried: {{folder: {folder}/phantoms, exams: 3, seed: 10, height: 256, size: [192, 128],
        shares: [0.0, 0.0, 1.0]}}
stage1: {folder}/stage1.yaml
stage2: {folder}/stage2.yaml
vlm: {folder}/vlm.yaml
"""


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/pipeline.py", "--config", str(folder / "pipeline.yaml")]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_one_command_makes_a_model_with_its_scores_and_card(tmp_path: Path) -> None:
    for name, text in (("stage1", STAGE1), ("stage2", STAGE2), ("vlm", VLM)):
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE.format(folder=tmp_path))
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    card = (tmp_path / "model" / "README.md").read_text()
    assert NOTICE in card
    door = json.loads((tmp_path / "model" / "door.json").read_text())
    assert {"page", "blank", "shuffled"} == door["controls"].keys()
    assert door["counts"]["pictures"] == 16
    for topic in ("View", "ACR"):
        assert f"| {topic} | 16 |" in card
    assert "| ACR | 16 | 0 |" in card, "tried on twelve pictures: nothing may be answered yet"

    from versamammo.model.encoder import VersaMammoModel
    from vlm.assistant import Assistant

    encoder = VersaMammoModel.from_pretrained(tmp_path / "model" / "encoder")
    assert encoder.heads is not None
    assert set(Assistant.load(tmp_path / "model" / "vlm").competence.topics) >= {"View", "ACR"}

    again = run(tmp_path)
    assert again.returncode == 0
    assert "== stage 1" not in again.stdout  # what is finished is not done again
