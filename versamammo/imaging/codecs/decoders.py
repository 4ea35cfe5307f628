"""One function per library: the bytes of a frame to the array as that library gives it.

They share one signature so that a chain can try them in turn; none is called before the header of
the stream has been checked (`versamammo.imaging.codecs.claims`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import imagecodecs
import jpeg_ls
import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.codecs.syntaxes import EXPLICIT_BIG


@dataclass(frozen=True)
class Frame:
    """What a decoder is told of one frame: sizes as tagged, and the depth the stream states."""

    syntax: str
    rows: int
    columns: int
    samples: int
    precision: int
    planar: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """[H, W] or [H, W, S]."""
        size = (self.rows, self.columns)
        return size if self.samples == 1 else (*size, self.samples)

    @property
    def container(self) -> type[np.uint8] | type[np.uint16]:
        """The array type that holds one sample of the stream."""
        return np.uint8 if self.precision <= 8 else np.uint16


# bytes or a view of some, which imagecodecs takes and its type stubs do not know
Data = Any
Decoder = Callable[[Data, Frame], NDArray[Any]]


def _numpy(data: Data, frame: Frame) -> NDArray[Any]:
    stored = np.frombuffer(data, frame.container, count=int(np.prod(frame.shape)))
    file_order = "big" if frame.syntax == EXPLICIT_BIG else "little"
    if file_order != sys.byteorder:
        stored = stored.byteswap()
    return _interleave(stored, frame, planar=frame.planar)


def _packbits(data: Data, frame: Frame) -> NDArray[Any]:
    # The buffer of the expected size keeps a hostile stream from growing beyond it.
    size = int(np.prod(frame.shape)) * np.dtype(frame.container).itemsize
    out = imagecodecs.dicomrle_decode(data, frame.container, out=bytearray(size))
    return _interleave(np.frombuffer(out, frame.container), frame, planar=True)


def _interleave(samples: NDArray[Any], frame: Frame, *, planar: bool) -> NDArray[Any]:
    """Shape a flat run of samples, by plane or by pixel, into [H, W] or [H, W, S]."""
    if frame.samples == 1 or not planar:
        return samples.reshape(frame.shape)
    return np.moveaxis(samples.reshape(frame.samples, frame.rows, frame.columns), 0, -1)


def _libjpeg_turbo(data: Data, frame: Frame) -> NDArray[Any]:
    if frame.samples == 1:
        return np.asarray(imagecodecs.jpeg8_decode(data))
    # Equal colour spaces in and out: the components as stored, without any conversion.
    return np.asarray(imagecodecs.jpeg8_decode(data, colorspace="YCBCR", outcolorspace="YCBCR"))


def _openjph(data: Data, frame: Frame) -> NDArray[Any]:
    # imagecodecs 2026.3 loses errors that OpenJPH raises half-way, and returns what it has.
    lost: list[str] = []
    previous, sys.unraisablehook = sys.unraisablehook, lambda lose: lost.append(str(lose.exc_value))
    try:
        pixels = np.asarray(imagecodecs.htj2k_decode(data))
    finally:
        sys.unraisablehook = previous
    if lost:
        raise ValueError(lost[0])
    return pixels


def _gdcm(data: Data, frame: Frame) -> NDArray[Any]:
    import gdcm  # takes longer to load than most frames to decode, and is rarely needed

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(bytes(data))
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((frame.columns, frame.rows, 1))
    image.SetDataElement(element)
    color = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2" if frame.samples == 1 else "RGB")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(color))
    syntax = gdcm.TransferSyntax.GetTSType(frame.syntax)
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    bits = 8 * np.dtype(frame.container).itemsize
    image.SetPixelFormat(
        gdcm.PixelFormat(frame.samples, bits, frame.precision, frame.precision - 1, 0)
    )
    # GDCM hands its char* over as str; surrogates carry the bytes that are not UTF-8.
    raw = image.GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(raw, frame.container).reshape(frame.shape)


DECODERS: Mapping[str, Decoder] = MappingProxyType(
    {
        "numpy": _numpy,
        "PackBits": _packbits,
        "libjpeg-turbo": _libjpeg_turbo,
        "jpegsof3": lambda data, _: np.asarray(imagecodecs.jpegsof3_decode(data)),
        "CharLS": lambda data, _: np.asarray(imagecodecs.jpegls_decode(data)),
        "pyjpegls": lambda data, _: np.asarray(jpeg_ls.decode(np.frombuffer(data, np.uint8))),
        "OpenJPEG": lambda data, _: np.asarray(imagecodecs.jpeg2k_decode(data)),
        "OpenJPH": _openjph,
        "GDCM": _gdcm,
    }
)


def decode_with(name: str, data: Data, frame: Frame) -> NDArray[Any]:
    """Decode with one library; a result of the wrong size or depth is an error too."""
    pixels = DECODERS[name](data, frame)
    if pixels.shape != frame.shape or pixels.dtype.itemsize != frame.container().itemsize:
        raise ValueError(f"gave {pixels.dtype} {pixels.shape}, expected {frame.shape}")
    return pixels
