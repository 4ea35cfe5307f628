"""The model card of a student: what it is, of what, how made, what it was found to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pretrain.card import PHANTOM
from pretrain.stage2_recipe import Stage2
from versamammo import NOTICE
from versamammo.sharing import sources_in_words

_WARNING = (
    "\n**Trained on phantoms, which are invented pictures: it knows nothing of patients, and every "
    "figure below is a phantom result.**\n"
)


def student_card(
    config: Stage2, step: int, origin: Mapping[str, Any], answers: Mapping[str, float]
) -> str:
    """Write the card as Markdown with the front matter that model hubs read.

    Args:
        config: of the run.
        step: steps done.
        origin: `data` (hash), `sources`, `images` and `command` of the run, and the sources
            `inherited` from the teacher.
        answers: figures on validation patients.
    """
    phantom = any(PHANTOM in source for source in origin["sources"])
    height, width = config.views.size
    figures = "\n".join(
        f"| {name.removeprefix('val/')} | {value:.3f} |" for name, value in answers.items()
    )
    return f"""---
library_name: transformers
pipeline_tag: image-feature-extraction
license: apache-2.0
tags: [mammography, distillation{", " + PHANTOM if phantom else ""}]
---

# VersaMammo encoder, {config.student.backbone}

{NOTICE}
{_WARNING if phantom else ""}
| | |
|---|---|
| data | {origin["images"]} images of {", ".join(origin["sources"])} |
| splits | {", ".join(config.splits)}; best epoch chosen on {", ".join(config.validation)} |
| hash of images and split | `{origin["data"]}` |
| steps | {step} of {config.learning.steps}, {config.learning.batch} images each |
| input | one channel, {height} x {width}, chest wall left, see `preprocessor_config.json` |
| command | `{" ".join(origin["command"])}` |

```python
from transformers import AutoModel
import versamammo

encoder = AutoModel.from_pretrained("this folder")
features = encoder.encode("mammogram.dcm")  # pooled [1, D], patches [1, N, D]
probabilities = encoder.probabilities("mammogram.dcm")[0]  # {{"density": {{"A": 0.1, ...}}, ...}}
```

## What it was made from

{sources_in_words((*origin["sources"], *origin.get("inherited", ())))}

## What it knows

Areas under the ROC curve on validation patients, by which this epoch was chosen and on whom the
probabilities were calibrated: they flatter it a little.

| attribute | figure |
|---|---|
{figures}
"""
