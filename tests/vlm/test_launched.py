"""The command as a stranger gives it: one process and two, killed and started again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.vlm.archives import write_archive
from tests.vlm.tiny_training import SETTINGS

ROOT = Path(__file__).parents[2]


def launch(folder: Path, archive: Path, processes: int, *options: str) -> Path:
    folder.mkdir()
    settings = folder / "settings.yaml"
    # dropout follows each process's own random numbers
    settings.write_text(
        SETTINGS.format(output=folder / "run", data=archive) + "lora: {dropout: 0.0}\n"
    )
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes",
        str(processes), "vlm/train.py", "--config", str(settings), *options,
    ]  # fmt: skip
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return folder / "run"


@pytest.mark.slow
def test_two_processes_end_where_one_ends(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "prepared", patients=3)
    one = launch(tmp_path / "one", archive, 1)
    two = launch(tmp_path / "two", archive, 2)
    for phase in ("1_words", "2_projector", "3_adapter"):
        losses = [
            [json.loads(line)["loss"] for line in (run / phase / "metrics.jsonl").open()]
            for run in (one, two)
        ]
        assert losses[0] == pytest.approx(losses[1], abs=1e-4), phase
    weights = [load_file(run / "model" / "model.safetensors") for run in (one, two)]
    assert weights[0].keys() == weights[1].keys()
