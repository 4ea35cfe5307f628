"""Twins of archives that draw outlines around their lesions: CDD-CESM and INbreast."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Sequence
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from numpy.typing import NDArray

from versamammo.data.labels import DENSITIES, Finding
from versamammo.imaging.mammogram import View
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.phantom_view import PhantomView
from versamammo.phantoms.twins.twin_writer import (
    Pen,
    TwinImage,
    bounds,
    filled,
    marked,
    outlines,
    plain,
    told,
)

CESM_COLUMNS = (
    "Image_name", "Patient_ID", "Side", "Type", "Age", "Breast density (ACR)", "BIRADS", "Findings",
    "View", "Tags", "Machine", "Pathology Classification/ Follow up",
)  # fmt: skip
VIA_COLUMNS = (
    "#filename", "file_size", "file_attributes", "region_count", "region_id",
    "region_shape_attributes", "region_attributes",
)  # fmt: skip
INBREAST_COLUMNS = (
    "Patient ID", "Laterality", "View", "Acquisition date", "File Name ", "ACR", "Bi-Rads", "Mass ",
    "Micros", "Distortion", "Asymmetry",
)  # fmt: skip
PATHOLOGY = ("Normal", "Benign", "Malignant")
REGIONS = {"mass": "Mass", "calcification": "Calcification", "distortion": "Distortion",
           "asymmetry": "Assymetry"}  # fmt: skip


def cdd_cesm(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """Low-energy beside subtracted pictures; polygons in VIA's table; blanks after names."""
    shown, rows, regions = [], [], []
    for number, exam in enumerate(exams, start=1):
        for view in exam.views[:4]:
            name = f"P{number}_{view.laterality}_DM_{view.view}"
            subtracted = name.replace("DM", "CM")
            path = pen.picture(f"Low energy images of CDD-CESM/{name}.jpg", view.pixels)
            pen.picture(f"Subtracted images of CDD-CESM/{subtracted}.jpg", 1 - view.pixels)
            kinds = {found.kind for found in view.labels.findings}
            text = " and ".join(sorted(kind.replace("_", " ") for kind in kinds)) or "Normal"
            category = (
                f"{int(view.labels.birads)}$2"
                if view.labels.birads > 2
                else int(view.labels.birads)
            )
            density = DENSITIES[int(view.labels.density) - 1]
            for own, kind in ((f"{name} ", "DM"), (subtracted, "CESM")):
                rows.append([
                    own, number, view.laterality, kind, exam.patient.age_years,
                    density if kind == "DM" else "_", category, text, view.view, "", 1,
                    PATHOLOGY[int(view.labels.pathology)],
                ])  # fmt: skip
            found, masks = pieces(view, sorted(kinds) if len(kinds) == 1 else [])
            for found_number, points in enumerate(traced(view)):
                shape = {"name": "polygon", "all_points_x": points[:, 0].tolist(),
                         "all_points_y": points[:, 1].tolist()}  # fmt: skip
                regions.append([f"{name}.jpg", 1, "{}", 1, found_number, json.dumps(shape), "{}"])
            labels = marked(told(view.labels, "density", "birads", "pathology"), found)
            shown.append(TwinImage(path, view, labels, str(number), masks))
    pen.workbook("Radiology-manual-annotations.xlsx", CESM_COLUMNS, rows, "all")
    pen.csv("Radiology_hand_drawn_segmentations_v2.csv", VIA_COLUMNS, regions)
    return shown


def traced(view: PhantomView) -> list[NDArray[np.int32]]:
    """Trace all pieces of all masks of a view."""
    return [points for mask in view.masks for points in outlines(mask)]


def pieces(
    view: PhantomView, kinds: Sequence[str]
) -> tuple[list[Finding], tuple[NDArray[np.bool_], ...]]:
    """Return each piece of a mask as a finding of its own, as drawn by hand."""
    found, masks = [], []
    for one, mask in zip(view.labels.findings, view.masks, strict=True):
        for points in outlines(mask) if one.kind in kinds else ():
            found.append(plain(one, bounds(points)))
            masks.append(filled(points, mask.shape))
    return found, tuple(masks)


def inbreast(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """DICOM files with the patient in their names, one XML of regions for those that have any."""
    shown, rows, number = [], [], 20_586_900
    for exam in exams:
        patient = uuid5(NAMESPACE_OID, f"phantom inbreast {exam.patient_id}").hex[:16]
        for view in exam.views[:4]:
            number += 8
            word = "ML" if view.view is View.MLO else "CC"
            path = f"AllDICOMs/{number}_{patient}_MG_{view.laterality}_{word}_ANON.dcm"
            found, masks = pieces(view, list(REGIONS))
            kinds = {one.kind for one in found}
            if found:
                pen.put(f"AllXML/{number}.xml", regions_xml(view))
            marks = ["X" if kind in kinds else "" for kind in REGIONS]
            category = "4c" if view.labels.birads == 4 else int(view.labels.birads)
            rows.append(["removed", view.laterality, word, "201001", number,
                         int(view.labels.density), category, *marks])  # fmt: skip
            labels = marked(told(view.labels, "density", "birads"), found, REGIONS)
            shown.append(TwinImage(pen.dicom(path, exam, view), view, labels, patient, masks))
    pen.csv("INbreast.csv", INBREAST_COLUMNS, rows, ";")
    return shown


def regions_xml(view: PhantomView) -> bytes:
    """Write the regions of a view as OsiriX does."""
    rois = [
        {"Name": REGIONS[one.kind], "NumberOfPoints": len(points), "Type": 15,
         "Point_px": [f"({x:f}, {y:f})" for x, y in points.tolist()]}
        for one, mask in zip(view.labels.findings, view.masks, strict=True)
        if one.kind in REGIONS
        for points in outlines(mask)
    ]  # fmt: skip
    return plistlib.dumps({"Images": [{"ImageIndex": 0, "NumberOfROIs": len(rois), "ROIs": rois}]})


LAYOUTS = {"cdd-cesm": cdd_cesm, "inbreast": inbreast}
