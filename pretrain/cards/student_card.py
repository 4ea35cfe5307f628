"""The model card of a student: what it is, of what, how made, what it was found to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pretrain.cards.teacher_card import PHANTOM, USAGE, phantom_warning
from pretrain.settings.stage2_config import Stage2
from pretrain.student.validation import FIGURE
from versamammo import NOTICE
from versamammo.model.head_scores import HeadScore
from versamammo.training.origin import made_of

_WHOLE = {
    FIGURE: "area that chose the epoch, a mean weighted by how surely each is known",
    "val/std": "spread of the features",
    "val/rank": "effective rank of the features",
}


def student_card(
    config: Stage2,
    step: int,
    origin: Mapping[str, Any],
    answers: Mapping[str, float],
    scores: Sequence[HeadScore],
) -> str:
    """Write the card as Markdown with the front matter that model hubs read.

    Args:
        config: of the run.
        step: steps done.
        origin: `data` (hash), `sources`, `images` and `command` of the run, and the sources
            `inherited` from the teacher.
        answers: figures of the features on validation patients, and the one that chose the epoch.
        scores: of the heads, as `head_scores.json` holds them.
    """
    phantom = any(PHANTOM in source for source in origin["sources"])
    height, width = config.views.size
    return f"""---
library_name: transformers
pipeline_tag: image-feature-extraction
license: apache-2.0
tags: [mammography, distillation{", " + PHANTOM if phantom else ""}]
---

# VersaMammo encoder, {config.student.backbone}

{NOTICE}
{phantom_warning(origin["sources"])}
| | |
|---|---|
| data | {origin["images"]} images of {", ".join(origin["sources"])} |
| splits | {", ".join(config.splits)}; best epoch chosen on {", ".join(config.validation)} |
| hash of images and split | `{origin["data"]}` |
| steps | {step} of {config.optim.max_steps}, {config.optim.batch_size} images each |
| input | one channel, {height} x {width}, chest wall left, see `preprocessor_config.json` |
| command | `{" ".join(origin["command"])}` |

```python
{USAGE}
probabilities = encoder.probabilities("mammogram.dcm")[0]  # {{"density": {{"A": 0.1, ...}}, ...}}
```

## What it was made from

{made_of(origin)}

{_knowledge(answers, scores)}"""


def _knowledge(answers: Mapping[str, float], scores: Sequence[HeadScore]) -> str:
    whole = "\n".join(
        f"| {words} | {answers[name]:.3f} |" for name, words in _WHOLE.items() if name in answers
    )
    return f"""\
## What it knows

Areas under the ROC curve on validation patients, by which this epoch was chosen and on whom the
probabilities were calibrated: they flatter it a little.

| attribute | AUC | 95 % interval | images | patients |
|---|---|---|---|---|
{chr(10).join(map(_row, scores))}

Intervals are over resampled patients. The same figures, with the images of each class, are in
`head_scores.json`.

| of all validation images | figure |
|---|---|
{whole}
"""


def _row(score: HeadScore) -> str:
    interval = (
        "" if score.low is None or score.high is None else f"{score.low:.3f} to {score.high:.3f}"
    )
    counts = " | ".join("" if n is None else str(n) for n in (score.images, score.patients))
    return f"| {score.attribute} | {score.auroc:.3f} | {interval} | {counts} |"
