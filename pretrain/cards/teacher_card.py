"""The model card of a teacher: what it is, of what, how made, what it was found to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pretrain.settings.stage1_config import Stage1
from versamammo import NOTICE
from versamammo.training.origin import made_of

PHANTOM = "phantom"
USAGE = """\
from transformers import AutoModel
import versamammo

versamammo.register()
encoder = AutoModel.from_pretrained("this folder")
features = encoder.encode("mammogram.dcm")  # pooled [1, D], patches [1, N, D]"""


def phantom_warning(sources: Sequence[str]) -> str:
    """Return a warning of the sources of some weights that are invented pictures, or nothing."""
    phantoms = [source for source in sources if PHANTOM in source]
    if not phantoms:
        return ""
    if len(phantoms) == len(sources):
        return (
            "\n**Trained on phantoms, which are invented pictures: it knows nothing of patients, "
            "and every figure below is a phantom result.**\n"
        )
    named = ", ".join(phantoms)
    return f"\n**Some of what it was trained on are phantoms, invented pictures: {named}.**\n"


@dataclass(frozen=True)
class TeacherFacts:
    """What a card tells.

    Attributes:
        config: of the run.
        step: steps done.
        origin: `data` (hash), `sources`, `images` and `command` of the run.
        probes: by moment, then by question.
    """

    config: Stage1
    step: int
    origin: Mapping[str, Any]
    probes: Mapping[str, Mapping[str, float]]

    @property
    def phantom(self) -> bool:
        """Whether phantoms were among what it learnt from."""
        return any(PHANTOM in source for source in self.origin["sources"])


def card(facts: TeacherFacts) -> str:
    """Write the card as Markdown with the front matter that model hubs read."""
    config, origin = facts.config, facts.origin
    height, width = config.whole_size
    tags = ["mammography", "self-supervised", *([PHANTOM] if facts.phantom else [])]
    return f"""---
library_name: transformers
pipeline_tag: image-feature-extraction
license: apache-2.0
tags: [{", ".join(tags)}]
---

# Stage 1 teacher, {config.vit.name}

{NOTICE}
{phantom_warning(origin["sources"])}
A mammogram encoder trained without labels ({config.objective}), the running mean of its student.

| | |
|---|---|
| data | {origin["images"]} images of {", ".join(origin["sources"])} |
| splits | {", ".join(config.splits)} |
| hash of images and split | `{origin["data"]}` |
| steps | {facts.step} of {config.optim.max_steps}, {config.optim.batch_size} images each |
| input | one channel, {height} x {width}, chest wall left, see `preprocessor_config.json` |
| command | `{" ".join(origin["command"])}` |

```python
{USAGE}
```

## What it was made from

{made_of(origin)}

## What it knows

On patients of the splits {", ".join(config.probes.splits)}, which it was not trained on: balanced
accuracy of nearest neighbours (density, view, finding; laterality has to stay at chance, since
all images have the chest wall on the left), area under the ROC curve of a linear probe of patches
(lesion), spread and effective rank of the features.

{_table(facts.probes)}

Intervals are not given here; single probes of few patients are noisy.
"""


def _table(probes: Mapping[str, Mapping[str, float]]) -> str:
    moments = list(probes)
    names = list(dict.fromkeys(name for asked in probes.values() for name in asked))
    head = f"| probe | {' | '.join(moments)} |\n|---|{'---|' * len(moments)}\n"
    return head + "\n".join(
        f"| {name} | "
        + " | ".join(f"{probes[at].get(name, float('nan')):.3f}" for at in moments)
        + " |"
        for name in names
    )
