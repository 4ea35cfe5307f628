"""An exam as the page holds it: pictures without anything that names a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.chat.evidence.pixel_display import AS_LEVELS, WHITE, PixelDisplay, displayed
from versamammo.errors import InputError
from versamammo.imaging.breast import Breast, find_breast
from versamammo.imaging.dicom.refusals import MG_PRESENTATION
from versamammo.imaging.mammogram import Box, Identifiers, Laterality, Mammogram, View
from versamammo.imaging.reading import expose

MONTH = 30.44  # days
SURE = 0.25  # chest wall confidence from which the pixels' word counts against the tags'
TURNED = (
    "drawn turned round, because the file has the chest wall on the {wall}; boxes are in pixels of "
    "the file as stored"
)
PRIORS = (
    "Some pictures are of an earlier date (prior). What is said of the whole exam is about the "
    "current ones; ask about the prior ones to hear of them."
)
HUNG = ((Laterality.RIGHT, View.CC), (Laterality.LEFT, View.CC),
        (Laterality.RIGHT, View.MLO), (Laterality.LEFT, View.MLO))  # fmt: skip


@dataclass(frozen=True, eq=False)
class ExamImage:
    """One picture of an exam.

    Attributes:
        stored: uint8 or uint16 [H, W], the values of the file; half of what float32 would take.
        told: the mammogram's tags, its pixels and identifiers taken out.
        breast: where the breast lies, or None if none was found.
        display: how the values are shown.
        days_before: how long before the latest pictures of its exam it was made, if that is known.
    """

    stored: NDArray[Any]
    told: Mammogram
    breast: Breast | None
    notes: tuple[str, ...] = ()
    display: PixelDisplay = AS_LEVELS
    days_before: int | None = None

    @property
    def how_long_before(self) -> str:
        """How long before the latest pictures it was made, in months."""
        months = round((self.days_before or 0) / MONTH)
        return f"{months} month{'' if months == 1 else 's'}" if months else "less than a month"

    @property
    def levels(self) -> NDArray[np.uint16]:
        """Look up the levels uint16 [H, W], 0..65535, of the file's default display."""
        return self.display.levels_of(self.stored)

    def with_levels(self, levels: NDArray[np.uint16]) -> ExamImage:
        """Return the same picture with other levels [H, W]."""
        return replace(self, stored=levels, display=AS_LEVELS)

    @property
    def name(self) -> str:
        """Name the picture as a reader would: R CC, or ? where the tags do not say."""
        return f"{self.told.laterality or '?'} {self.told.view or '?'}"

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) as stored."""
        rows, columns = self.stored.shape
        return rows, columns

    @property
    def chest_wall(self) -> str:
        """The side of the stored picture on which the chest wall lies."""
        if self.breast is not None:
            return self.breast.chest_wall
        return "right" if self.told.laterality is Laterality.RIGHT else "left"

    @property
    def pixels_say_side(self) -> Laterality | None:
        """The side a picture stored in the standard way would show; None if that is unclear."""
        if self.breast is None or self.breast.confidence < SURE:
            return None
        return Laterality.LEFT if self.breast.chest_wall == "left" else Laterality.RIGHT

    @property
    def side(self) -> Laterality:
        """The side it is hung on: the tags' word, else the pixels'."""
        standard = Laterality.LEFT if self.chest_wall == "left" else Laterality.RIGHT
        return self.told.laterality or standard

    @property
    def disagrees(self) -> bool:
        """True if the tags name one side and the pixels look like the other."""
        told, seen = self.told.laterality, self.pixels_say_side
        return told is not None and seen is not None and told is not seen

    @property
    def turned(self) -> bool:
        """True if it is stored mirrored for its side, and therefore drawn turned round."""
        standard = "right" if self.told.laterality is Laterality.RIGHT else "left"
        return self.told.laterality is not None and self.chest_wall != standard

    def mammogram(self) -> Mammogram:
        """Return the picture as models read it: float32 [H, W], without identifiers."""
        return replace(self.told, pixels=self.levels.astype(np.float32) / np.float32(WHITE))

    def millimetres(self, box: Box) -> tuple[float, float] | None:
        """Return (width, height) of a box in millimetres, or None if the spacing is unknown."""
        if self.told.spacing_mm is None:
            return None
        between_rows, between_columns = self.told.spacing_mm
        return box.width * between_columns, box.height * between_rows


@dataclass(frozen=True)
class Exam:
    """Pictures dropped together, in hanging order, with what should be known of them as a set."""

    images: tuple[ExamImage, ...]
    warnings: tuple[str, ...] = ()
    phantom: bool = False

    @property
    def weight(self) -> int:
        """Bytes that its pictures take, on disk or in memory."""
        return sum(image.stored.nbytes for image in self.images)

    @property
    def current(self) -> tuple[int, ...]:
        """Numbers of the pictures of the latest date, and of those without one."""
        return tuple(number for number, one in enumerate(self.images) if not one.days_before)

    @property
    def prior(self) -> tuple[int, ...]:
        """Numbers of the pictures of earlier dates, the latest of them first."""
        return tuple(number for number, one in enumerate(self.images) if one.days_before)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the pictures; earlier ones say so, and those that share one are numbered."""
        plain = [(one.name, "prior" if one.days_before else "") for one in self.images]
        told = []
        for number, (name, prior) in enumerate(plain):
            count = plain[: number + 1].count((name, prior))
            shared = plain.count((name, prior)) > 1
            mark = f"{prior} {count}".strip() if shared else prior
            told.append(f"{name} ({mark})" if mark else name)
        return tuple(told)


