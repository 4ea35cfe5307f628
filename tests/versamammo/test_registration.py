from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from versamammo.configuration import VersaMammoConfig
from versamammo.encoder import VersaMammoModel

OURS_FIRST = """
import sys
import versamammo
heavy = {"torch", "timm", "transformers"} & sys.modules.keys()
assert not heavy, heavy
from transformers import AutoConfig, AutoModel
assert AutoConfig.register and AutoModel.register and "timm" not in sys.modules
assert type(AutoConfig.from_pretrained(sys.argv[1])).__name__ == "VersaMammoConfig"
from transformers import AutoImageProcessor
assert type(AutoImageProcessor.from_pretrained(sys.argv[1])).__name__ == "VersaMammoImageProcessor"
"""

THEIRS_FIRST = """
import sys
from transformers import AutoConfig, AutoImageProcessor, AutoModel
import versamammo
assert type(AutoConfig.from_pretrained(sys.argv[1])).__name__ == "VersaMammoConfig"
assert type(AutoImageProcessor.from_pretrained(sys.argv[1])).__name__ == "VersaMammoImageProcessor"
assert type(AutoModel.from_pretrained(sys.argv[1])).__name__ == "VersaMammoModel"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    shape = {"depth": 1, "embed_dim": 16, "num_heads": 1}
    config = VersaMammoConfig(backbone="vit_tiny_patch16_224", backbone_args=shape)
    VersaMammoModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("script", [OURS_FIRST, THEIRS_FIRST], ids=["ours_first", "theirs_first"])
def test_the_auto_classes_know_us_in_either_order(folder: Path, script: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
