"""Frames of pixel data, from the bytes of any DICOM transfer syntax to stored values and back."""

from versamammo.imaging.codecs.decode import Decoded, decode_frame
from versamammo.imaging.codecs.encode import encode_frame
from versamammo.imaging.codecs.syntaxes import SYNTAXES, SyntaxInfo

__all__ = ["SYNTAXES", "Decoded", "SyntaxInfo", "decode_frame", "encode_frame"]
