"""PNG, JPEG, TIFF and PGM into arrays of their full depth, with the size checked beforehand."""

from __future__ import annotations

import io
import logging
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.imaging.codecs import claims
from versamammo.imaging.codecs.claims import Claim
from versamammo.imaging.codecs.jpeg_markers import jpeg_claim, jpeg_end, with_filler
from versamammo.imaging.codecs.memory import check_memory, is_shortage

# What tifffile logs of damaged files it also raises; without a handler it would go to stderr.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

ORIENTATION = 0x0112


@dataclass(frozen=True, eq=False)
class RasterImage:
    """What a raster file holds.

    Attributes:
        pixels: uint8 or uint16, [H, W] or [H, W, C] with red, green, blue or grey, and alpha.
        full_scale: the value that means white, or black if `white_is_zero`.
        orientation: EXIF orientation, 1 (as stored) to 8.
    """

    pixels: NDArray[Any]
    full_scale: int
    photometric: str
    white_is_zero: bool = False
    lossy: bool = False
    orientation: int = 1
    notes: tuple[str, ...] = ()


def open_png(data: bytes, frame: int) -> RasterImage:
    """Decode a PNG file of any depth; a palette becomes colours."""
    _only_frame(frame, 1)
    chunks = dict(_png_chunks(data))
    head = chunks.get(b"IHDR", b"")
    if len(head) != 13 or b"IEND" not in chunks:
        raise InputError("the PNG file ends early", reason="truncated")
    columns, rows, bits = struct.unpack_from(">IIB", head)
    _check(rows, columns, len(data))
    pixels = _decoded(imagecodecs.png_decode, data, (rows, columns))
    orientation = _exif_orientation(chunks.get(b"eXIf", b""))
    full_scale = 65535 if bits == 16 else 255
    return RasterImage(pixels, full_scale, _photometric(pixels), orientation=orientation)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        # The picture itself is passed over; the body of the other chunks is small.
        yield kind, b"" if kind == b"IDAT" else data[at + 8 : at + 8 + length]
        at += 12 + length


def open_jpeg(data: bytes, frame: int) -> RasterImage:
    """Decode a JPEG file of 8 or 12 bits, or a lossless one of up to 16."""
    _only_frame(frame, 1)
    claim = jpeg_claim(data)
    end = jpeg_end(data, jpegls=False, alone=False)
    _check(claim.rows, claim.columns, len(data))
    if claim.samples not in (1, 3):
        raise InputError(f"{claim.samples} colours; expected 1 or 3", reason="unsupported-color")
    size = (claim.rows, claim.columns)
    pixels = _decoded(imagecodecs.jpeg8_decode, data[:end], size)
    notes: tuple[str, ...] = ()
    if end is not None:
        filled = _decoded(imagecodecs.jpeg8_decode, with_filler(data, end), size)
        rest = f"{len(data) - end} bytes follow the end of the JPEG picture"
        if not np.array_equal(filled, pixels):
            raise claims.broken(rest)
        notes = (f"{rest} and were left out",)
    exif = data.find(b"Exif\0\0", 0, 65536)
    return RasterImage(
        pixels,
        (1 << claim.precision) - 1,
        _photometric(pixels),
        lossy=True,
        orientation=_exif_orientation(data[exif + 6 : exif + 65536]) if exif > 0 else 1,
        notes=notes,
    )


def open_tiff(data: bytes, frame: int) -> RasterImage:
    """Decode one page of a TIFF file, of any compression that tifffile knows."""
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            _only_frame(frame, len(tiff.pages))
            page = tiff.pages[frame].aspage()
            _check(page.imagelength, page.imagewidth, len(data))
            pixels = page.asarray()
            palette = page.colormap
            white_is_zero = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
            bits = int(np.max(page.bitspersample))
            orientation = page.tags.valueof(ORIENTATION, 1)
            planar = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    except (InputError, MemoryError):
        raise
    except Exception as error:  # tifffile raises many kinds on a damaged file
        if is_shortage(error):
            raise MemoryError(str(error)) from error
        raise _broken("TIFF", error) from error
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{pixels.dtype} pixels; expected 8 or 16 bits unsigned", reason="unsupported-depth"
        )
    if palette is not None:
        pixels = np.moveaxis(palette[:, pixels], 0, -1).astype(np.uint16)
        bits = 16
    if pixels.ndim == 3 and planar:
        pixels = np.moveaxis(pixels, 0, -1)
    photometric = "MINISWHITE" if white_is_zero else _photometric(pixels)
    return RasterImage(
        pixels, (1 << bits) - 1, photometric, white_is_zero, orientation=_valid(orientation)
    )


