from __future__ import annotations

import subprocess
import sys

import pytest

KNOWN = """
assert AutoConfig.for_model("versamammo_vlm").text_config.model_type == "qwen3"
assert "VersaMammoVlmProcessor" in str(PROCESSOR_MAPPING._extra_content)
from transformers import AutoModel, AutoModelForImageTextToText
assert "versamammo_vlm" in str([c.model_type for c in AutoModelForImageTextToText._model_mapping])
"""
OURS_FIRST = """
import sys
import vlm
assert not {"torch", "timm", "transformers"} & sys.modules.keys()
from transformers import AutoConfig, AutoProcessor
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
"""
THEIRS_FIRST = """
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
import versamammo
import vlm
"""
CORE_FIRST = """
from versamammo.encoder import VersaMammoModel
import vlm
from transformers import AutoConfig, AutoProcessor
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
"""


@pytest.mark.parametrize("script", [OURS_FIRST, THEIRS_FIRST, CORE_FIRST])
def test_the_auto_classes_know_us_in_any_order(script: str) -> None:
    command = [sys.executable, "-c", script + KNOWN]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
