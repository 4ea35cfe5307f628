"""The card of a vision-language model's folder: what is in it and where it came from."""

from __future__ import annotations

from pathlib import Path

from versamammo import NOTICE, __version__
from versamammo.data.licence_filter import sources_in_words
from versamammo.files import write_atomically
from versamammo.training.origin import counts_in
from vlm.adapter import HasAdapter, has_adapter
from vlm.vlm_configuration import VersaMammoVlmConfig

_CARD = """---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [mammography, research-only]
---
# A vision-language model for mammograms

{notice}

| part | what |
|---|---|
| encoder | {encoder}, backbone {backbone}, sha256 {hash} |
| projector | {projector} |
| language model | {language} ({family}, {layers} layers, width {width}) |
| adapter | {adapter} |
| made with | versamammo {version} |

```python
import vlm
from transformers import AutoModelForImageTextToText, AutoProcessor

vlm.register()
model = AutoModelForImageTextToText.from_pretrained("this folder")
processor = AutoProcessor.from_pretrained("this folder")
```
{sources}"""


def write_card(model: HasAdapter, folder: Path) -> None:
    """Write README.md."""
    config = model.config
    text = _CARD.format(
        notice=NOTICE,
        encoder=config.encoder_name or "unnamed",
        backbone=config.vision_config.backbone,
        hash=config.encoder_hash,
        projector=config.projector_settings,
        language=config.language_name or "unnamed",
        family=config.text_config.model_type,
        layers=config.text_config.num_hidden_layers,
        width=config.text_config.hidden_size,
        adapter="LoRA, in `adapter/`" if has_adapter(model) else "none",
        version=__version__,
        sources=_sources(config),
    )
    write_atomically(folder / "README.md", text.encode())


def _sources(config: VersaMammoVlmConfig) -> str:
    """Write the section on whose images the weights were made from; nothing if not trained."""
    if not config.sources:
        return ""
    listed = sources_in_words(config.sources, counts_in({"counts": config.counts}))
    return f"\n## What it was made from\n\n{listed}\n"
