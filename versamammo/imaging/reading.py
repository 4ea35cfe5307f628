"""The front door: any file that holds a 2-D mammogram, by what it contains and not by its name.

Every refusal carries a short `reason`, by which batch jobs count:

| reason | what was found |
|---|---|
| unreadable, empty, unknown-format | no file, no bytes, none of the formats known |
| broken-header, missing-field, truncated | damaged, or cut short |
| zero-rows, too-large, size-mismatch | a size that is impossible, or claimed twice differently |
| unknown-transfer-syntax, unsupported-depth, unsupported-color, decode-failed | unknown pixels |
| for-processing, tomosynthesis, multi-frame | a choice is needed: an argument makes it |
| not-a-mammogram, no-pixels, text, test-pattern, specimen | not for this project |
| no-such-window, no-such-frame | an argument does not fit the file |
"""

from __future__ import annotations

from pathlib import Path

from versamammo.errors import InputError, naming
from versamammo.imaging.dicom import expose_dicom
from versamammo.imaging.lazy_image import LatentImage
from versamammo.imaging.mammogram import Mammogram
from versamammo.imaging.raster import expose_raster
from versamammo.imaging.sniffing import SNIFFED_BYTES, sniff


def read(
    path: Path | str,
    *,
    window: int | None = None,
    for_processing: bool = False,
    frame: int | None = None,
) -> Mammogram:
    """Read one 2-D mammogram from a DICOM, PNG, JPEG, TIFF or PGM file.

    Args:
        path: the file; its content tells the format.
        window: which of the windows and tables of a DICOM file to show, counted from 0.
        for_processing: accept DICOM detector values that are not meant to be looked at.
        frame: which frame of a DICOM stack or page of a TIFF file, counted from 0.

    Raises:
        InputError: the file cannot be read, or an argument does not fit it.
        Refused: the file can be read, but is no 2-D mammogram that this project will use.
    """
    return expose(path, window=window, for_processing=for_processing, frame=frame).develop()


def expose(
    path: Path | str,
    *,
    window: int | None = None,
    for_processing: bool = False,
    frame: int | None = None,
    content: bytes | None = None,
) -> LatentImage:
    """Read one 2-D mammogram as `read`, but leave its values to be looked up.

    `content` is what the file holds, if it is at hand; the file is then not opened.
    """
    path = Path(path)
    with naming(path):
        file_format = _format_of(path, content)
    if file_format == "DICOM":
        return expose_dicom(
            path, window=window, for_processing=for_processing, frame=frame, content=content
        )
    if window is not None:
        raise InputError(f"a {file_format} file has no windows", file=path, reason="no-such-window")
    return expose_raster(path, file_format, frame=frame, content=content)


def looks_readable(path: Path) -> bool:
    """Return from its first bytes whether a file may be a picture; for walking through folders."""
    try:
        with path.open("rb") as file:
            return sniff(file.read(SNIFFED_BYTES)) is not None
    except OSError:
        # A file that cannot be opened must reach the reader, which says why.
        return True


def _format_of(path: Path, content: bytes | None) -> str:
    try:
        if content is not None:
            start = content[:SNIFFED_BYTES]
        else:
            with path.open("rb") as file:
                start = file.read(SNIFFED_BYTES)
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", reason="unreadable") from error
    if not start:
        raise InputError("the file is empty", reason="empty")
    file_format = sniff(start)
    if file_format is None:
        raise InputError(
            "the file is no DICOM, PNG, JPEG, TIFF or PGM file", reason="unknown-format"
        )
    return file_format
