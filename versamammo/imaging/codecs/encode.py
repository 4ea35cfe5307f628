"""Stored values into one frame of a transfer syntax, for phantoms and for tests."""

from __future__ import annotations

import sys
from typing import Any

import imagecodecs
import jpeg_ls
import numpy as np
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.imaging.codecs.syntaxes import EXPLICIT_BIG, SyntaxInfo, syntax_info

# What the lossy syntaxes keep; on smooth 12-bit pictures each gives 50 dB or more.
JPEG_QUALITY = 98
NEAR_LOSSLESS_ERROR = 2
JPEG2000_DECIBELS = 60
HTJ2K_STEP = 1e-5  # quantiser step, relative to the full scale of the container


def encode_frame(
    pixels: NDArray[np.uint16] | NDArray[np.uint8], syntax: str, *, bits_stored: int
) -> bytes:
    """Compress stored values [H, W] into one frame; uint8 up to 8 bits, uint16 beyond.

    JPEG Baseline takes 8 bits only and JPEG Extended 9 to 12.

    Raises:
        InputError: `not-writable`, if the syntax cannot hold these values.
    """
    info = syntax_info(syntax)
    _check_writable(pixels, info, bits_stored)
    match info.family:
        case "native":
            file_order = "big" if info.uid == EXPLICIT_BIG else "little"
            return (pixels.byteswap() if file_order != sys.byteorder else pixels).tobytes()
        case "rle":
            return _rle(pixels)
        case "jpeg" if info.lossy:
            depth = 8 if bits_stored <= 8 else 12
            return bytes(imagecodecs.jpeg8_encode(pixels, JPEG_QUALITY, bitspersample=depth))
        case "jpeg":
            return _jpeg_lossless(pixels, info, bits_stored)
        case "jpegls":
            return _jpegls(pixels, info, bits_stored)
        case _:
            return _jpeg2000(pixels, info, bits_stored)


def _check_writable(pixels: NDArray[Any], info: SyntaxInfo, bits_stored: int) -> None:
    wanted = np.uint8 if bits_stored <= 8 else np.uint16
    lossy_jpeg = info.family == "jpeg" and info.lossy
    problem = None
    if pixels.ndim != 2 or pixels.dtype != wanted:
        problem = f"expected {wanted.__name__} [H, W], got {pixels.dtype} {pixels.shape}"
    elif int(pixels.max()) >> bits_stored:
        problem = f"a value needs more than {bits_stored} bits"
    elif lossy_jpeg and info.name == "JPEG Baseline" and bits_stored > 8:
        problem = f"holds 8 bits, got {bits_stored}"
    elif lossy_jpeg and bits_stored > 12:
        problem = f"holds at most 12 bits, got {bits_stored}"
    if problem:
        raise InputError(f"{info.name}: {problem}", field="PixelData", reason="not-writable")


def _rle(pixels: NDArray[Any]) -> bytes:
    """Write one segment per byte, the most significant first (DICOM PS3.5 annex G)."""
    big = pixels.astype(pixels.dtype.newbyteorder(">")).view(np.uint8)
    planes = big.reshape(*pixels.shape, pixels.dtype.itemsize)  # [H, W, bytes]
    segments = []
    for plane in np.moveaxis(planes, -1, 0):
        packed = imagecodecs.packbits_encode(np.ascontiguousarray(plane))
        segments.append(packed + b"\0" * (len(packed) % 2))
    lengths = [len(segment) for segment in segments]
    header = np.zeros(16, "<u4")
    header[0] = len(segments)
    header[1 : 1 + len(segments)] = np.cumsum([64, *lengths])[:-1]
    return header.tobytes() + b"".join(segments)


def _jpeg_lossless(pixels: NDArray[Any], info: SyntaxInfo, bits_stored: int) -> bytes:
    # SV1 means predictor 1; the general process may use any of the seven.
    predictor = 1 if info.name.endswith("SV1") else 7
    return bytes(
        imagecodecs.jpeg8_encode(
            pixels, lossless=True, predictor=predictor, bitspersample=max(bits_stored, 2)
        )
    )


def _jpegls(pixels: NDArray[Any], info: SyntaxInfo, bits_stored: int) -> bytes:
    rows, columns = pixels.shape
    return bytes(
        jpeg_ls.encode_pixel_data(
            pixels.tobytes(),
            rows=rows,
            columns=columns,
            samples_per_pixel=1,
            bits_stored=bits_stored,
            lossy_error=NEAR_LOSSLESS_ERROR if info.lossy else 0,
        )
    )


def _jpeg2000(pixels: NDArray[Any], info: SyntaxInfo, bits_stored: int) -> bytes:
    if info.family == "htj2k":
        step = HTJ2K_STEP if info.lossy else None
        return bytes(imagecodecs.htj2k_encode(pixels, step, reversible=not info.lossy, tlm=True))
    return bytes(
        imagecodecs.jpeg2k_encode(
            pixels,
            level=JPEG2000_DECIBELS if info.lossy else 0,
            reversible=not info.lossy,
            codecformat="j2k",
            bitspersample=bits_stored,
        )
    )
