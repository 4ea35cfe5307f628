"""A DICOM file opened up to its pixels: its attributes, its syntax, and where the pixels start.

Nothing of the size of a picture is read or inflated here, so that an object which will be refused
costs little.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from versamammo.errors import InputError
from versamammo.imaging.codecs.syntaxes import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
)
from versamammo.imaging.dicom.file_meta import PREAMBLE, FileMeta, find_file_meta, skip_copies
from versamammo.imaging.dicom.repair import NOTE, encoding_of, reaches_the_end, repair
from versamammo.imaging.dicom.tags import Tags

# One mammogram is far smaller; of a larger file only the header and one frame are read.
WHOLE_FILE_BYTES = 256 * 2**20
# Deflate reaches 1,032:1 on zeros; a mammogram with much background stays below 30:1.
MAX_INFLATION = 100
HARMLESS_BYTES = 16 * 2**20

START_BYTES = 2**16  # of a large file, in which the file meta group is looked for
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
    start = opened.read(START_BYTES) if content is None else content
    opened.seek(0)
    meta = find_file_meta(start)
    parsed = _parse(opened, content, start, meta)
    if len(parsed.dataset) == 0:
        raise InputError("no DICOM attribute was found", reason="not-dicom")
    stream = parsed.stream
    here = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(here)
    notes = (
        () if start[PREAMBLE : PREAMBLE + 4] == b"DICM" else ("the file lacks the DICOM preamble",)
    )
    tags = Tags(parsed.dataset, *parsed.file_meta)
    return Header(tags, parsed.syntax, stream, size, parsed.content, (*notes, *parsed.warnings))


def _small_content(path: Path) -> bytes | None:
    """Read a file so that no claimed length can make a read take more memory than the file has.

    None if it is so large that it should not be held as a whole.
    """
    try:
        return path.read_bytes() if path.stat().st_size <= WHOLE_FILE_BYTES else None
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", reason="unreadable") from error


@dataclass(frozen=True, eq=False)
class _Parsed:
    """The attributes before the pixels, and the stream behind them, whose data set starts at begin.

    Attributes:
        content: what the stream holds, where that is in memory.
    """

    dataset: Dataset
    stream: BinaryIO
    syntax: str
    content: bytes | None
    begin: int
    file_meta: tuple[Dataset, ...] = ()
    warnings: tuple[str, ...] = ()


def _parse(stream: BinaryIO, content: bytes | None, start: bytes, meta: FileMeta | None) -> _Parsed:
    """Read the attributes of a file that begins with `start`, by another way if need be."""
    begin = meta.data_set if meta else 0
    syntax = meta.syntax if meta else None
    notes: list[str] = []
    if meta and meta.repeated:
        notes.append("the file meta group is there more than once: the first was followed")
    first: tuple[Dataset, ...] = ()
    try:
        if meta and syntax == DEFLATED:
            content = _inflated(stream, start, meta)
            stream, begin = io.BytesIO(content), skip_copies(content, 0)
        if meta and (meta.repeated or syntax == DEFLATED):
            first = (read_dataset(io.BytesIO(start[meta.start : meta.end]), False, True),)
            dataset = _read_from(stream, begin, syntax)
        else:
            dataset = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
            first = (dataset.file_meta,)
            syntax = syntax or str(dataset.file_meta.get("TransferSyntaxUID") or "") or None
        syntax = syntax or _encoding_found(dataset)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # a damaged header can make the parser raise anything
        failed = error
        dataset = Dataset()
    else:
        parsed = _Parsed(dataset, stream, syntax, content, begin, first, tuple(notes))
        return _settled(parsed) or parsed
    broken = _Parsed(
        dataset, stream, syntax or EXPLICIT_LITTLE, content, begin, first, tuple(notes)
    )
    repaired = _settled(broken)
    if repaired is None:
        raise InputError(
            f"the header cannot be parsed ({type(failed).__name__})", reason="broken-header"
        ) from failed
    return repaired


def _read_from(stream: BinaryIO, begin: int, syntax: str | None) -> Dataset:
    """Read a data set that begins at a place, up to its pixels."""
    stream.seek(begin)
    implicit, little = syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG
    dataset = read_dataset(stream, implicit, little, stop_when=_at_pixels)
    dataset.set_original_encoding(implicit, little)
    return dataset


def _settled(parsed: _Parsed) -> _Parsed | None:
    """Read a data set again whose pixels were not reached; None if that is in vain, or needless."""
    data = parsed.content
    if data is None:
        return None
    encoding = encoding_of(data, parsed.begin, little=parsed.syntax != EXPLICIT_BIG)
    if reaches_the_end(data, parsed.stream.tell(), encoding):
        return None
    repaired = repair(data, parsed.begin, encoding)
    if repaired is None:
        return None
    parsed.stream.seek(repaired.pixels_at)
    return replace(parsed, dataset=repaired.dataset, warnings=(*parsed.warnings, NOTE))


def _inflated(stream: BinaryIO, start: bytes, meta: FileMeta) -> bytes:
    """Inflate the data set behind the file meta group, within a bound (DICOM PS3.5 A.5)."""
    stream.seek(0)
    whole = stream.read()
    places = dict.fromkeys(at for at in (meta.data_set, meta.stated_end) if at)
    failed: Exception | None = None
    for at in places:
        # raw as the standard has it, or in the wrapper of zlib or gzip
        for window in (-zlib.MAX_WBITS, zlib.MAX_WBITS | 32):
            try:
                return _inflate(whole[at:], window)
            except zlib.error as error:
                failed = failed or error
    if failed is not None and encoding_of(whole, meta.data_set, little=True).explicit:
        return whole[meta.data_set :]  # stated as deflated, and plain
    raise failed or zlib.error("nothing to inflate")


def _inflate(deflated: bytes, window: int) -> bytes:
    limit = max(HARMLESS_BYTES, MAX_INFLATION * len(deflated))
    inflater = zlib.decompressobj(window)
    inflated = inflater.decompress(deflated, limit)
    if inflater.unconsumed_tail:
        raise InputError(
            f"{len(deflated)} deflated bytes hold more than {limit:,}", reason="too-large"
        )
    if not inflater.eof:
        raise InputError("the deflated data set ends early", reason="truncated")
    return inflated


def _at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag in PIXEL_DATA


def _encoding_found(dataset: Dataset) -> str:
    """Name the uncompressed syntax that the parser found by looking at the first elements."""
    implicit, little = dataset.original_encoding
    if implicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_LITTLE if little else EXPLICIT_BIG
