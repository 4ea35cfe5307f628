"""Twins of screening archives with a row per picture or finding: NLBS, VinDr-Mammo, RSNA, EMBED."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import pydicom

from versamammo.data.labels import DENSITIES, FINDINGS, Finding, Labels
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.phantom_view import PhantomView
from versamammo.phantoms.twins.twin_writer import Pen, TwinImage, marked, plain, told

NLBS_COLUMNS = ("File Path", "Image Laterality", "View Position", "Cancer", "False Positive")
VINDR_COLUMNS = (
    "study_id", "series_id", "image_id", "laterality", "view_position", "height", "width",
    "breast_birads", "breast_density", "finding_categories", "finding_birads",
    "xmin", "ymin", "xmax", "ymax", "split",
)  # fmt: skip
VINDR_WORDS = {
    "mass": "Mass", "calcification": "Suspicious Calcification", "asymmetry": "Focal Asymmetry",
    "distortion": "Architectural Distortion", "skin_thickening": "Skin Thickening",
    "skin_retraction": "Skin Retraction", "nipple_retraction": "Nipple Retraction",
    "lymph_node": "Suspicious Lymph Node",
}  # fmt: skip
RSNA_COLUMNS = (
    "site_id", "patient_id", "image_id", "laterality", "view", "age", "cancer", "biopsy",
    "invasive", "BIRADS", "implant", "density", "machine_id", "difficult_negative_case",
)  # fmt: skip
EMBED_IMAGES = (
    "empi_anon", "acc_anon", "study_date_anon", "anon_dicom_path", "FinalImageType",
    "ImageLateralityFinal", "ViewPosition", "spot_mag", "num_roi", "ROI_coords",
)  # fmt: skip
EMBED_REPORTS = (
    "empi_anon", "acc_anon", "side", "asses", "tissueden", "path_severity", "massshape", "calcfind",
)  # fmt: skip
LETTERS = "ANBPSM"
OLD_ROOT = "/mnt/NAS2/mammo/anon_dicom"


def key(*words: object) -> str:
    """Invent an id that looks like a hash."""
    return uuid5(NAMESPACE_OID, f"phantom twin {words}").hex


def nlbs(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """Three groups; a benign lesion is what was called back for nothing."""
    shown, rows = [], []
    for number, exam in enumerate(exams, start=1):
        latest = exam.views[:4]
        worst = max(view.labels.pathology for view in latest)
        group = ("normal", "False Positive", "abnormal")[int(worst)]
        study = f"{'2_B' if worst == 1 else ''}{500000000000 + number}"
        for view in latest:
            cancer, wrong = int(worst == 2), int(worst == 1)
            path = f"{group}/{study}/{study}-{view.laterality.lower()}-{view.view}.dcm"
            rows.append(
                ["NLBSP\\" + path.replace("/", "\\"), view.laterality, view.view, cancer, wrong]
            )
            known = math.nan if wrong else 2.0 * cancer
            labels = Labels(cancer=float(cancer), pathology=known)
            shown.append(TwinImage(pen.dicom(path, exam, view), view, labels))
    pen.csv("NLBSP-metadata.csv", NLBS_COLUMNS, rows)
    return shown


def vindr_mammo(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """A row per finding, categories as a list in words, one row without boxes for the others."""
    shown, rows = [], []
    for number, exam in enumerate(exams):
        study = key("study", number)
        for view in exam.views[:4]:
            image = key("image", view.file)
            path = pen.dicom(f"images/{study}/{image}.dicom", exam, view)
            rows += vindr_rows(view, study, image, "test" if number % 3 == 0 else "training")
            found = [plain(f, birads=f.birads) for f in view.labels.findings]
            labels = marked(told(view.labels, "density", "birads"), found, FINDINGS)
            shown.append(TwinImage(path, view, labels))
    pen.csv("finding_annotations.csv", VINDR_COLUMNS, rows)
    return shown


def vindr_rows(view: PhantomView, study: str, image: str, part: str) -> list[list[object]]:
    """Write the rows of one picture."""
    high, wide = view.pixels.shape
    start = [
        study, key("series", image), image, view.laterality, view.view, high, wide,
        f"BI-RADS {int(view.labels.birads)}", f"DENSITY {DENSITIES[int(view.labels.density) - 1]}",
    ]  # fmt: skip
    return [
        [*start, f"['{VINDR_WORDS[f.kind]}']", f"BI-RADS {int(f.birads)}", *f.box.as_tuple(), part]
        for f in view.labels.findings
        if f.box is not None
    ] or [[*start, "['No Finding']", "", "", "", "", "", part]]


def rsna(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """BI-RADS of the screening alone, 0 to 2; density at some pictures unsaid."""
    shown, rows, image = [], [], 10_000
    for number, exam in enumerate(exams, start=1):
        for view in exam.views[:4]:
            image += 7
            truth = view.labels
            recalled = 0 if truth.birads >= 3 else int(truth.birads)
            said = image % 3 != 0
            invasive = int(truth.invasive) if truth.cancer else 0
            rows.append([
                1, number, image, view.laterality, view.view, exam.patient.age_years,
                int(truth.cancer), int(truth.cancer), invasive, f"{recalled}.0", 0,
                DENSITIES[int(truth.density) - 1] if said else "", 21, False,
            ])  # fmt: skip
            labels = told(truth, "cancer", "density" if said else "cancer")
            labels = replace(labels, birads=float(recalled))
            if truth.cancer:
                labels = replace(labels, invasive=float(invasive))
            path = pen.dicom(f"train_images/{number}/{image}.dcm", exam, view)
            shown.append(TwinImage(path, view, labels, str(number)))
    pen.csv("train.csv", RSNA_COLUMNS, rows)
    return shown


def embed(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """Metadata with paths of the hospital's disk, one report per breast, a synthetic view."""
    shown, images, reports = [], [], []
    for number, exam in enumerate(exams, start=1):
        patient, accession = f"{90000000 + number}", f"{1000000000000 + number}"
        for place, view in enumerate(exam.views[:4]):
            study = f"1.2.3.{number}"
            tail = f"cohort_1/{patient}/{study}/{study}.{place}.dcm"
            path = pen.dicom(f"images/{tail}", exam, view)
            found, boxes = embed_regions(view, mirrored(pen.out / path))
            images.append([
                patient, accession, f"{view.exam_date} 00:00:00", f"{OLD_ROOT}/{tail}", "2D",
                view.laterality, view.view, "", len(boxes), f"({', '.join(boxes)})",
            ])  # fmt: skip
            shown.append(TwinImage(path, view, marked(embed_truth(view), found), patient))
        for side in "LR":
            reports.append(embed_report(exam, patient, accession, side))
        synthetic = f"cohort_1/{patient}/1.2.3.{number}/1.2.3.{number}.9.dcm"
        pen.dicom(f"images/{synthetic}", exam, exam.views[-1])
        images.append([
            patient, accession, f"{exam.exam_dates[0]} 00:00:00", f"{OLD_ROOT}/{synthetic}",
            "cview", "L", "MLO", "", 0, "()",
        ])  # fmt: skip
    pen.csv("tables/EMBED_OpenData_metadata.csv", EMBED_IMAGES, images)
    pen.csv("tables/EMBED_OpenData_clinical.csv", EMBED_REPORTS, reports)
    return shown