def open_pgm(data: bytes, frame: int) -> RasterImage:
    """Decode a PGM file, plain (P2) or raw (P5), of up to 16 bits (netpbm, PGM specification)."""
    _only_frame(frame, 1)
    head = re.match(rb"P([25])((?:\s|#[^\n]*\n)+\d+){3}\s", data[:4096])
    if head is None:
        raise InputError("the PGM header is damaged", reason="broken-header")
    numbers = re.sub(rb"#[^\n]*\n", b" ", head[0]).split()[1:]
    columns, rows, white = (int(number) for number in numbers)
    claims.check_pixels(rows, columns)
    if not 1 <= white <= 65535:
        raise InputError(f"white is {white}; expected 1 to 65535", reason="unsupported-depth")
    read_values = _plain_values if head[1] == b"2" else _raw_values
    values = read_values(data[head.end() :], rows * columns, white)
    if values.size < rows * columns or (values.size and int(values.max()) > white):
        raise InputError(f"{values.size} of {rows * columns} pixels are there", reason="truncated")
    pixels = values.reshape(rows, columns).astype(np.uint8 if white < 256 else np.uint16)
    return RasterImage(pixels, white, "MONOCHROME2")


def _plain_values(body: bytes, count: int, white: int) -> NDArray[Any]:
    numerals = re.sub(rb"#[^\n]*\n", b" ", body).split()[:count]
    if not all(numeral.isdigit() and len(numeral) <= 5 for numeral in numerals):
        raise InputError("a pixel of the PGM file is no number", reason="decode-failed")
    return np.array(numerals, np.int64)


def _raw_values(body: bytes, count: int, white: int) -> NDArray[Any]:
    kind = np.dtype("u1" if white < 256 else ">u2")
    return np.frombuffer(body, kind, count=min(len(body) // kind.itemsize, count))


FORMATS: Mapping[str, Callable[[bytes, int], RasterImage]] = MappingProxyType(
    {"PNG": open_png, "JPEG": open_jpeg, "TIFF": open_tiff, "PGM": open_pgm}
)


def _check(rows: int, columns: int, length: int) -> None:
    claim = Claim(rows, columns, samples=1, precision=8)
    claims.check_pixels(rows, columns)
    claims.check_size(claim, claim, length=length)


def _decoded(
    decoder: Callable[[bytes], NDArray[Any]], data: bytes, size: tuple[int, int]
) -> NDArray[Any]:
    try:
        pixels = np.asarray(decoder(data))
    except Exception as error:  # a C library may raise anything
        if is_shortage(error):
            raise MemoryError(str(error)) from error
        check_memory(size[0] * size[1])
        raise _broken("picture", error) from error
    if pixels.shape[:2] != size:
        raise InputError(f"decoded to {pixels.shape}, expected {size}", reason="size-mismatch")
    return pixels


def _broken(what: str, error: Exception) -> InputError:
    return InputError(f"the {what} cannot be decoded ({error})", reason="decode-failed")


def _only_frame(frame: int, frames: int) -> None:
    if not 0 <= frame < frames:
        raise InputError(f"frame {frame} of {frames}, counted from 0", reason="no-such-frame")


def _photometric(pixels: NDArray[Any]) -> str:
    return "RGB" if pixels.ndim == 3 and pixels.shape[-1] > 2 else "MONOCHROME2"


def _exif_orientation(exif: bytes) -> int:
    """Read the orientation out of the TIFF structure of an EXIF block; 1 if there is none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 10:
        return 1
    (at,) = struct.unpack_from(f"{order}I", exif, 4)
    if at + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(f"{order}H", exif, at)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(exif) - 11), 12):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, entry)
        if tag == ORIENTATION:
            return _valid(value)
    return 1


def _valid(orientation: int) -> int:
    return orientation if 1 <= orientation <= 8 else 1
