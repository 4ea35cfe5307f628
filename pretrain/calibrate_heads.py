"""Calibrate the heads of a finished encoder on patients that it has not learned from.

    python pretrain/calibrate_heads.py --encoder DIR --data PREPARED --output OUT

Stage 2 does so for its best epoch. An archive of one's own has other scanners and other frequencies
of classes: OUT is a copy whose cutpoints and temperatures are those of its patients, and whose
head_scores.json and card say how well each head tells there. The features stay as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch

from pretrain.student.cutpoints import cross_fitted
from pretrain.student.validation import Validation, ValidationFeatures
from pretrain.views.whole_breast import WholeSettings
from versamammo import NOTICE
from versamammo.config import load
from versamammo.data.attributes import UNKNOWN_CLASS
from versamammo.data.joined_archives import open_archive
from versamammo.errors import InputError
from versamammo.files import whole_folder
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.head_scores import write_head_scores
from versamammo.model.heads import OrdinalHead
from versamammo.training.stopping import run_command

CARD = "README.md"
KNOWS = "## What it knows"


@dataclass(frozen=True)
class HeadCalibration:
    """Calibrate an encoder's heads.

    Attributes:
        encoder: folder of a finished encoder with heads.
        data: folder that `versamammo prepare` wrote, or several.
        output: folder of the copy.
        splits: whose patients are calibrated on; none that the encoder has learned from.
        alike: attributes whose probabilities are to hold where all classes are alike frequent,
            rather than as frequent as in the archive that was learned from.
        mirrored: whether the heads are to answer by the mean of an image and the same image upside
            down; as the encoder says if null.
        fit: cutpoints and temperatures; false measures the heads as they are.
        images: at most this many, evenly taken.
        threads: on a CPU; 0 leaves that to torch.
    """

    encoder: Path
    data: tuple[str, ...] | Path
    output: Path
    splits: tuple[str, ...] = ("val",)
    alike: tuple[str, ...] = ()
    mirrored: bool | None = None
    fit: bool = True
    images: int = 4000
    threads: int = 0


def calibrate(settings: HeadCalibration) -> list[str]:
    """Write the calibrated copy; returns a line for each head.

    Raises:
        InputError: the encoder has no heads, or none of a name; the images cannot be used.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    encoder = VersaMammoModel.from_pretrained(settings.encoder)
    encoder.eval()  # type: ignore[no-untyped-call]
    if encoder.heads is None:
        message = "has no heads to calibrate; stage 2 trains them"
        raise InputError(message, file=settings.encoder, field="encoder", reason="no-heads")
    if settings.mirrored is not None:
        encoder.heads.mirrored = settings.mirrored
        encoder.config.heads = {**encoder.config.heads, "mirrored": settings.mirrored}
    heads = encoder.heads.attributes
    unknown = [name for name in settings.alike if name not in heads.heads]
    if unknown:
        message = f"no head {unknown[0]!r}; expected some of {', '.join(heads.heads)}"
        raise InputError(message, field="alike", reason="unknown-attribute")
    archive = open_archive(settings.data, settings.splits)
    contract = encoder.config.input_contract
    views = WholeSettings(size=contract.size, mean=contract.mean, std=contract.std)
    validation = Validation(archive, views, settings.images)
    seen = validation.see(encoder)
    lines = _balanced(validation, seen, encoder)
    fitted = validation.calibrate(heads, seen, settings.alike) if settings.fit else ()
    scores = validation.scores(encoder, seen)
    lines += [f"{name}: cutpoints fitted" for name in fitted]
    patients = len({picture.patient for picture in validation.pictures})
    done = "calibrated" if settings.fit else "measured"
    how = ", mirrored," if encoder.heads.mirrored else ""
    told = (
        f"heads {done}{how} on {len(validation.pictures)} images of {patients} patients of "
        f"{', '.join(archive.sources)}"
    )
    training = encoder.config.training or {}
    training["steps"] = [*training.get("steps", ()), told]
    encoder.config.training = training
    with whole_folder(settings.output) as made:
        encoder.save_pretrained(made)
        write_head_scores(made, scores)
        (made / CARD).write_text(_card(settings.encoder / CARD, told, lines))
    return [*lines, *(f"{one.attribute}: area {one.auroc:.3f}" for one in scores)]


def _balanced(
    validation: Validation, seen: ValidationFeatures, encoder: VersaMammoModel
) -> list[str]:
    """Return the class-balanced accuracy of ordered heads, cutpoints fitted on other patients."""
    assert encoder.heads is not None, "calibrate has refused such an encoder"
    patients = np.array([picture.patient for picture in validation.pictures])
    lines = []
    for name, head in encoder.heads.attributes.heads.items():
        truth = validation.known(name)
        known = truth != UNKNOWN_CLASS
        if isinstance(head, OrdinalHead) and known.any():
            told = cross_fitted(
                head, seen.whole[torch.from_numpy(known)], torch.from_numpy(truth[known]),
                cast(list[str], patients[known].tolist()),
            )  # fmt: skip
            right = [np.mean(told[truth[known] == k] == k) for k in np.unique(truth[known])]
            lines.append(
                f"{name}: class-balanced accuracy {np.mean(right):.3f} of {known.sum()} images of "
                f"{len(set(patients[known]))} patients, by cutpoints of the others"
            )
    return lines


def _card(card: Path, told: str, lines: Sequence[str]) -> str:
    """Return the card with a passage on the calibration before its figures."""
    before = card.read_text() if card.is_file() else ""
    passage = f"## Calibration\n\n{told[0].upper()}{told[1:]}.\n\n"
    passage += "".join(f"- {line}\n" for line in lines)
    head, mark, rest = before.partition(KNOWS)
    return f"{head}{passage}\n{mark}{rest}" if mark else f"{before}\n{passage}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 2 for a bad input."""

    def work() -> int:
        for line in calibrate(load(HeadCalibration, argv)):
            print(line)
        print(NOTICE)
        return 0

    return run_command("calibrate", work)


if __name__ == "__main__":
    sys.exit(main())