def mirrored(path: Path) -> bool:
    """Return whether the archive's PNG of a file is mirrored: if its rows run to the back."""
    return str(pydicom.dcmread(path, stop_before_pixels=True).PatientOrientation[0]) == "P"


def embed_regions(view: PhantomView, turned: bool) -> tuple[list[Finding], list[str]]:
    """Box one kind of lesion: the archive's boxes are of one finding's row.

    Of a picture that the archive mirrors they hold in its PNG, and so tell nothing of the file.
    """
    kinds = {found.kind for found in view.labels.findings}
    if len(kinds) != 1 or not kinds <= {"mass", "calcification"}:
        return [], []
    found = [plain(one) for one in view.labels.findings]
    corners = [one.box for one in found if one.box is not None]
    if turned:
        wide = view.pixels.shape[1]
        corners = [replace(box, x1=wide - box.x2, x2=wide - box.x1) for box in corners]
        found = []
    return found, [f"({b.y1:g}, {b.x1:g}, {b.y2:g}, {b.x2:g})" for b in corners]


def embed_truth(view: PhantomView) -> Labels:
    """Return what a report tells of a breast: pathology where there was a lesion."""
    labels = told(view.labels, "density", "birads")
    if view.labels.pathology == 2:
        return replace(labels, pathology=2.0, cancer=1.0, invasive=view.labels.invasive)
    return replace(labels, pathology=1.0) if view.labels.pathology == 1 else labels


def embed_report(exam: PhantomExam, patient: str, accession: str, side: str) -> list[object]:
    """Write the row of one breast."""
    views = [view for view in exam.views[:4] if view.laterality == side]
    labels = views[0].labels
    kinds = {found.kind for view in views for found in view.labels.findings}
    severity: object = ""
    if labels.pathology:
        severity = 4 if labels.pathology == 1 else (0 if labels.invasive else 1)
    return [
        patient, accession, side, LETTERS[int(labels.birads)], f"{labels.density:.1f}", severity,
        "R" if "mass" in kinds else "", "P" if "calcification" in kinds else "",
    ]  # fmt: skip


LAYOUTS = {"nlbs": nlbs, "vindr-mammo": vindr_mammo, "rsna": rsna, "embed": embed}
