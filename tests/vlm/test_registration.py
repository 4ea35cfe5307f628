"""transformers' Auto classes know ours once they have been told, and not a second before."""

from __future__ import annotations

import subprocess
import sys

LIGHT_THEN_KNOWN = """
import sys
import versamammo
import vlm
assert not {"torch", "timm", "transformers"} & sys.modules.keys(), "importing us has to be quick"

vlm.register()
vlm.register()
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageTextToText
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
assert AutoConfig.for_model("versamammo_vlm").text_config.model_type == "qwen3"
assert "VersaMammoVlmProcessor" in str(PROCESSOR_MAPPING._extra_content)
assert "versamammo_vlm" in str([c.model_type for c in AutoModelForImageTextToText._model_mapping])
for kind in ("versamammo", "versamammo_vlm"):
    assert type(AutoConfig.for_model(kind)) in AutoModel._model_mapping
assert "VersaMammoImageProcessor" in str(IMAGE_PROCESSOR_MAPPING._extra_content)
"""


def test_the_auto_classes_know_us_once_they_are_told() -> None:
    command = [sys.executable, "-c", LIGHT_THEN_KNOWN]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
