"""One frame of pixel data, opened by the fastest library that can, into checked stored values.

The header of the stream is compared with the tags before any decoder may take memory; a decoder's
result of the wrong size or depth counts as its failure, and the next in the chain gets its turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.imaging.codecs import claims
from versamammo.imaging.codecs.apart import DecodersFailed, TookTooLong, decode_apart
from versamammo.imaging.codecs.claims import Claim, Color
from versamammo.imaging.codecs.decoders import Frame, decode_with
from versamammo.imaging.codecs.jpeg2000_markers import jpeg2000_claim
from versamammo.imaging.codecs.jpeg_markers import jpeg_claim, jpeg_end, with_filler
from versamammo.imaging.codecs.memory import check_memory, is_shortage
from versamammo.imaging.codecs.streams import stream_syntax
from versamammo.imaging.codecs.syntaxes import Family, SyntaxInfo, syntax_info
from versamammo.imaging.grayscale import largest

# OpenJPEG opens both kinds of JPEG 2000, whichever of them is stated.
ALIKE: Mapping[Family, tuple[Family, ...]] = MappingProxyType(
    {
        "native": ("native",),
        "rle": ("rle",),
        "jpeg": ("jpeg",),
        "jpegls": ("jpegls",),
        "jpeg2000": ("jpeg2000", "htj2k"),
        "htj2k": ("htj2k", "jpeg2000"),
    }
)


@dataclass(frozen=True, eq=False)
class Decoded:
    """Stored values of one frame and how they were come by.

    Attributes:
        pixels: [H, W], or [H, W, S] for colour, as uint8, uint16, int8 or int16.
        bits: how many bits hold every value: as tagged, or more if the stream uses more.
        decoder: the library that opened it.
        color: what the stream says of its three components, if it says anything.
        warnings: disagreements between stream and tags that were settled.
        unused_bits: how many bits the container needs for what stands above the stored bits and
            was cleared (overlays, or values that BitsStored is too small for); 0 if nothing does.
    """

    pixels: NDArray[Any]
    bits: int
    decoder: str
    color: Color = "as tagged"
    warnings: tuple[str, ...] = ()
    unused_bits: int = 0


def decode_frame(
    data: bytes | memoryview,
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
    padding: tuple[int, int] | None = None,
) -> Decoded:
    """Open one frame into its stored values, checked against the tags that describe it.

    Bits outside the stored ones (overlays, garbage) are cleared and signed values sign-extended;
    values from..to in `padding`, which mark the surroundings, stay as they are.

    Raises:
        InputError: `unknown-transfer-syntax`, `unsupported-depth`, `zero-rows`, `too-large`,
            `size-mismatch`, `truncated`, or `decode-failed` or `timed-out` with the reason of
            every decoder.
    """
    info, notes = _as_found(data, syntax_info(syntax))
    high_bit = bits_stored - 1 if high_bit is None else high_bit
    claims.check_depth(samples, bits_allocated, bits_stored, high_bit)
    claims.check_pixels(rows, columns)
    as_tagged = Claim(rows, columns, samples, bits_allocated, signed)
    claim, end = _read_claim(data, info, as_tagged)
    claims.check_size(claim, as_tagged, length=len(data))
    frame = Frame(info.uid, rows, columns, samples, claim.precision, planar)
    pixels, decoder = _try_in_turn(data[:end], info, frame)
    if end is not None:
        notes += (_check_complete(data, end, info, frame, pixels, decoder),)
    if info.family in ("native", "rle"):
        cleaned, unused = _cleaned(pixels, bits_stored, high_bit, signed, padding)
        return Decoded(cleaned, bits_stored, decoder, warnings=notes, unused_bits=unused)
    pixels, bits, warnings = _agreed(pixels, claim, bits_stored, signed, padding)
    return Decoded(pixels, bits, decoder, claim.color, (*notes, *warnings))


def _as_found(data: bytes | memoryview, stated: SyntaxInfo) -> tuple[SyntaxInfo, tuple[str, ...]]:
    """Believe a compressed frame that is plainly of another family than its file states."""
    found = None if stated.family == "native" else stream_syntax(data)
    if found is None or found.family in ALIKE[stated.family]:
        return stated, ()
    family = found.name.removesuffix(" Lossless")
    note = f"the transfer syntax says {stated.name}, the frame is {family}: it was read as that"
    return found, (note,)


def _read_claim(
    data: bytes | memoryview, info: SyntaxInfo, tags: Claim
) -> tuple[Claim, int | None]:
    """Let the stream say what it holds, as far as its format can, and where it ends too early."""
    match info.family:
        case "native":
            claims.check_length(data, tags)
            return tags, None
        case "rle":
            claims.check_rle(data, tags)
            return tags, None
        case "jpeg" | "jpegls":
            claim = jpeg_claim(data)
            return claim, jpeg_end(data, jpegls=info.family == "jpegls")
        case _:
            return jpeg2000_claim(data), None


def _check_complete(
    data: bytes | memoryview,
    end: int,
    info: SyntaxInfo,
    frame: Frame,
    pixels: NDArray[Any],
    decoder: str,
) -> str:
    """Refuse a picture whose end marker stands in its middle; say what follows a true one.

    JPEG-LS decoders find that out themselves.
    """
    rest = f"{len(data) - end} bytes follow the end of the JPEG picture"
    if info.family == "jpeg":
        try:
            filled = decode_with(decoder, with_filler(data, end), frame)
        except MemoryError:
            raise
        except Exception as error:  # a C library may raise anything
            raise claims.broken(rest) from error
        if not np.array_equal(filled, pixels):
            raise claims.broken(rest)
    return f"{rest} and were left out"


def _try_in_turn(
    data: bytes | memoryview, info: SyntaxInfo, frame: Frame
) -> tuple[NDArray[Any], str]:
    """Let the first decoder try here, and the others in a process of their own.

    Raises:
        MemoryError: memory ran out, or is too short for this frame; that says nothing of it.
    """
    first, *others = info.decoders
    try:
        return decode_with(first, data, frame), first
    except Exception as error:  # a C library may raise anything
        if is_shortage(error):
            raise MemoryError(f"{first}: {error}") from error
        failures = [f"{first}: {str(error) or type(error).__name__}"]
    reason = "decode-failed"
    if others:
        try:
            return decode_apart(others, data, frame)
        except DecodersFailed as error:
            failures.append(str(error))
            reason = "timed-out" if isinstance(error, TookTooLong) else reason
    check_memory(frame.rows * frame.columns * frame.samples)
    raise InputError(
        f"no decoder could open the {info.name} frame ({'; '.join(failures)})",
        field="PixelData",
        reason=reason,
    )


def _cleaned(
    pixels: NDArray[Any],
    bits: int,
    high_bit: int,
    signed: bool,
    padding: tuple[int, int] | None,
) -> tuple[NDArray[Any], int]:
    """Cut the stored bits out of their container, which may hold overlays above or below them.

    Gives the values, and how many bits the container would need for the others.
    """
    if shift := high_bit + 1 - bits:
        pixels = pixels >> shift
    if not int(pixels.max()) >> bits:
        return (sign_extended(pixels, bits) if signed else pixels), 0
    cut = pixels & pixels.dtype.type((1 << bits) - 1)
    values = sign_extended(cut, bits) if signed else cut
    values = _with_padding(values, pixels, padding)
    lost = pixels.view(values.dtype) != values
    return values, int(pixels.max(where=lost, initial=0)).bit_length()


def _with_padding(
    values: NDArray[Any], container: NDArray[Any], padding: tuple[int, int] | None
) -> NDArray[Any]:
    """Put padding back as it was stored, which more bits may have been used for."""
    if padding is None:
        return values
    whole = container.view(values.dtype)
    marked = (whole >= padding[0]) & (whole <= padding[1])
    return np.where(marked, whole, values) if marked.any() else values


def _agreed(
    pixels: NDArray[Any],
    claim: Claim,
    bits: int,
    signed: bool,
    padding: tuple[int, int] | None,
) -> tuple[NDArray[Any], int, tuple[str, ...]]:
    """Settle what the stream says of depth and sign with what the tags say; gives the bits in use.

    JPEG and JPEG-LS know no sign: negative values travel as two's complement. JPEG 2000 knows one,
    and some writers contradict their own tags; the windows of the file follow the tags, so the
    bits are read as the tags say.
    """
    if claim.signed and signed:
        return pixels, max(bits, int(pixels.max()).bit_length()), ()
    unsigned: NDArray[Any] = pixels.view(np.uint8 if pixels.dtype.itemsize == 1 else np.uint16)
    if claim.signed:
        kept = unsigned & unsigned.dtype.type((1 << claim.precision) - 1)
        note = "the compressed picture is signed, PixelRepresentation is not"
        return kept, max(bits, int(kept.max()).bit_length()), (note,)
    if signed:
        return _with_padding(sign_extended(unsigned, bits), unsigned, padding), bits, ()
    # a pass over all pixels, so it is made only where the stream claims that it could matter
    used = largest(pixels, padding).bit_length() if claim.precision > bits else bits
    if used > bits:
        note = f"BitsStored says {bits}, but the compressed picture uses {used} bits"
        return pixels, used, (note,)
    return pixels, bits, ()


def sign_extended(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Read the lowest `bits` of unsigned values as two's complement."""
    signed: NDArray[Any] = pixels.view(np.int8 if pixels.dtype.itemsize == 1 else np.int16)
    spare = 8 * signed.dtype.itemsize - bits
    return (signed << spare) >> spare if spare else signed
