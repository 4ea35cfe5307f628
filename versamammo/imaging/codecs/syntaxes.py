"""The DICOM transfer syntaxes that can be read, and the libraries that open each of them.

The first decoder is the fastest on full-size mammograms that survives damaged streams, as measured
by `scripts/bench_decoders.py`. All of them are Apache, MIT, BSD or IJG licensed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from versamammo.errors import InputError

Family = Literal["native", "rle", "jpeg", "jpegls", "jpeg2000", "htj2k"]

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"


@dataclass(frozen=True)
class SyntaxInfo:
    """One transfer syntax (DICOM PS3.5 annex A), with its decoders in order of preference."""

    uid: str
    name: str
    family: Family
    decoders: tuple[str, ...]
    lossy: bool = False


# The first of each has withstood tens of thousands of damaged streams (tests of hostile files);
# ljpeg, GDCM's JPEG and OpenJPH crash on some, so every later one runs in its own process.
_JPEG = ("libjpeg-turbo", "GDCM")
_JPEG_LOSSLESS = ("libjpeg-turbo", "jpegsof3", "GDCM")
_JPEGLS = ("CharLS", "pyjpegls")
_JPEG2000 = ("OpenJPEG", "GDCM")
_HTJ2K = ("OpenJPEG", "OpenJPH")

_ALL = (
    SyntaxInfo(IMPLICIT_LITTLE, "Implicit VR Little Endian", "native", ("numpy",)),
    SyntaxInfo(EXPLICIT_LITTLE, "Explicit VR Little Endian", "native", ("numpy",)),
    SyntaxInfo(DEFLATED, "Deflated Explicit VR Little Endian", "native", ("numpy",)),
    SyntaxInfo(EXPLICIT_BIG, "Explicit VR Big Endian", "native", ("numpy",)),
    SyntaxInfo("1.2.840.10008.1.2.5", "RLE Lossless", "rle", ("PackBits",)),
    SyntaxInfo("1.2.840.10008.1.2.4.50", "JPEG Baseline", "jpeg", _JPEG, lossy=True),
    SyntaxInfo("1.2.840.10008.1.2.4.51", "JPEG Extended", "jpeg", _JPEG, lossy=True),
    SyntaxInfo("1.2.840.10008.1.2.4.57", "JPEG Lossless", "jpeg", _JPEG_LOSSLESS),
    SyntaxInfo("1.2.840.10008.1.2.4.70", "JPEG Lossless SV1", "jpeg", _JPEG_LOSSLESS),
    SyntaxInfo("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", "jpegls", _JPEGLS),
    SyntaxInfo("1.2.840.10008.1.2.4.81", "JPEG-LS Near-lossless", "jpegls", _JPEGLS, lossy=True),
    SyntaxInfo("1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless", "jpeg2000", _JPEG2000),
    SyntaxInfo("1.2.840.10008.1.2.4.91", "JPEG 2000", "jpeg2000", _JPEG2000, lossy=True),
    SyntaxInfo("1.2.840.10008.1.2.4.201", "HTJ2K Lossless", "htj2k", _HTJ2K),
    SyntaxInfo("1.2.840.10008.1.2.4.202", "HTJ2K Lossless RPCL", "htj2k", _HTJ2K),
    SyntaxInfo("1.2.840.10008.1.2.4.203", "HTJ2K", "htj2k", _HTJ2K, lossy=True),
)

SYNTAXES: Mapping[str, SyntaxInfo] = MappingProxyType({info.uid: info for info in _ALL})


def syntax_info(uid: str) -> SyntaxInfo:
    """Look a transfer syntax up.

    Raises:
        InputError: `unknown-transfer-syntax`.
    """
    if uid not in SYNTAXES:
        raise InputError(
            f"transfer syntax {uid or 'missing'} is not one of the {len(SYNTAXES)} known ones",
            field="TransferSyntaxUID",
            reason="unknown-transfer-syntax",
        )
    return SYNTAXES[uid]
