"""Looks into single files while a source is listed, by the product's own reader."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from versamammo.errors import InputError, naming
from versamammo.imaging.dicom.frames import read_frame
from versamammo.imaging.dicom.header import Header, read_header
from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.sniffing import SNIFFED_BYTES, sniff

HEAD = 1 << 20  # bytes; nearly every header is shorter


def dicom_tags(path: Path) -> Tags:
    """Return the attributes of a DICOM file without reading its pixels.

    Raises:
        InputError: it is damaged, or no DICOM file; the message names it.
    """
    with naming(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reader says the same of every file later
        header = _header(path)
        header.stream.close()
        return header.tags


def is_dicom(path: Path) -> bool:
    """Return whether, by its first bytes, a file is DICOM.

    Raises:
        InputError: it cannot be opened.
    """
    return sniff(_start(path, SNIFFED_BYTES)) == "DICOM"


def frame_pixels(path: Path, frame: int) -> NDArray[Any]:
    """Return the stored values of one frame [H, W] of a DICOM file.

    Raises:
        InputError: it is damaged or no DICOM file.
    """
    with naming(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _check_format(_start(path, SNIFFED_BYTES))
        header = read_header(path)
        with header.stream:
            return np.asarray(read_frame(header, frame).pixels)


def picture_size(path: Path) -> tuple[int, int]:
    """Return (H, W) of a DICOM file or picture without its pixels.

    Raises:
        InputError: it is neither, or damaged.
    """
    if is_dicom(path):
        with naming(path):
            tags = dicom_tags(path)
            return tags.required("Rows"), tags.required("Columns")
    try:
        with Image.open(path) as picture:
            return picture.height, picture.width
    except MemoryError:
        raise
    except Exception as error:  # a damaged picture can make the library raise anything
        raise InputError(
            f"its size cannot be read: {error}", file=path, reason="unreadable"
        ) from error


def _header(path: Path) -> Header:
    """Read a header from the first bytes of a file, and from all of them where they do not do."""
    start = _start(path, HEAD)
    _check_format(start)
    if len(start) == HEAD:
        try:
            header = read_header(path, start)
        except InputError:
            return read_header(path)
        if header.stream.tell() >= header.size:  # it ran to the end and met no pixels
            return read_header(path)
        return header
    return read_header(path, start)


def _start(path: Path, count: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError as error:
        raise InputError(
            f"cannot be opened: {error.strerror}", file=path, reason="unreadable"
        ) from error


def _check_format(start: bytes) -> None:
    if not start:
        raise InputError("the file is empty", reason="empty")
    if sniff(start[:SNIFFED_BYTES]) != "DICOM":
        raise InputError("no DICOM file", reason="unknown-format")
