"""Twins of archives whose folders and file names are the labels: KAU-BCMD, LAMIS, MM."""

from __future__ import annotations

from collections.abc import Sequence

from versamammo.data.labels import Labels
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.twins.twin_writer import Pen, TwinImage, told

ROMAN = ("", "BARADS I", "BIRADS II", "BIRADS III", "BIRADS IV", "BIRADS V")
PATHOLOGY = ("Normal", "Bening", "maling")  # the archive's own spelling


def kau_bcmd(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """One folder per BI-RADS category; some names have a blank in them."""
    shown = []
    for number, exam in enumerate(exams, start=1):
        for place, view in enumerate(exam.views[:4]):
            name = f"{view.exam_date[:4]}_BC{number:06d}_{view.view}_{view.laterality}"
            blank = name.replace("_", "_ ", 1) if place == 0 else name
            path = f"Birad{int(view.labels.birads)}/{blank}.jpg"
            labels = told(view.labels, "birads")
            shown.append(TwinImage(pen.picture(path, view.pixels), view, labels, f"BC{number:06d}"))
    return shown


def lamis(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """Labels in three levels of folders."""
    shown = []
    for number, exam in enumerate(exams, start=1):
        for view in exam.views[:4]:
            labels = view.labels
            folders = (
                PATHOLOGY[int(labels.pathology)], ROMAN[int(labels.birads)],
                f"ACR{int(labels.density)}",
            )  # fmt: skip
            name = f"P{number}_{1000 + number}_{view.laterality}_{view.view}.dcm"
            path = pen.dicom("/".join(("LAMISDMDB VF", *folders, name)), exam, view)
            shown.append(
                TwinImage(path, view, told(labels, "pathology", "birads", "density"), f"P{number}")
            )
    return shown


def mm(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """Two folders of originals, PNG and JPEG mixed, beside augmented copies."""
    shown = []
    for number, exam in enumerate(exams, start=1):
        for place, view in enumerate(exam.views[:4]):
            cancer = view.labels.pathology == 2
            folder = "Cancer" if cancer else "Non-Cancer"
            ending = "png" if place % 2 else "jpg"
            path = f"Original Dataset/{folder}/IMG{4 * number + place:03d}.{ending}"
            labels = Labels(cancer=float(cancer), pathology=2.0 if cancer else float("nan"))
            shown.append(TwinImage(pen.picture(path, view.pixels), view, labels))
    copy = exams[0].views[0].pixels[:, ::-1]
    pen.picture("Augmented Dataset/Non-Cancer/IMG004_1.jpg", copy)
    return shown


LAYOUTS = {"kau-bcmd": kau_bcmd, "lamis": lamis, "mm": mm}