def load_image(path: Path) -> tuple[ExamImage, Identifiers]:
    """Read one file; the identifiers are for telling patients apart and are not kept.

    Raises:
        InputError: the file cannot be used, with the reason.
    """
    latent = expose(path)
    mammogram = latent.develop()
    notes: tuple[str, ...] = ()
    breast: Breast | None = None
    try:
        breast = find_breast(mammogram.pixels)
        notes = breast.notes
    except InputError as error:
        notes = (f"no breast was found: {error.message}",)
    stored, display = displayed(latent)
    told = replace(
        mammogram,
        pixels=np.zeros((1, 1), np.float32),
        identifiers=Identifiers(),
        provenance=replace(mammogram.provenance, file="", age_years=None),
    )
    image = ExamImage(stored, told, breast, notes, display)
    if image.turned:
        image = replace(image, notes=(*notes, TURNED.format(wall=image.chest_wall)))
    return image, mammogram.identifiers


def gather(loaded: list[tuple[ExamImage, Identifiers]]) -> Exam:
    """Order pictures as readers hang them, and warn where they may not belong together."""
    order = {place: number for number, place in enumerate(HUNG)}
    ranked = sorted(
        _dated(loaded),
        key=lambda image: (
            image.days_before or 0,
            order.get((image.side, image.told.view), len(order)),  # type: ignore[arg-type]
        ),
    )
    warnings = [PRIORS] if any(image.days_before for image in ranked) else []
    for word, key in (("patients", "patient_id"), ("exams", "exam_id")):
        if not warnings and len({getattr(ids, key) for _, ids in loaded} - {None}) > 1:
            warnings.append(f"These pictures come from different {word}.")
    phantom = any("PHANTOM" in (ids.patient_id or "").upper() for _, ids in loaded)
    return Exam(tuple(ranked), tuple(warnings), phantom)


def _dated(loaded: list[tuple[ExamImage, Identifiers]]) -> list[ExamImage]:
    """Note how long before the latest picture each was made; the dates themselves are not kept.

    Pictures of several patients have nothing to be earlier than.
    """
    if len({ids.patient_id for _, ids in loaded} - {None}) > 1:
        return [image for image, _ in loaded]
    dates = [date.fromisoformat(ids.exam_date) if ids.exam_date else None for _, ids in loaded]
    latest = max((one for one in dates if one is not None), default=None)
    return [
        image if one is None or latest is None else replace(image, days_before=(latest - one).days)
        for (image, _), one in zip(loaded, dates, strict=True)
    ]


def is_digital(image: ExamImage) -> bool:
    """Return whether a picture's file says that a digital detector took it."""
    return image.told.provenance.sop_class == MG_PRESENTATION
