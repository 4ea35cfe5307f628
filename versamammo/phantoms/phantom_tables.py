"""The rows of `labels.csv` and `findings.csv`: what is true of each phantom image, in words."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass

from versamammo.data.labels import DENSITIES, SUBTYPES, Finding, Labels
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.phantom_view import PhantomView

BIRADS_EDITION = "5th"
WORDS: dict[str, tuple[str, ...]] = {  # where a number stands for a word, counted from 0
    "pathology": ("normal", "benign", "malignant"),
    "tissue": ("fatty", "fatty-glandular", "dense-glandular"),
    "subtype": SUBTYPES,
}
LABEL_COLUMNS = (
    "file", "patient_id", "exam_id", "exam_date", "laterality", "view", "age",
    *Labels.names(), "birads_edition", "gland_share",
)  # fmt: skip
FINDING_COLUMNS = (
    "file", "lesion_id", "kind", "x1", "y1", "x2", "y2", "mask",
    "shape", "margin", "morphology", "distribution", "pathology", "birads", "subtlety",
)  # fmt: skip

Row = list[str]


@dataclass(frozen=True)
class ExamRows:
    """The table rows of one exam, every cell as text; "" is unknown."""

    labels: list[Row]
    findings: list[Row]


def exam_rows(exam: PhantomExam) -> ExamRows:
    """Write down all views of an exam."""
    return ExamRows(
        [_label_row(exam, view) for view in exam.views],
        [_finding_row(view, finding) for view in exam.views for finding in view.labels.findings],
    )


def to_csv(header: tuple[str, ...], rows: Iterable[Row]) -> bytes:
    """Format a table as CSV in UTF-8 with plain newlines."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def from_csv(text: str) -> list[Row]:
    """Read back the rows of a table, without its header."""
    return list(csv.reader(io.StringIO(text)))[1:]


def _label_row(exam: PhantomExam, view: PhantomView) -> Row:
    aged = exam.patient.age_years - (int(exam.exam_dates[0][:4]) - int(view.exam_date[:4]))
    numbers = [_word(name, getattr(view.labels, name)) for name in Labels.names()]
    return [
        view.file, exam.patient_id, view.exam_id, view.exam_date,
        view.laterality.value, view.view.value, str(aged),
        *numbers, BIRADS_EDITION, f"{view.gland_share:.4f}",
    ]  # fmt: skip


def _word(name: str, value: float) -> str:
    if math.isnan(value):
        return ""
    if name == "density":
        return DENSITIES[int(value) - 1]
    return WORDS[name][int(value)] if name in WORDS else str(int(value))


def _finding_row(view: PhantomView, finding: Finding) -> Row:
    assert finding.box is not None
    words = (finding.shape, finding.margin, finding.morphology, finding.distribution)
    return [
        view.file, finding.lesion_id or "", finding.kind,
        *(f"{edge:g}" for edge in finding.box.as_tuple()), finding.mask or "",
        *(word or "" for word in words), WORDS["pathology"][1 + int(finding.pathology)],
        str(int(finding.birads)), str(int(finding.subtlety)),
    ]  # fmt: skip
