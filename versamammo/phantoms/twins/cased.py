"""Twin of CBIS-DDSM: films and lesions as cases, as TCIA's DICOM or as the JPEG re-pack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from numpy.typing import NDArray

from versamammo.data.labels import Finding, Labels
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.phantom_view import PhantomView
from versamammo.phantoms.twins.twin_writer import Pen, TwinImage, marked, told

SIDES = {"L": "LEFT", "R": "RIGHT"}
START = (
    "patient_id", "breast density", "left or right breast", "image view", "abnormality id",
    "abnormality type",
)  # fmt: skip
END = (
    "assessment", "pathology", "subtlety", "image file path", "cropped image file path",
    "ROI mask file path",
)  # fmt: skip
OWN = {"mass": ("mass shape", "mass margins"), "calc": ("calc type", "calc distribution")}
SHORT = {"mass": "mass", "calcification": "calc"}
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture, as TCIA stores masks
PutFilm = Callable[[str, PhantomExam, PhantomView], str]
PutMask = Callable[[str, str, NDArray[np.bool_]], str]


def uid(*words: object) -> str:
    """Invent a UID."""
    return f"1.3.6.1.4.1.9590.{uuid5(NAMESPACE_OID, f'phantom {words}').int % 10**20}"


def cbis_ddsm(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """TCIA's DICOM; mask and crop of a lesion lie in one folder, in either order."""

    def film(case: str, exam: PhantomExam, view: PhantomView) -> str:
        return pen.dicom(f"CBIS-DDSM/{case}/{uid(case)}/{uid(case, 2)}/1-1.dcm", exam, view)

    def lesion(case: str, number: str, mask: NDArray[np.bool_]) -> str:
        folder = f"CBIS-DDSM/{case}/{uid(case)}/{uid(case, 2)}"
        first, second = ("1-1", "1-2") if len(number) % 2 else ("1-2", "1-1")
        levels = mask.astype(np.uint8) * 255
        pen.stack(f"{folder}/{second}.dcm", levels[: levels.shape[0] // 2], SECONDARY)
        return pen.stack(f"{folder}/{first}.dcm", levels, SECONDARY)

    return write_cbis(pen, exams, film, lesion)


def cbis_ddsm_jpeg(pen: Pen, exams: Sequence[PhantomExam]) -> list[TwinImage]:
    """The JPEG re-pack: one folder per series, and a table of which is which."""
    rows: list[list[object]] = []

    def put(case: str, kind: str, pixels: NDArray[np.float32]) -> str:
        path = f"jpeg/{uid(case, kind)}/1-{len(rows):03d}.jpg"
        rows.append([f"CBIS-DDSM/{path}", case, kind])
        return pen.picture(path, pixels)

    def film(case: str, exam: PhantomExam, view: PhantomView) -> str:
        return put(case, "full mammogram images", view.pixels)

    def lesion(case: str, number: str, mask: NDArray[np.bool_]) -> str:
        levels = mask.astype(np.float32)
        put(case, "cropped images", levels[: levels.shape[0] // 2])
        return put(case, "ROI mask images", levels)

    shown = write_cbis(pen, exams, film, lesion)
    pen.csv("csv/dicom_info.csv", ("image_path", "PatientID", "SeriesDescription"), rows)
    return shown


def write_cbis(
    pen: Pen, exams: Sequence[PhantomExam], film: PutFilm, lesion: PutMask
) -> list[TwinImage]:
    """Write films with masses or calcifications, and a row per lesion in four tables."""
    shown = []
    rows: dict[str, list[list[object]]] = {f"{k}_{p}": [] for k in OWN for p in ("train", "test")}
    for number, exam in enumerate(exams, start=1):
        part = "Test" if number % 3 == 0 else "Training"
        for view in exam.views[:4]:
            kind = next((f.kind for f in view.labels.findings if f.kind in SHORT), None)
            if kind is None:
                continue
            short = SHORT[kind]
            where = f"P_{number:05d}_{SIDES[view.laterality]}_{view.view}"
            case = f"{short.title()}-{part}_{where}"
            path = film(case, exam, view)
            truth = with_lesions(case, kind, view, lesion)
            lines = rows[f"{short}_{'test' if part == 'Test' else 'train'}"]
            for n, one in enumerate(truth.labels.findings, start=1):
                lines.append(cbis_row(case, n, number, view, one))
            shown.append(replace(truth, path=path, patient=f"P_{number:05d}"))
    for table, lines in rows.items():
        kind, _, part = table.partition("_")
        put_table(pen, kind, part, lines)
    return shown


def with_lesions(case: str, kind: str, view: PhantomView, lesion: PutMask) -> TwinImage:
    """Write the masks of one film's lesions and say what is true of it."""
    pairs = zip(view.labels.findings, view.masks, strict=True)
    found, masks = [], []
    for n, (one, mask) in enumerate([pair for pair in pairs if pair[0].kind == kind], start=1):
        name = f"{case}_{n}"
        found.append(replace(one, lesion_id=name, mask=lesion(name, str(n), mask)))
        masks.append(mask)
    labels: Labels = replace(
        marked(told(view.labels, "density"), found),
        birads=max(one.birads for one in found),
        pathology=1 + max(one.pathology for one in found),
        subtlety=max(one.subtlety for one in found),
    )
    return TwinImage("", view, labels, masks=tuple(masks))


def put_table(pen: Pen, kind: str, part: str, lines: list[list[object]]) -> None:
    """Write one table; where it would have no row it names a film that is not there."""
    # the tables of masses spell one column otherwise
    start = [c.replace("breast density", "breast_density") if kind == "mass" else c for c in START]
    path = f"csv/{kind}_case_description_{part}_set.csv"
    pen.csv(path, (*start, *OWN[kind], *END), lines or [cbis_absent(kind, part)])


def cbis_row(case: str, n: int, number: int, view: PhantomView, one: Finding) -> list[object]:
    """Describe one lesion; its paths end in line feeds here and there."""
    first, second = (
        (one.shape, one.margin) if one.kind == "mass" else (one.morphology, one.distribution)
    )
    pathology = "MALIGNANT" if one.pathology else ("BENIGN", "BENIGN_WITHOUT_CALLBACK")[n % 2]
    lesion = f"{case}_{n}/{uid(case, n)}/{uid(case, n, 2)}/00000"
    return [
        f"P_{number:05d}", int(view.labels.density), SIDES[view.laterality], view.view, n, one.kind,
        first or "", second or "", int(one.birads), pathology, int(one.subtlety),
        f"{case}/{uid(case)}/{uid(case, 2)}/000000.dcm", f"{lesion}1.dcm\n", f"{lesion}0.dcm",
    ]  # fmt: skip


def cbis_absent(kind: str, part: str) -> list[object]:
    """Describe a film that is not there."""
    case = f"{kind.title()}-{'Test' if part == 'test' else 'Training'}_P_99999_LEFT_CC"
    name = "mass" if kind == "mass" else "calcification"
    return [
        "P_99999",
        1,
        "LEFT",
        "CC",
        1,
        name,
        "",
        "",
        4,
        "BENIGN",
        3,
        f"{case}/1/2/000000.dcm",
        "",
        "",
    ]


LAYOUTS = {"cbis-ddsm": cbis_ddsm, "cbis-ddsm-jpeg": cbis_ddsm_jpeg}
