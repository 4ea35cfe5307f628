"""Writes what twins are made of: pictures, DICOM files, masks and tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pydicom
from numpy.typing import NDArray
from PIL import Image

from versamammo.data.labels import Finding, Labels
from versamammo.files import write_atomically
from versamammo.imaging.mammogram import Box
from versamammo.phantoms.dicom_out import dicom_bytes
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.phantom_view import PhantomView

Cells = Sequence[object]


@dataclass(frozen=True, eq=False)
class TwinImage:
    """One picture of a twin and what its archive's tables tell of it.

    Attributes:
        path: relative to the twin's root.
        labels: what an adapter must find, no more and no less.
        masks: bool [H, W], one per finding; empty where the archive has boxes alone.
    """

    path: str
    view: PhantomView
    labels: Labels
    patient: str | None = None
    masks: tuple[NDArray[np.bool_], ...] = ()


@dataclass(frozen=True)
class Pen:
    """Writes below one folder."""

    out: Path
    settings: PhantomSettings

    def put(self, path: str, data: bytes) -> str:
        """Write a file; gives its path back."""
        place = self.out / path
        write_atomically(place, data)
        return path

    def dicom(self, path: str, exam: PhantomExam, view: PhantomView) -> str:
        """Write a view as its DICOM object."""
        return self.put(path, dicom_bytes(self.settings, exam, view))

    def picture(self, path: str, pixels: NDArray[np.float32], bits: int = 8) -> str:
        """Write pixels [H, W] in 0..1 as PNG, JPEG or PGM, by the path's ending."""
        levels = np.rint(pixels * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
        stream = io.BytesIO()
        kind = {"jpg": "JPEG", "png": "PNG", "pgm": "PPM"}[path.rpartition(".")[2]]
        options = {"quality": 95} if kind == "JPEG" else {}
        Image.fromarray(levels).save(stream, kind, **options)
        return self.put(path, stream.getvalue())

    def csv(self, path: str, header: Cells, rows: Iterable[Cells], delimiter: str = ",") -> str:
        """Write a table of text."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        return self.put(path, text.getvalue().encode())

    def workbook(
        self, path: str, header: Cells, rows: Iterable[Cells], sheet: str = "Sheet1"
    ) -> str:
        """Write a table as XLSX."""
        book = openpyxl.Workbook()
        page = book.active
        page.title = sheet
        for row in (header, *rows):
            page.append(list(row))
        stream = io.BytesIO()
        book.save(stream)
        return self.put(path, stream.getvalue())

    def stack(self, path: str, frames: NDArray[np.uint8 | np.uint16], sop_class: str) -> str:
        """Write frames [N, H, W] (or one picture [H, W]) as an uncompressed DICOM object."""
        stacked = frames if frames.ndim == 3 else frames[None]
        made = pydicom.Dataset()
        made.SOPClassUID, made.Modality = sop_class, "MG"
        made.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[path, str(self.settings)])
        made.PatientID, made.ImageType = "PHANTOM", ["ORIGINAL", "PRIMARY"]
        made.PresentationIntentType = "FOR PRESENTATION"
        made.Rows, made.Columns = stacked.shape[1:]
        if frames.ndim == 3:
            made.NumberOfFrames = len(stacked)
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.BitsAllocated = 8 * frames.itemsize
        made.BitsStored = made.BitsAllocated if frames.itemsize == 1 else 12
        made.HighBit, made.PixelRepresentation = made.BitsStored - 1, 0
        made.PixelData = stacked.tobytes()
        made["PixelData"].VR = "OW" if frames.itemsize == 2 else "OB"
        made.file_meta = pydicom.dataset.FileMetaDataset()
        made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        stream = io.BytesIO()
        pydicom.dcmwrite(stream, made, enforce_file_format=True)
        return self.put(path, stream.getvalue())


def told(labels: Labels, *facts: str) -> Labels:
    """Keep of a phantom's truth what an archive tells, without places."""
    return Labels(**{fact: getattr(labels, fact) for fact in facts})


def marked(labels: Labels, findings: Iterable[Finding], looked_for: Iterable[str] = ()) -> Labels:
    """Add findings, their kinds present, the other kinds that are looked for absent."""
    listed = tuple(findings)
    kinds = dict.fromkeys(looked_for, 0.0) | {found.kind: 1.0 for found in listed}
    return replace(labels, findings=listed, **kinds)


def plain(finding: Finding, box: Box | None = None, **facts: object) -> Finding:
    """Keep of a finding its kind and place, and the facts that are named."""
    return Finding(finding.kind, box=box or finding.box, **facts)  # type: ignore[arg-type]


def outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    """Trace the outer edges of a mask's pieces, (x, y) of pixels [P, 2] each."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(contour[:, 0, :], np.int32) for contour in found]


def filled(points: NDArray[np.int32], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill an outline [H, W]."""
    drawn = np.zeros(size, np.uint8)
    cv2.drawContours(drawn, [points[:, None, :]], 0, 1, cv2.FILLED)
    return drawn.astype(bool)


def bounds(points: NDArray[np.int32]) -> Box:
    """Bound the pixels of an outline."""
    low, high = points.min(axis=0), points.max(axis=0) + 1
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def circle(box: Box) -> tuple[int, int, int]:
    """Draw a circle of whole numbers (x, y, radius) around a box, as MIAS and DMID do."""
    x, y = round((box.x1 + box.x2) / 2), round((box.y1 + box.y2) / 2)
    return x, y, max(2, round(max(box.width, box.height) / 2))


def circle_bounds(x: int, y: int, radius: int, size: tuple[int, int]) -> Box:
    """Bound a circle within a picture (H, W)."""
    return Box(
        float(max(0, x - radius)), float(max(0, y - radius)),
        float(min(size[1], x + radius)), float(min(size[0], y + radius)),
    )  # fmt: skip
