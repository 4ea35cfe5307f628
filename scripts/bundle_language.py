"""Write a trained vision-language model beside the encoder it looks through, in half precision.

    python scripts/bundle_language.py runs/vlm_smollm2_135m/model models/cbis

The folder `vlm/` holds projector, adapter, tokenizer and template; the encoder stays in `encoder/`,
and the language model in its package. What was written is opened again and asked one question.
"""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import copy2

import torch

from versamammo.files import whole_folder
from vlm.assembly import load, save
from vlm.trained_topics import FILE

PARTS = ("projector", "lora_")


def main() -> int:
    """Bundle; returns 0."""
    run, bundle = map(Path, sys.argv[1:])
    model, processor = load(run)
    model.config.encoder_beside = "encoder"
    model.config.encoder_name = "encoder"
    for part in (model.config.vision_config, model.config.text_config):
        part._name_or_path = ""  # where it lay on this machine
    for name, parameter in model.named_parameters():
        if any(part in name for part in PARTS):
            parameter.data = parameter.data.half()
    with whole_folder(bundle / "vlm") as made:
        save(model, processor, made)
        copy2(run / FILE, made / FILE)
    again, _ = load(bundle / "vlm")
    for (name, one), (_, other) in zip(
        model.named_parameters(), again.named_parameters(), strict=True
    ):
        if any(part in name for part in PARTS) and not torch.equal(one.float(), other.float()):
            raise SystemExit(f"{name} came back changed")
    for file in sorted((bundle / "vlm").rglob("*")):
        if file.is_file():
            print(f"{file.stat().st_size:10d} {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
