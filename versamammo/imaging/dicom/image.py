"""A DICOM file into a mammogram as a person should see it.

The order is fixed: refuse what is no 2-D mammogram, decode one frame into its stored values, and
show them by the file's own modality, VOI and presentation transformations.
"""

from __future__ import annotations

import re
import warnings as python_warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from versamammo.errors import InputError, naming
from versamammo.imaging.codecs import Decoded
from versamammo.imaging.codecs.syntaxes import EXPLICIT_BIG, syntax_info
from versamammo.imaging.color import to_grey
from versamammo.imaging.dicom.exposure_tags import read_exposure
from versamammo.imaging.dicom.frames import read_frame
from versamammo.imaging.dicom.header import Header, read_header
from versamammo.imaging.dicom.identity import read_age, read_identifiers
from versamammo.imaging.dicom.indication import read_indication
from versamammo.imaging.dicom.positioning import read_positioning
from versamammo.imaging.dicom.refusals import refuse_unusable
from versamammo.imaging.dicom.rendering import render
from versamammo.imaging.dicom.spacing import read_spacing
from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.lazy_image import LatentImage
from versamammo.imaging.mammogram import Mammogram, Provenance

MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
COLOR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def read_dicom(
    path: Path | str,
    *,
    window: int | None = None,
    for_processing: bool = False,
    frame: int | None = None,
) -> Mammogram:
    """Read one 2-D mammogram from a DICOM file.

    Args:
        path: the file, with or without the DICOM preamble.
        window: index into the windows and then the tables that the file offers; None takes the
            first, or the full range if there is none.
        for_processing: accept FOR PROCESSING detector values, and show them by a plain logarithm.
        frame: which frame of a stack, counted from 0.

    Raises:
        InputError: the file is damaged, or an argument does not fit it.
        Refused: the object is no 2-D mammogram that this project will use.
    """
    return expose_dicom(path, window=window, for_processing=for_processing, frame=frame).develop()


def expose_dicom(
    path: Path | str,
    *,
    window: int | None = None,
    for_processing: bool = False,
    frame: int | None = None,
    content: bytes | None = None,
) -> LatentImage:
    """Read one 2-D mammogram as `read_dicom`, but leave its values to be looked up.

    `content` is what the file holds, if it is at hand; the file is then not opened.
    """
    path = Path(path)
    notes: list[str] = []
    with naming(path), python_warnings.catch_warnings(record=True) as caught:
        python_warnings.simplefilter("always")
        header = read_header(path, content)
        with header.stream:
            latent = _read(header, path, window, for_processing, frame, notes)
    said = tuple(dict.fromkeys((*notes, *_counted(caught))))
    return replace(latent, around=partial(latent.around, warnings=said))


def _read(
    header: Header,
    path: Path,
    window: int | None,
    for_processing: bool,
    frame: int | None,
    notes: list[str],
) -> LatentImage:
    notes += header.warnings
    notes += refuse_unusable(header.tags, for_processing=for_processing, frame=frame)
    photometric = _photometric(header)
    # the attributes first: a decoded picture drives them out of the processor's cache
    tags = header.tags.for_frame(frame or 0)
    positioning, (spacing, spacing_notes) = read_positioning(tags, path.name), read_spacing(tags)
    identifiers, age = read_identifiers(tags), read_age(tags)
    indication, indication_source = read_indication(tags)
    exposure = read_exposure(tags)
    decoded = read_frame(header, frame or 0)
    notes += decoded.warnings
    stored = _grey(decoded, photometric, notes)
    big_endian = header.syntax == EXPLICIT_BIG
    rendered = render(tags, stored, decoded.bits, big_endian=big_endian, window=window)
    notes += (*rendered.warnings, *positioning.warnings, *spacing_notes, *_cautions(tags))
    notes += tags.warnings()
    provenance = Provenance(
        file=path.name,
        format="DICOM",
        photometric=photometric,
        inverted=rendered.inverted,
        transfer_syntax=header.syntax,
        decoder=decoded.decoder,
        windows=rendered.windows,
        window_used=rendered.used,
        vendor=tags.text("Manufacturer"),
        model=tags.text("ManufacturerModelName"),
        sop_class=tags.text("SOPClassUID"),
        age_years=age,
        patient_orientation=positioning.orientation,
        indication=indication,
        indication_source=indication_source,
        exposure=exposure,
    )
    around = partial(
        Mammogram,
        bits=rendered.bits,
        provenance=provenance,
        identifiers=identifiers,
        laterality=positioning.laterality,
        laterality_source=positioning.laterality_source,
        view=positioning.view,
        view_source=positioning.view_source,
        modifiers=positioning.modifiers,
        spacing_mm=spacing,
    )
    return LatentImage(stored, rendered.table, around, rendered.gray)


def _photometric(header: Header) -> str:
    photometric = header.tags.code("PhotometricInterpretation")
    # Only a decoder spreads out chrominance that was stored at half the width.
    halved = photometric == "YBR_FULL_422" and syntax_info(header.syntax).family == "native"
    if photometric not in (*MONOCHROME, *COLOR) or halved:
        found = "missing" if photometric is None else "not supported"
        raise InputError(
            f"{found}; expected {' or '.join(MONOCHROME)}",
            field="PhotometricInterpretation",
            reason="missing-field" if photometric is None else "unsupported-color",
        )
    return photometric


def _grey(decoded: Decoded, photometric: str, notes: list[str]) -> NDArray[Any]:
    """Reduce a colour frame [H, W, 3] to grey [H, W]; a grey one passes."""
    if decoded.pixels.ndim == 2:
        return decoded.pixels
    # The stream knows better than the tag: many writers leave RGB on what they compress as YBR.
    stated = decoded.color if decoded.color != "as tagged" else photometric
    grey, note = to_grey(decoded.pixels, luminance_first=stated.startswith("YBR"))
    notes.append(note)
    return grey


def _cautions(tags: Tags) -> list[str]:
    """Return what a careful reader should know of the picture as a whole."""
    notes = []
    if tags.code("BurnedInAnnotation") == "YES":
        notes.append("text is burned into the picture; it may identify the patient")
    if tags.text("LossyImageCompression") == "01":
        notes.append("the picture was compressed with loss")
    if tags.code("BreastImplantPresent") == "YES":
        notes.append("a breast implant is present")
    image_type = " ".join(tags.texts("ImageType")).upper()
    if re.search(r"SUBTRACT|RECOMBINED", image_type):
        notes.append("a contrast-enhanced subtraction, not an ordinary mammogram")
    return notes


def _counted(caught: list[python_warnings.WarningMessage]) -> tuple[str, ...]:
    """Count what pydicom had to say, since it quotes values, and pass everything else on."""
    odd = 0
    for warning in caught:
        if "pydicom" in Path(warning.filename).parts:
            odd += 1
        else:
            python_warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return (f"{odd} header value(s) break the rules of their type",) if odd else ()
