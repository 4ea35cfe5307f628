"""A DICOM file opened up to its pixels: its attributes, its syntax, and where the pixels start.

Nothing of the size of a picture is read or inflated here, so that an object which will be refused
costs little.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from versamammo.codecs.syntaxes import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from versamammo.dicom.tags import Tags
from versamammo.errors import InputError

# One mammogram is far smaller; of a larger file only the header and one frame are read.
WHOLE_FILE_BYTES = 256 * 2**20
# Deflate reaches 1,032:1 on zeros; a mammogram with much background stays below 30:1.
MAX_INFLATION = 100
HARMLESS_BYTES = 16 * 2**20

PREAMBLE = 128
PIXEL_DATA = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # float, double and integer pixels


@dataclass(frozen=True, eq=False)
class Header:
    """The attributes of one object.

    Attributes:
        stream: open, and standing at the tag of the pixel data, if there are any.
        size: length of the stream in bytes.
        content: what the stream holds, where that is in memory.
        syntax: transfer syntax UID, found by looking where the file does not say.
    """

    tags: Tags
    syntax: str
    stream: BinaryIO
    size: int
    content: bytes | None = None
    warnings: tuple[str, ...] = ()

    def read(self, count: int) -> bytes | memoryview:
        """Read on from where the stream stands, as `stream.read`, without a copy if possible."""
        if self.content is None:
            return self.stream.read(count)
        at = self.stream.tell()
        self.stream.seek(count, io.SEEK_CUR)
        return memoryview(self.content)[at : at + count]


def read_header(path: Path, content: bytes | None = None) -> Header:
    """Read everything before the pixels of a DICOM file, with or without its preamble.

    `content` is what the file holds, if it is at hand; the file is then not opened.

    Raises:
        InputError: `unreadable`, `not-dicom`, `broken-header`, `truncated` or `too-large`.
    """
    if content is None:
        content = _small_content(path)
    opened = path.open("rb") if content is None else io.BytesIO(content)
    start = opened.read(4096)
    opened.seek(0)
    has_preamble = start[PREAMBLE : PREAMBLE + 4] == b"DICM"
    dataset, stream, syntax = _parse(opened, start if has_preamble else b"")
    if len(dataset) == 0:
        raise InputError("no DICOM attribute was found", reason="not-dicom")
    here = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(here)
    meta = (dataset.file_meta,) if hasattr(dataset, "file_meta") else ()
    notes = () if has_preamble else ("the file lacks the DICOM preamble",)
    held = content if stream is opened else None
    return Header(Tags(dataset, *meta), syntax, stream, size, held, notes)


def _small_content(path: Path) -> bytes | None:
    """Read a file so that no claimed length can make a read take more memory than the file has.

    None if it is so large that it should not be held as a whole.
    """
    try:
        return path.read_bytes() if path.stat().st_size <= WHOLE_FILE_BYTES else None
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", reason="unreadable") from error


def _parse(stream: BinaryIO, start: bytes) -> tuple[Dataset, BinaryIO, str]:
    """Give the attributes, the stream behind them (inflated if need be) and the syntax."""
    try:
        if start and _stated_syntax(start) == DEFLATED:
            stream = _inflated(stream, start)
            dataset = read_dataset(stream, False, True, stop_when=_at_pixels)
            dataset.set_original_encoding(False, True)
            return dataset, stream, DEFLATED
        read = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
    except InputError:
        raise
    except Exception as error:  # a damaged header can make the parser raise anything
        raise InputError(
            f"the header cannot be parsed ({type(error).__name__})", reason="broken-header"
        ) from error
    stated = read.file_meta.get("TransferSyntaxUID")
    return read, stream, str(stated) if stated else _encoding_found(read)


def _stated_syntax(start: bytes) -> str | None:
    """Find the Transfer Syntax UID in the file meta group, which is always explicit."""
    at = start.find(b"\x02\x00\x10\x00UI", PREAMBLE)
    if at < 0:
        return None
    length = int.from_bytes(start[at + 6 : at + 8], "little")
    return start[at + 8 : at + 8 + length].decode("ascii", "replace").strip(" \0")


def _inflated(stream: BinaryIO, start: bytes) -> BinaryIO:
    """Inflate the data set behind the file meta group, within a bound (DICOM PS3.5 A.5)."""
    group_length = PREAMBLE + 4
    if start[group_length : group_length + 4] != b"\x02\x00\x00\x00":
        raise InputError("the file meta group has no length", reason="broken-header")
    length = int.from_bytes(start[group_length + 8 : group_length + 12], "little")
    stream.seek(group_length + 12 + length)
    deflated = stream.read()
    limit = max(HARMLESS_BYTES, MAX_INFLATION * len(deflated))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(deflated, limit)
    if inflater.unconsumed_tail:
        raise InputError(
            f"{len(deflated)} deflated bytes hold more than {limit:,}", reason="too-large"
        )
    if not inflater.eof:
        raise InputError("the deflated data set ends early", reason="truncated")
    return io.BytesIO(inflated)


def _at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag in PIXEL_DATA


def _encoding_found(dataset: Dataset) -> str:
    """Name the uncompressed syntax that the parser found by looking at the first elements."""
    implicit, little = dataset.original_encoding
    if implicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_LITTLE if little else EXPLICIT_BIG
