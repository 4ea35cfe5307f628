"""Settings of a training of seconds, and a trained model's folder for the tests that ask it."""

from __future__ import annotations

from pathlib import Path

from versamammo.config import load
from vlm.training_config import VlmTraining

SETTINGS = """
run: {{output: {output}, seed: 1, log_every: 2, checkpoint_every: 2, threads: 1, track: []}}
data: {data}
small_encoder: {{backbone: vit_tiny_patch16_224, size: [64, 48]}}
tiny: {{vocabulary: 400, width: 32, depth: 1, heads: 2}}
optim:
  max_steps: {{words: 2, projector: 2, adapter: 4}}
  batch_size: 4
  warmup_steps: 1
max_length: 400
check_every: 4
check_items: 1
"""


def tiny_training(folder: Path, data: Path | str, **options: str) -> VlmTraining:
    """Write the settings beside the run and read them as the command line does."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "settings.yaml"
    file.write_text(SETTINGS.format(output=folder / "run", data=data))
    given = [f"--{name.replace('__', '.')}={value}" for name, value in options.items()]
    return load(VlmTraining, ["--config", str(file), *given])
