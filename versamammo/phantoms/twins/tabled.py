"""Twins of archives whose tables describe patients or breasts: BMCD, CMMD, CSAW-M."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from versamammo.data.labels import DENSITIES, Labels
from versamammo.imaging.mammogram import View
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.phantom_view import PhantomView
from versamammo.phantoms.twins.twin_writer import Pen, TwinImage, told

SIDES = {"L": "Left", "R": "Right"}
BMCD_COLUMNS = (
    "Folder #", "Breast (Right/Left)", "BI-RADS categories for breast density",
    "BI-RADS categories for classification ",
)  # fmt: skip
CMMD_COLUMNS = ("ID1", "LeftRight", "Age", "number", "abnormality", "classification", "subtype")
SUBTYPES = ("HER2-enriched", "Luminal A", "Luminal B", "triple negative")


def bmcd(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """One breast of each patient, two views, now and before; the tables speak of now."""
    shown, rows = [], dict[str, list[list[object]]](Normal=[], Suspicious=[])
    for number, exam in enumerate(exams, start=1):
        side = "LR"[number % 2]
        views = [view for view in exam.views if view.laterality == side]
        recent = next(view for view in views if view.exam_date == exam.exam_dates[0])
        group = "Suspicious" if recent.labels.birads >= 4 else "Normal"
        density = DENSITIES[int(recent.labels.density) - 1].lower()
        category = "4b" if recent.labels.birads == 4 else int(recent.labels.birads)
        rows[group].append([number, SIDES[side], density, category])
        first = group == "Suspicious" and len(rows[group]) == 1
        for view in views:
            now = view.exam_date == exam.exam_dates[0]
            # one file of the archive, of a suspicious case, is spelt so
            recently = "recemt" if first and view.view is View.CC else "recent"
            word = recently if now else "prior"
            path = f"Dataset/{group}_cases/{number}/{view.view}_{word}.dcm"
            labels = told(view.labels, "density", "birads") if now else Labels()
            shown.append(TwinImage(pen.dicom(path, exam, view), view, labels, f"{group}_{number}"))
    for group, lines in rows.items():
        if not lines:
            lines.append([999, "Left", "a", 1])
        pen.workbook(f"{group}_case.xlsx", BMCD_COLUMNS, lines)
    return shown


def cmmd(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """Breasts with a lesion; right before left, so that an order of files tells nothing."""
    shown, rows = [], []
    for number, exam in enumerate(exams, start=1):
        patient, count = f"D{1 + number % 2}-{number:04d}", 0
        latest = [view for view in exam.views if view.exam_date == exam.exam_dates[0]]
        for side in "RL":
            views = [view for view in latest if view.laterality == side]
            found = {f.kind for v in views for f in v.labels.findings} & {"mass", "calcification"}
            if not found:
                continue
            rows.append(cmmd_row(exam, views[0], patient, found))
            for view in views:
                count += 1
                study = f"07-18-2010-NA-NA-{number:05d}/1.000000-NA-{number}"
                path = f"CMMD/{patient}/{study}/1-{count}.dcm"
                labels = told(view.labels, "pathology", "subtype")
                labels = replace(
                    labels,
                    mass=float("mass" in found),
                    calcification=float("calcification" in found),
                )
                shown.append(TwinImage(pen.dicom(path, exam, view), view, labels, patient))
    pen.workbook("CMMD_clinicaldata_revision.xlsx", CMMD_COLUMNS, rows)
    return shown


def cmmd_row(exam: PhantomExam, view: PhantomView, patient: str, found: set[str]) -> list[object]:
    """Describe one breast."""
    labels = view.labels
    subtype = "" if labels.subtype != labels.subtype else SUBTYPES[int(labels.subtype)]
    return [
        patient, view.laterality.value, exam.patient.age_years, 2,
        "both" if len(found) == 2 else next(iter(found)),
        ("Normal", "Benign", "Malignant")[int(labels.pathology)], subtype,
    ]  # fmt: skip


def csaw_m(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """Single pictures without patients, tables parted by semicolons."""
    shown, rows = [], dict[str, list[list[object]]](train=[], test=[])
    for number, exam in enumerate(exams):
        part = "test" if number % 3 == 0 else "train"
        for view in exam.views[:4]:
            name = f"{part}_{len(rows[part]) + 1}.png"
            rows[part].append([name, int(view.labels.masking), 0])
            path = pen.picture(f"images/preprocessed/{part}/{name}", view.pixels)
            shown.append(TwinImage(path, view, told(view.labels, "masking")))
    for part, lines in rows.items():
        pen.csv(f"labels/CSAW-M_{part}.csv", ("Filename", "Label", "If_cancer"), lines, ";")
    return shown


LAYOUTS = {"bmcd": bmcd, "cmmd": cmmd, "csaw-m": csaw_m}
