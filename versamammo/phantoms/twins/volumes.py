"""Twin of BCS-DBT: volumes of slices, some stored turned by 180 degrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import BreastTomosynthesisImageStorage

from versamammo.data.labels import Labels
from versamammo.imaging.mammogram import Box
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.phantom_view import PhantomView
from versamammo.phantoms.twins.twin_writer import Pen, TwinImage, marked, plain

SLICES, BOXED = 4, 1
PATH_COLUMNS = ("PatientID", "StudyUID", "View", "descriptive_path", "classic_path")
LABEL_COLUMNS = ("PatientID", "StudyUID", "View", "Normal", "Actionable", "Benign", "Cancer")
BOX_COLUMNS = (
    "PatientID", "StudyUID", "View", "Subject", "Slice", "X", "Y", "Width", "Height", "Class", "AD",
    "VolumeSlices",
)  # fmt: skip
OUTCOMES = ("Normal", "Benign", "Cancer")


def dbt(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """Volumes of the test part; boxes in the frame of the archive's reader."""
    shown, paths, labels, boxes = [], [], [], []
    for number, exam in enumerate(exams, start=1):
        for place, view in enumerate(exam.views[:4]):
            word = f"{view.laterality}{view.view}".lower()
            found = [f for f in view.labels.findings if f.kind in ("mass", "distortion")]
            if view.labels.pathology and not found:
                continue
            key = (f"DBT-P{number:05d}", f"DBT-S{10000 + number}", word)
            path = f"Breast-Cancer-Screening-DBT/{key[0]}/study/series-{place}/1-1.dcm"
            paths.append([*key, path, path])
            outcome = OUTCOMES[int(view.labels.pathology)]
            labels.append([*key, *(int(outcome == n) for n in ("Normal", "-", "Benign", "Cancer"))])
            upright, flipped = canonical(view)
            turned = place % 2 == 1
            stored = upright[::-1, ::-1] if turned else upright
            pen.stack(path, volume(stored, bool(found)), BreastTomosynthesisImageStorage)
            findings = []
            for one in found:
                assert one.box is not None
                wide, high = view.pixels.shape[::-1]
                box = flip(one.box, wide) if flipped else one.box
                kind = OUTCOMES[1 + int(one.pathology)].lower()
                boxes.append(
                    [*key, "", BOXED, *corner(box), kind, int(one.kind == "distortion"), SLICES]
                )
                findings.append(
                    plain(one, turn(box, wide, high) if turned else box, pathology=one.pathology)
                )
            truth = marked(Labels(pathology=view.labels.pathology), findings)
            name = f"{path}#frame={BOXED if found else SLICES // 2}"
            shown.append(TwinImage(name, replace(view, pixels=stored), truth, key[0]))
    pen.csv("BCS-DBT-file-paths-test-v2.csv", PATH_COLUMNS, paths)
    pen.csv("BCS-DBT-labels-test-PHASE-2.csv", LABEL_COLUMNS, labels)
    pen.csv("BCS-DBT-boxes-test-v2-PHASE-2-Jan-2024.csv", BOX_COLUMNS, boxes)
    return shown


def canonical(view: PhantomView) -> tuple[NDArray[np.float32], bool]:
    """Turn a view so that a left breast lies at the left edge; tells whether it was flipped."""
    left, right = view.pixels[:, 0].sum(), view.pixels[:, -1].sum()
    flipped = ("R" if left < right else "L") != view.laterality.value
    return (view.pixels[:, ::-1] if flipped else view.pixels), bool(flipped)


def volume(pixels: NDArray[np.float32], boxed: bool) -> NDArray[np.uint16]:
    """Make slices [N, H, W]: one is the picture, the others are dimmer."""
    levels = np.rint(pixels * 4095).astype(np.uint16)
    sharp = BOXED if boxed else SLICES // 2
    return np.stack([levels if n == sharp else levels // 2 for n in range(SLICES)])


def corner(box: Box) -> tuple[int, int, int, int]:
    """Return x, y, width and height."""
    return int(box.x1), int(box.y1), int(box.width), int(box.height)


def flip(box: Box, wide: int) -> Box:
    """Flip a box with its picture."""
    return Box(wide - box.x2, box.y1, wide - box.x1, box.y2)


def turn(box: Box, wide: int, high: int) -> Box:
    """Turn a box by 180 degrees with its picture."""
    return Box(wide - box.x2, high - box.y2, wide - box.x1, high - box.y1)


LAYOUTS = {"dbt": dbt}
