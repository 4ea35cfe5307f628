"""From a checkpoint of stage 1 to an encoder's folder, which `AutoModel.from_pretrained` opens.

python pretrain/export.py runs/stage1 encoders/teacher
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from pretrain.cards.teacher_card import TeacherFacts, card
from pretrain.settings.stage1_config import Stage1
from versamammo import NOTICE
from versamammo.config import command_parser, load
from versamammo.errors import InputError
from versamammo.files import whole_folder
from versamammo.model.configuration import Training, VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.foreign import load_encoder
from versamammo.training.checkpoints import CONFIG, MODEL, checkpoints_in, step_of
from versamammo.training.origin import images_in, read_origin
from versamammo.training.run import CHECKPOINTS, METRICS, lines_of
from versamammo.training.stopping import run_command

LIBRARIES = ("versamammo", "torch", "timm", "transformers", "accelerate")


def export(source: Path, out: Path) -> Path:
    """Write the teacher's encoder, its config and its card.

    Args:
        source: a run's folder, of which the newest checkpoint is taken, or one checkpoint.
        out: folder to be made.

    Raises:
        InputError: there is no checkpoint, or the folder exists.
    """
    checkpoint = find_checkpoint(source)
    if out.exists() and any(out.iterdir()):
        raise InputError("is not empty", file=out, field="out", reason="bad-output")
    config = load(Stage1, ["--config", str(checkpoint / CONFIG)])
    step = step_of(checkpoint)
    run = checkpoint.parents[1]
    origin = read_origin(run)
    described = VersaMammoConfig(
        backbone=config.vit.name,
        backbone_args={"img_size": list(config.vit.image_size), **config.vit.shape},
        contract=config.contract.to_dict(),
        training=Training(
            data=origin["data"],
            command=shlex.join(origin["command"]),
            versions={name: version(name) for name in LIBRARIES},
            steps=(f"stage 1, {config.objective}, {step} of {config.optim.max_steps} steps",),
            sources=tuple(sorted({*origin["sources"], *origin.get("inherited", ())})),
            images=images_in(origin),
            foreign=tuple(origin.get("foreign", ())),
        ).to_dict(),
    )
    model = VersaMammoModel.from_backbone(
        described, teacher_backbone(load_file(checkpoint / MODEL))
    )
    facts = TeacherFacts(config, step, origin, probes_at(run / METRICS, step))
    with whole_folder(out) as made:
        model.save_pretrained(made)
        (made / "README.md").write_text(card(facts))
    return out


def open_teacher(source: Path, scratch: Path, first: Callable[[], bool]) -> VersaMammoModel:
    """Load a teacher from an encoder's folder, a timm or transformers folder, or a stage 1 run.

    Args:
        source: that folder.
        scratch: where a stage 1 run's teacher is exported to.
        first: says whether this process is the one that writes; all others wait until it has.

    Raises:
        InputError: there is no model there, or it is not known.
    """
    if not checkpoints_in(source / CHECKPOINTS):
        return load_encoder(source)
    if first() and not (scratch / "config.json").is_file():
        export(source, scratch)
    return load_encoder(scratch)


def find_checkpoint(source: Path) -> Path:
    """Return a checkpoint's folder, the newest of a run's.

    Raises:
        InputError: there is none.
    """
    if (source / MODEL).is_file():
        return source
    found = checkpoints_in(source / CHECKPOINTS)
    if not found:
        message = "is neither a checkpoint nor a run with one"
        raise InputError(message, file=source, reason="no-checkpoint")
    return found[-1]


def teacher_backbone(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take the teacher's timm network out of a checkpoint, under timm's own names."""
    return {
        name.partition(".backbone.")[2]: value
        for name, value in tensors.items()
        if name.startswith("teacher.") and ".backbone." in f".{name}"
    }


def probes_at(metrics: Path, step: int) -> dict[str, dict[str, float]]:
    """Return what was probed at the start and last before a checkpoint."""
    lines = [line for line in lines_of(metrics) if line["step"] <= step]
    asked: list[dict[str, Any]] = [
        line for line in lines if any(name.startswith("probe/") for name in line)
    ]
    return {
        f"step {line['step']}": {
            name.removeprefix("probe/"): value
            for name, value in line.items()
            if name.startswith("probe/")
        }
        for line in (asked[:1] + asked[1:][-1:])
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 2 for a bad input."""
    parser = command_parser(description=f"Export a teacher. {NOTICE}")
    parser.add_argument("source", type=Path, help="a run's folder or a checkpoint")
    parser.add_argument("out", type=Path, help="folder to be made")
    given = parser.parse_args(sys.argv[1:] if argv is None else list(argv))

    def work() -> int:
        print(export(given.source, given.out))
        return 0

    return run_command("export", work)


if __name__ == "__main__":
    sys.exit(main())
