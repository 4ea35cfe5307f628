"""One frame of pixel data, opened by the fastest library that can, into checked stored values.

The header of the stream is compared with the tags before any decoder may take memory; a decoder's
result of the wrong size or depth counts as its failure, and the next in the chain gets its turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versamammo.codecs import claims
from versamammo.codecs.claims import Claim, Color
from versamammo.codecs.decoders import DECODERS, Frame
from versamammo.codecs.syntaxes import SyntaxInfo, syntax_info
from versamammo.errors import InputError


@dataclass(frozen=True, eq=False)
class Decoded:
    """Stored values of one frame and how they were come by.

    Attributes:
        pixels: [H, W], or [H, W, S] for colour, as uint8, uint16, int8 or int16.
        decoder: the library that opened it.
        color: what the stream says of its three components, if it says anything.
        warnings: disagreements between stream and tags that were settled.
    """

    pixels: NDArray[Any]
    decoder: str
    color: Color = "as tagged"
    warnings: tuple[str, ...] = ()


def decode_frame(
    data: bytes,
    syntax: str,
    *,
    rows: int,
    columns: int,
    samples: int,
    bits_allocated: int,
    bits_stored: int,
    signed: bool,
    high_bit: int | None = None,
    planar: bool = False,
) -> Decoded:
    """Open one frame into its stored values, checked against the tags that describe it.

    Bits outside the stored ones (overlays, garbage) are cleared and signed values sign-extended.

    Raises:
        InputError: `unknown-transfer-syntax`, `unsupported-depth`, `zero-rows`, `too-large`,
            `size-mismatch`, `truncated`, or `decode-failed` with the reason of every decoder.
    """
    info = syntax_info(syntax)
    high_bit = bits_stored - 1 if high_bit is None else high_bit
    _check_tags(samples, bits_allocated, bits_stored, high_bit)
    claims.check_pixels(rows, columns)
    as_tagged = Claim(rows, columns, samples, bits_allocated, signed)
    claim = _read_claim(data, info, as_tagged)
    claims.check_size(claim, as_tagged, length=len(data))
    frame = Frame(
        info, rows, columns, samples, bits_allocated, bits_stored, high_bit, signed, planar,
        claim.precision,
    )  # fmt: skip
    pixels, decoder = _try_in_turn(data, frame)
    if info.family in ("native", "rle"):
        return Decoded(_cleaned(pixels, frame), decoder)
    pixels, warnings = _agreed(pixels, frame, claim)
    return Decoded(pixels, decoder, claim.color, warnings)


def _check_tags(samples: int, bits_allocated: int, bits_stored: int, high_bit: int) -> None:
    field = found = None
    if bits_allocated not in (8, 16):
        field, found = "BitsAllocated", f"{bits_allocated}; expected 8 or 16"
    elif not 1 <= bits_stored <= bits_allocated:
        field, found = "BitsStored", f"{bits_stored} of {bits_allocated} allocated"
    elif not bits_stored - 1 <= high_bit < bits_allocated:
        field, found = "HighBit", f"{high_bit}, which cannot hold {bits_stored} bits"
    elif samples not in (1, 3):
        field, found = "SamplesPerPixel", f"{samples}; expected 1 (grey) or 3 (colour)"
    if field:
        raise InputError(f"found {found}", field=field, reason="unsupported-depth")


def _read_claim(data: bytes, info: SyntaxInfo, tags: Claim) -> Claim:
    if info.family == "native":
        claims.check_length(data, tags)
        return tags
    if info.family == "rle":
        return claims.rle_claim(data, tags)
    claims.check_end(data)
    if info.family in ("jpeg", "jpegls"):
        return claims.jpeg_claim(data)
    return claims.jpeg2000_claim(data)


def _try_in_turn(data: bytes, frame: Frame) -> tuple[NDArray[Any], str]:
    failures = []
    for name in frame.syntax.decoders:
        try:
            pixels = DECODERS[name](data, frame)
        except Exception as error:  # a C library may raise anything
            failures.append(f"{name}: {str(error) or type(error).__name__}")
            continue
        if pixels.shape == frame.shape and pixels.dtype.itemsize == frame.container().itemsize:
            return pixels, name
        failures.append(f"{name}: gave {pixels.dtype} {pixels.shape}, expected {frame.shape}")
    raise InputError(
        f"no decoder could open the {frame.syntax.name} frame ({'; '.join(failures)})",
        field="PixelData",
        reason="decode-failed",
    )


def _cleaned(pixels: NDArray[Any], frame: Frame) -> NDArray[Any]:
    """Cut the stored bits out of their container, which may hold overlays above or below them."""
    shift = frame.high_bit + 1 - frame.bits_stored
    if shift:
        pixels = pixels >> shift
    if frame.bits_stored < frame.bits_allocated and int(pixels.max()) >> frame.bits_stored:
        pixels = pixels & pixels.dtype.type((1 << frame.bits_stored) - 1)
    return sign_extended(pixels, frame.bits_stored) if frame.signed else pixels


def _agreed(
    pixels: NDArray[Any], frame: Frame, claim: Claim
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Settle what the stream says of depth and sign with what the tags say.

    JPEG and JPEG-LS know no sign: negative values travel as two's complement. JPEG 2000 knows one,
    and some writers contradict their own tags; the windows of the file follow the tags, so the
    bits are read as the tags say.
    """
    warnings = []
    bits = frame.bits_stored
    if claim.signed or frame.signed:
        if claim.signed != frame.signed and frame.syntax.family in ("jpeg2000", "htj2k"):
            warnings.append("PixelRepresentation and the compressed picture disagree on the sign")
            bits = claim.precision
        pixels = pixels.view(frame.container)
        if claim.signed and not frame.signed:
            return pixels & frame.container((1 << bits) - 1), tuple(warnings)
        return sign_extended(pixels, bits), tuple(warnings)
    if claim.precision > bits and int(pixels.max()) >> bits:
        warnings.append(
            f"BitsStored says {bits}, but the compressed picture uses up to {claim.precision} bits"
        )
    return pixels, tuple(warnings)


def sign_extended(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Read the lowest `bits` of unsigned values as two's complement."""
    signed: NDArray[Any] = pixels.view(np.int8 if pixels.dtype.itemsize == 1 else np.int16)
    spare = 8 * signed.dtype.itemsize - bits
    return (signed << spare) >> spare if spare else signed
