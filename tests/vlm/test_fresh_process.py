"""What a process sees that was just started, when it opens our folders through Auto classes.

One process is started for all of it, since importing torch and transformers takes ten seconds of a
core. It says how far it came, and each test reads one of its parts.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.contracts.test_encoder_contract import KINDS, SLOW, build, see
from tests.vlm.conftest import CLOSE, batch_of, logits
from versamammo.model.encoder import VersaMammoModel
from vlm.assembly import load

QUICK = tuple(kind for kind in KINDS if kind not in SLOW)

SCRIPT = """
import sys
import versamammo
import vlm
assert not {"torch", "timm", "transformers"} & sys.modules.keys(), "importing us has to be quick"
print("light")

import vlm.instructions.questions_command
assert not {"torch", "timm", "transformers"} & sys.modules.keys(), "asking needs none of them"
print("asking")

versamammo.register()
from pathlib import Path
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageTextToText
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
torch.set_num_threads(1)
torch.set_grad_enabled(False)
encoders, answers = Path(sys.argv[1]), Path(sys.argv[2])
images = load_file(encoders / "images.safetensors")["images"]
for kind in sys.argv[3:]:
    seen = AutoModel.from_pretrained(encoders / kind).encode(images)
    outputs = {"pooled": seen.pooled, "patches": seen.patches}
    outputs |= {f"map{i}": level for i, level in enumerate(seen.pyramid)}
    outputs = {name: tensor.contiguous() for name, tensor in outputs.items()}
    save_file(outputs, encoders / f"{kind}.safetensors")
assert not [name for name in sys.modules if name.partition(".")[0] == "pretrain"]
print("encoders")

vlm.register()
vlm.register()
assert AutoConfig.for_model("versamammo_vlm").text_config.model_type == "qwen3"
assert "VersaMammoVlmProcessor" in str(PROCESSOR_MAPPING._extra_content)
assert "versamammo_vlm" in str([c.model_type for c in AutoModelForImageTextToText._model_mapping])
for kind in ("versamammo", "versamammo_vlm"):
    assert type(AutoConfig.for_model(kind)) in AutoModel._model_mapping
assert "VersaMammoImageProcessor" in str(IMAGE_PROCESSOR_MAPPING._extra_content)
print("known")

batch = load_file(answers / "batch.safetensors")
found = {
    name: AutoModelForImageTextToText.from_pretrained(answers / name)(**batch).logits
    for name in ("adapted", "folded")
}
save_file(found, answers / "answers.safetensors")
print("answers")
"""


class Fresh:
    """A process that opened encoders and models; how far it came, and what it left."""

    def __init__(self, encoders: Path, answers: Path, *kinds: str) -> None:
        self.encoders = encoders
        self.answers = answers
        self.images = torch.randn(2, 1, 97, 71, generator=torch.Generator().manual_seed(1))
        self.made: dict[str, VersaMammoModel] = {}
        for kind in kinds:
            self.made[kind] = build(kind)
            self.made[kind].save_pretrained(encoders / kind)
        save_file({"images": self.images}, encoders / "images.safetensors")
        command = [sys.executable, "-c", SCRIPT, str(encoders), str(answers), *kinds]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        self.came = run.stdout.split()
        self.said = run.stderr

    def equals_saved(self) -> None:
        assert "encoders" in self.came, self.said
        assert self.made
        for kind, encoder in self.made.items():
            again: dict[str, Tensor] = load_file(self.encoders / f"{kind}.safetensors")
            seen = see(encoder, self.images)
            assert torch.equal(again["pooled"], seen.pooled), kind
            assert torch.equal(again["patches"], seen.patches), kind
            for i, level in enumerate(seen.pyramid):
                assert torch.equal(again[f"map{i}"], level), kind


@pytest.fixture(scope="module")
def fresh(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    return Fresh(tmp_path_factory.mktemp("encoders"), folder, *QUICK)


def test_importing_us_is_quick(fresh: Fresh) -> None:
    assert "light" in fresh.came, fresh.said


def test_questions_are_made_without_torch(fresh: Fresh) -> None:
    assert "asking" in fresh.came, fresh.said


def test_the_same_bits_come_through_auto_model(fresh: Fresh) -> None:
    fresh.equals_saved()


def test_the_auto_classes_know_us_once_they_are_told(fresh: Fresh) -> None:
    assert "known" in fresh.came, fresh.said


def test_the_logits_are_the_same_adapted_and_folded(
    fresh: Fresh, folder: Path, trained: Any, small: Any
) -> None:
    assert "answers" in fresh.came, fresh.said
    model, processor = trained
    expected = logits(model, batch_of(small, processor))
    found = load_file(folder / "answers.safetensors")
    torch.testing.assert_close(found["adapted"], expected, **CLOSE)
    torch.testing.assert_close(found["folded"], expected, **CLOSE)
    # the adapter does something, or the two lines above would prove little
    plain, _ = load(folder / "adapted")
    for name, parameter in plain.named_parameters():
        if "lora_B" in name:
            torch.nn.init.zeros_(parameter)
    assert (logits(plain, batch_of(small, processor)) - expected).abs().max() > 1e-3


@pytest.mark.slow
def test_the_same_bits_come_from_a_large_student(folder: Path, tmp_path: Path) -> None:
    Fresh(tmp_path, folder, *sorted(SLOW)).equals_saved()
