"""Twins of archives that circle their lesions: mini-MIAS and DMID."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from versamammo.data.labels import Finding
from versamammo.imaging.mammogram import View
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.phantom_view import PhantomView
from versamammo.phantoms.twins.twin_writer import (
    Pen,
    TwinImage,
    circle,
    circle_bounds,
    marked,
    plain,
    told,
)

KINDS = {"calcification": "CALC", "distortion": "ARCH", "asymmetry": "ASYM"}
MASSES = {"circumscribed": "CIRC", "spiculated": "SPIC"}
MARGINS = {"CIRC": "circumscribed", "SPIC": "spiculated", "MISC": "ill-defined"}
TISSUE = "FGD"
DMID_COLUMNS = (
    "ID", "view", "background tissue", "abnormality", "pathology", "x", "y", "radius",
)  # fmt: skip


def in_words(view: PhantomView) -> Iterable[tuple[str, Finding, tuple[int, int, int]]]:
    """Return class, finding and circle of each lesion that the archives have a word for."""
    for found in view.labels.findings:
        assert found.box is not None
        word = (
            MASSES.get(found.margin or "", "MISC")
            if found.kind == "mass"
            else KINDS.get(found.kind)
        )
        if word is not None:
            yield word, found, circle(found.box)


def truth(view: PhantomView) -> tuple[list[list[object]], TwinImage]:
    """Return the rows of one picture (class, severity, x, y from the top, radius) and its truth."""
    high, wide = view.pixels.shape
    rows: list[list[object]] = []
    findings = []
    for word, found, (x, y, radius) in in_words(view):
        rows.append([word, "BM"[int(found.pathology)], x, y, radius])
        box = circle_bounds(x, y, radius, (high, wide))
        findings.append(plain(found, box, margin=MARGINS.get(word), pathology=found.pathology))
    labels = marked(
        told(view.labels, "tissue"), findings, ("mass", "calcification", "distortion", "asymmetry")
    )
    worst = max((found.pathology + 1 for found in findings), default=0.0)
    return rows or [["NORM", "", "", "", ""]], TwinImage("", view, replace(labels, pathology=worst))


def mias(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """Pairs of MLO films, right then left, y counted from the bottom."""
    shown, lines = [], ["This file lists the films in the MIAS database.", ""]
    for number, exam in enumerate(exams, start=1):
        views = [view for view in exam.views[:4] if view.view is View.MLO]
        for place, view in enumerate(sorted(views, key=lambda v: v.laterality.value, reverse=True)):
            name = f"mdb{2 * number - 1 + place:03d}"
            rows, made = truth(view)
            for word, severity, x, y, radius in rows:
                up = view.pixels.shape[0] - int(str(y)) if severity else ""
                cells = [name, TISSUE[int(view.labels.tissue)], word, severity, x, up, radius]
                lines.append(" ".join(str(cell) for cell in cells if cell != ""))
            path = pen.picture(f"all-mias/{name}.pgm", view.pixels)
            shown.append(replace(made, path=path, patient=f"pair {number:03d}"))
    pen.put("Info.txt", "\n".join(lines).encode())
    return shown


def dmid(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """DICOM files in a folder within a folder of the same name, y counted from the top."""
    shown, lines, number = [], [], 0
    for exam in exams:
        for view in exam.views[:4]:
            number += 1
            name = f"IMG{number:03d}"
            rows, made = truth(view)
            for word, severity, *place in rows:
                spelt = "CLAC" if word == "CALC" and number % 2 else word
                where = f"{view.view}{view.laterality}T"
                lines.append(
                    [name, where, TISSUE[int(view.labels.tissue)], spelt, severity or "N", *place]
                )
            path = pen.dicom(f"DICOM Images/DICOM Images/{name}.dcm", exam, view)
            shown.append(replace(made, path=path))
    pen.workbook("Metadata.xlsx", DMID_COLUMNS, lines)
    return shown


LAYOUTS = {"dmid": dmid, "mias": mias}
