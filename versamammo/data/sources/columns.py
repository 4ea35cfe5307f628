"""Recognises the columns of a stranger's table, and lets the caller name what is not recognised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from versamammo.data.labels import Labels
from versamammo.data.sources.sheet import Sheet, read_sheet
from versamammo.errors import InputError

# our field -> other spellings, compared in lower case with every other sign read as "_"
SYNONYMS: dict[str, tuple[str, ...]] = {
    **{name: () for name in Labels.names()},
    "file": ("path", "image", "filename", "file_name", "file_path", "image_path",
             "image_file_path"),
    "image_id": ("image_name", "sop_instance_uid", "sopinstanceuid"),
    "patient_id": ("patient", "patientid", "subject", "subject_id"),
    "exam_id": ("exam", "study", "study_id", "studyid", "study_instance_uid", "studyinstanceuid"),
    "exam_date": ("date", "study_date", "studydate"),
    "accession": ("accession_number", "accessionnumber", "acc_anon"),
    "laterality": ("side", "breast", "image_laterality", "left_or_right_breast"),
    "view": ("view_position", "viewposition", "image_view"),
    "age": ("patient_age", "age_years"),
    "birads_edition": (),
    "density": ("breast_density", "breast_density_acr", "acr", "composition"),
    "birads": ("bi_rads", "breast_birads", "assessment"),
    "pathology": ("diagnosis",),
    "calcification": ("calcifications",),
    "distortion": ("architectural_distortion",),
    "lymph_node": ("suspicious_lymph_node",),
    "finding": ("kind", "finding_kind", "abnormality_type"),
    "lesion_id": ("lesion", "abnormality_id", "finding_id"),
    "x1": ("xmin",),
    "y1": ("ymin",),
    "x2": ("xmax",),
    "y2": ("ymax",),
    "image_height": ("img_height", "rows"),
    "image_width": ("img_width", "columns"),
    "mask": ("mask_file", "mask_path", "roi_mask_file_path"),
    "shape": ("mass_shape",),
    "margin": ("mass_margins", "mass_margin"),
    "morphology": ("calc_type",),
    "distribution": ("calc_distribution",),
    "finding_pathology": (),
    "finding_birads": (),
}  # fmt: skip


@dataclass(frozen=True)
class LabelTable:
    """A caller's table, every cell as text, and which of its columns speaks of what.

    Attributes:
        columns: our field -> the table's own column.
        constants: our field -> one word that holds for every row.
        unused: the table's columns that nobody reads.
    """

    name: str
    sheet: Sheet
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    unused: tuple[str, ...]

    def has(self, field: str) -> bool:
        """Return whether the table speaks of a field."""
        return field in self.columns or field in self.constants

    def where(self, field: str) -> str:
        """Name the place of a field's words, for messages and provenance."""
        return f"{self.name}: {self.columns.get(field, '--columns')}"


def read_table(
    path: Path, overrides: Mapping[str, str] | None = None, *, may_be_empty: bool = False
) -> LabelTable:
    """Read a CSV, comma, semicolon or tab, and recognise its columns.

    Args:
        path: the table; its first line names the columns.
        overrides: our field -> the table's column, or "=word" for a word that holds for all rows.
        may_be_empty: accept a table of a header alone.

    Raises:
        InputError: the table cannot be read, a named column is missing, two columns could be the
            same field, or there are no rows.
    """
    return understood(path, read_sheet(path, may_be_empty=may_be_empty), overrides)


def understood(
    path: Path, sheet: Sheet, overrides: Mapping[str, str] | None = None, name: str = ""
) -> LabelTable:
    """Recognise the columns of rows that were read already; `name` is for messages.

    Raises:
        InputError: a named column is missing, or two columns could be the same field.
    """
    named = dict(overrides or {})
    constants = {field: word[1:] for field, word in named.items() if word.startswith("=")}
    chosen = {field: word for field, word in named.items() if field not in constants}
    columns = recognise(path, sheet.header, chosen, frozenset(constants))
    unused = tuple(column for column in sheet.header if column not in columns.values())
    return LabelTable(name or path.name, sheet, columns, constants, unused)


def recognise(
    path: Path, header: tuple[str, ...], chosen: Mapping[str, str], taken: frozenset[str]
) -> dict[str, str]:
    """Find the column of each field: the caller's choice, else our name, else one synonym."""
    for field in (*chosen, *taken):
        if field not in SYNONYMS:
            raise InputError(
                f"no such field; expected one of {', '.join(SYNONYMS)}",
                field=f"--columns {field}", reason="unknown-field",
            )  # fmt: skip
    for field, column in chosen.items():
        if column not in header:
            raise InputError(
                f"no column {column!r}; the table has {', '.join(header)}",
                file=path, field=f"--columns {field}", reason="unknown-column",
            )  # fmt: skip
    found = dict(chosen)
    free = [column for column in header if column not in chosen.values()]
    for field, others in SYNONYMS.items():
        if field in found or field in taken:
            continue
        exact = [column for column in free if slug(column) == field]
        matches = exact or [column for column in free if slug(column) in others]
        if len(matches) > 1:
            raise InputError(
                f"{' and '.join(map(repr, matches))} could both be {field}; "
                f"choose with --columns {field}=NAME",
                file=path, field=field, reason="ambiguous-column",
            )  # fmt: skip
        if matches:
            found[field] = matches[0]
    return found


def slug(header: str) -> str:
    """Bring a column's name to lower case and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", header.strip().lower()).strip("_")
