"""The bytes of one frame, taken from the pixel data element without reading the other frames."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

from versamammo.errors import InputError
from versamammo.imaging.codecs import Decoded, decode_frame
from versamammo.imaging.codecs.claims import check_depth, check_pixels
from versamammo.imaging.codecs.streams import stream_syntax
from versamammo.imaging.codecs.syntaxes import EXPLICIT_BIG, EXPLICIT_LITTLE, syntax_info
from versamammo.imaging.dicom.grayscale_tags import stated_padding
from versamammo.imaging.dicom.header import Header
from versamammo.imaging.dicom.tags import Tags

INTEGER_PIXELS = 0x7FE00010
UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
SEQUENCE_END = 0xFFFEE0DD


@dataclass(frozen=True)
class Element:
    """The pixel data element: its value representation, if stated, and its length in bytes."""

    vr: bytes | None
    length: int


def read_frame(header: Header, frame: int = 0) -> Decoded:
    """Decode one frame, counted from 0, of an object that stands at its pixel data.

    Raises:
        InputError: as `decode_frame`, and `missing-field` or `truncated`.
    """
    tags = header.tags
    rows, columns = tags.required("Rows"), tags.required("Columns")
    samples = tags.integer("SamplesPerPixel") or 1
    allocated = tags.required("BitsAllocated")
    bits = tags.integer("BitsStored") or allocated
    stated = tags.integer("HighBit")
    high_bit = bits - 1 if stated is None else stated
    check_pixels(rows, columns)
    check_depth(samples, allocated, bits, high_bit)
    element = _pixel_element(header)
    size = rows * columns * samples * (allocated // 8)
    syntax, notes = _syntax(header, element, size)
    if syntax_info(syntax).family == "native":
        data = _native_frame(header, element, frame, size)
    elif element.length == UNDEFINED:
        data = _encapsulated_frame(header, frame)
    else:
        data = _bare_frame(header, element)
    signed = tags.integer("PixelRepresentation") == 1
    decoded = decode_frame(
        data,
        syntax,
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=allocated,
        bits_stored=bits,
        high_bit=high_bit,
        signed=signed,
        planar=tags.integer("PlanarConfiguration") == 1,
        padding=_padding_beyond(tags, bits, signed),
    )
    if decoded.unused_bits and not tags.has_embedded_overlay():
        notes += (
            f"BitsStored says {bits}, but the pixels use {decoded.unused_bits} bits: those above "
            "were cleared, as the standard asks, and the picture may be wrong",
        )
    return replace(decoded, warnings=(*notes, *decoded.warnings)) if notes else decoded


def _syntax(header: Header, element: Element, size: int) -> tuple[str, tuple[str, ...]]:
    """Return the syntax of the pixels, which may lie plainly in a file that says compressed."""
    stated = syntax_info(header.syntax)
    frames = header.tags.integer("NumberOfFrames") or 1
    plain = element.length != UNDEFINED and 0 <= element.length - frames * size <= 1
    if stated.family == "native" or not plain:
        return header.syntax, ()
    note = f"the transfer syntax says {stated.name}, the pixels are not compressed"
    return EXPLICIT_LITTLE, (note,)


def _padding_beyond(tags: Tags, bits: int, signed: bool) -> tuple[int, int] | None:
    """Return the padding if it is written with more than the stored bits."""
    padding = stated_padding(tags, signed=signed)
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if padding is None or (padding[0] <= highest and padding[1] >= lowest):
        return None
    return padding if padding[1] - padding[0] < 2 ** (bits - 1) else None


def _pixel_element(header: Header) -> Element:
    """Read the head of the pixel data element (DICOM PS3.5 7.1.2 and 7.1.3)."""
    order = ">" if header.syntax == EXPLICIT_BIG else "<"
    head = header.stream.read(8)
    if len(head) < 8:
        raise InputError("the file ends before its pixels", field="PixelData", reason="truncated")
    group, number, vr, short = struct.unpack(f"{order}HH2sH", head)
    if group << 16 | number != INTEGER_PIXELS:
        raise InputError(
            "floating-point pixels; expected integers",
            field="PixelData",
            reason="unsupported-depth",
        )
    # Told apart by looking, since some files contradict their syntax: read as a length, these
    # letters are odd numbers, which no element may have.
    if vr in (b"OB", b"OW", b"UN") and not short:
        return Element(vr, struct.unpack(f"{order}I", _exactly(header.stream, 4))[0])
    return Element(None, struct.unpack(f"{order}I", head[4:])[0])


def _native_frame(header: Header, element: Element, frame: int, size: int) -> bytes | memoryview:
    if element.length == UNDEFINED:
        found = stream_syntax(_encapsulated_frame(header, frame))
        name = f"{found.name} data" if found else "compressed pixel data"
        raise InputError(
            f"{name} under an uncompressed transfer syntax",
            field="TransferSyntaxUID",
            reason="decode-failed",
        )
    tags = header.tags
    frames = tags.integer("NumberOfFrames") or 1
    there = min(element.length, header.size - header.stream.tell())
    if there < (frame + 1) * size:
        raise InputError(
            f"{there} bytes of pixels, expected {frames * size}",
            field="PixelData",
            reason="truncated",
        )
    # Some writers pad the end; as much as a row of surplus means that the size is wrong.
    if element.length - frames * size >= size // tags.required("Rows"):
        raise InputError(
            f"{element.length} bytes of pixels for a size that needs {frames * size}",
            field="PixelData",
            reason="size-mismatch",
        )
    header.stream.seek(frame * size, 1)
    if header.syntax == EXPLICIT_BIG and tags.integer("BitsAllocated") == 8 and element.vr == b"OW":
        return _swapped(header.stream.read(size + size % 2))[:size]
    return header.read(size)


def _swapped(data: bytes) -> bytes:
    """Undo the swap of 8-bit pixels written as big-endian words (DICOM PS3.5 7.3)."""
    swapped = bytearray(data)
    swapped[::2], swapped[1::2] = data[1::2], data[::2]
    return bytes(swapped)


def _encapsulated_frame(header: Header, frame: int) -> bytes | memoryview:
    """Join the fragments of one frame (DICOM PS3.5 A.4)."""
    (_, table_size), *fragments = _items(header) or [(0, 0)]
    chosen = _fragments_of(header, frame, table_size, fragments)
    if not chosen:
        raise InputError("the frame has no data", field="PixelData", reason="truncated")
    parts = []
    for at, length in chosen:  # each lies within the file, as `_items` saw
        header.stream.seek(at)
        parts.append(header.read(length))
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _bare_frame(header: Header, element: Element) -> bytes | memoryview:
    """Take a compressed picture that was not cut into fragments, as the standard demands."""
    here = header.stream.tell()
    data = header.read(min(element.length, header.size - here))
    if len(data) == element.length and stream_syntax(data) is not None:
        return data
    raise InputError(
        "uncompressed pixel data under a compressed transfer syntax, and not of their size",
        field="TransferSyntaxUID",
        reason="decode-failed",
    )


def _items(header: Header) -> list[tuple[int, int]]:
    """List (place, length) of the offset table and of every fragment, checked against the file."""
    stream, found = header.stream, []
    while len(head := stream.read(8)) == 8:
        group, number, length = struct.unpack("<HHI", head)
        tag = group << 16 | number
        if tag == SEQUENCE_END:
            break
        if tag != ITEM:
            raise InputError(
                "the fragments of the pixel data are damaged",
                field="PixelData",
                reason="decode-failed",
            )
        if length > header.size - stream.tell():
            raise InputError(
                f"a fragment claims {length} bytes, {header.size - stream.tell()} are there",
                field="PixelData",
                reason="truncated",
            )
        found.append((stream.tell(), length))
        stream.seek(length, 1)
    return found


def _fragments_of(
    header: Header, frame: int, table_size: int, fragments: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    frames = header.tags.integer("NumberOfFrames") or 1
    if frames == 1:
        return fragments
    if len(fragments) == frames:
        return fragments[frame : frame + 1]
    if not fragments or table_size < 4 * frames:
        raise InputError(
            f"{len(fragments)} fragments for {frames} frames, and no table of offsets",
            field="PixelData",
            reason="decode-failed",
        )
    base = fragments[0][0] - 8
    header.stream.seek(base - table_size)
    table = struct.unpack(f"<{frames}I", _exactly(header.stream, 4 * frames))
    begin = base + table[frame]
    end = base + table[frame + 1] if frame + 1 < frames else header.size
    return [(at, length) for at, length in fragments if begin <= at - 8 < end]


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise InputError("the file ends early", field="PixelData", reason="truncated")
    return data
