"""Frames are opened to the stored values, or refused before they cost anything."""

import shutil
import struct
import subprocess
import tracemalloc

import imagecodecs
import numpy as np
import pydicom
import pytest

from versamammo.errors import InputError
from versamammo.imaging.codecs import SYNTAXES, apart, decode, decode_frame, encode_frame
from versamammo.imaging.codecs.apart import DecodersFailed, decode_apart
from versamammo.imaging.codecs.decoders import Frame
from versamammo.imaging.dicom.frames import read_frame
from versamammo.imaging.dicom.header import read_header

EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"
EXTENDED = "1.2.840.10008.1.2.4.51"
LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEGLS = "1.2.840.10008.1.2.4.80"
J2K = "1.2.840.10008.1.2.4.90"
HTJ2K = "1.2.840.10008.1.2.4.201"
COMPRESSED = [uid for uid, info in SYNTAXES.items() if info.family != "native"]


def decoded(data, syntax, shape, **changes):
    tags = dict(
        rows=shape[0], columns=shape[1], samples=1, bits_allocated=16, bits_stored=12, signed=False
    )
    return decode_frame(data, syntax, **(tags | changes))


@pytest.fixture
def frame12(picture):
    """A 12-bit picture, and its frame in a given syntax."""
    stored = picture(12)
    return lambda syntax: (stored, encode_frame(stored, syntax, bits_stored=12))


def refused(reason, *args, **kwargs):
    with pytest.raises(InputError) as caught:
        decoded(*args, **kwargs)
    assert caught.value.reason == reason
    return str(caught.value)


@pytest.mark.parametrize(
    ("syntax", "name"),
    [(uid, name) for uid, info in SYNTAXES.items() for name in info.decoders[1:]],
)
def test_every_fallback_opens_the_frame_by_itself(syntax, name, picture):
    bits = 8 if syntax == JPEG else 12
    stored = picture(bits)
    data = encode_frame(stored, syntax, bits_stored=bits)
    precision = 16 if SYNTAXES[syntax].family == "htj2k" else bits

    pixels, winner = decode_apart([name], data, Frame(syntax, *stored.shape, 1, precision))

    assert winner == name
    tolerance = 2 ** (bits - 8) if SYNTAXES[syntax].lossy else 0
    assert np.abs(pixels.astype(int) - stored).max() <= tolerance + 2 * SYNTAXES[syntax].lossy


def test_the_next_decoder_is_named_when_the_first_fails(frame12, monkeypatch):
    stored, data = frame12(LOSSLESS)
    monkeypatch.setattr(decode, "decode_with", lambda *_: 1 / 0)

    result = decoded(data, LOSSLESS, stored.shape)

    assert result.decoder == "jpegsof3"
    assert np.array_equal(result.pixels, stored)


def test_the_error_gives_the_reason_of_every_decoder(frame12, monkeypatch):
    stored, data = frame12(LOSSLESS)
    broken = bytearray(data)
    table = data.index(b"\xff\xc4")
    broken[table + 5 : table + 21] = b"\xff" * 16  # impossible Huffman code lengths

    message = refused("decode-failed", bytes(broken), LOSSLESS, stored.shape)

    assert all(name in message for name in ("libjpeg-turbo", "jpegsof3", "GDCM"))


def test_a_crash_in_a_fallback_is_an_error_and_not_the_end(frame12, monkeypatch):
    _, data = frame12(J2K)
    monkeypatch.setattr(apart, "CHILD", "import os; os.abort()")

    with pytest.raises(DecodersFailed, match="crashed"):
        decode_apart(["GDCM"], data, Frame(J2K, 90, 70, 1, 12))


def test_a_fallback_that_hangs_is_stopped(frame12, monkeypatch):
    _, data = frame12(J2K)
    monkeypatch.setattr(apart, "CHILD", "import time; time.sleep(60)")
    monkeypatch.setattr(apart, "START_SECONDS", 0.3)

    with pytest.raises(DecodersFailed, match="longer than"):
        decode_apart(["GDCM"], data, Frame(J2K, 90, 70, 1, 12))


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize(("rows", "columns"), [(89, 70), (91, 70), (90, 69), (90, 140)])
def test_tags_that_disagree_with_the_stream_are_refused(syntax, rows, columns, picture):
    bits = 8 if syntax == JPEG else 12
    data = encode_frame(picture(bits), syntax, bits_stored=bits)
    stated = dict(bits_allocated=8 if bits == 8 else 16, bits_stored=bits)

    reason = "decode-failed" if syntax == RLE else "size-mismatch"
    refused(reason, data, syntax, (rows, columns), **stated)


@pytest.mark.parametrize("syntax", [uid for uid in SYNTAXES if uid != JPEG])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_cut_stream_is_refused(syntax, share, frame12):
    stored, data = frame12(syntax)
    with pytest.raises(InputError) as caught:
        decoded(data[: int(share * len(data))], syntax, stored.shape)
    assert caught.value.reason in ("truncated", "decode-failed")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_huge_claim_is_refused_before_memory_is_taken(syntax):
    tracemalloc.start()
    refused("too-large", b"\xff\xd8" + bytes(2000), syntax, (65535, 65535))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 100_000


def test_a_large_claim_in_a_small_stream_is_refused(frame12):
    _, data = frame12(LOSSLESS)
    head = data.index(b"\xff\xc3")
    claims_more = data[: head + 5] + struct.pack(">HH", 14000, 14000) + data[head + 9 :]

    message = refused("too-large", claims_more, LOSSLESS, (14000, 14000))

    assert "cannot hold" in message


def test_a_picture_without_rows_is_refused():
    refused("zero-rows", b"", EXPLICIT, (0, 70))


def test_an_unknown_syntax_is_refused_by_name():
    message = refused("unknown-transfer-syntax", b"", "1.2.3.4", (90, 70))
    assert "1.2.3.4" in message


def test_precincts_of_a_few_pixels_are_refused(frame12):
    # OpenJPEG 2.5.4 takes 4 GB and 22 s for a full-size picture with precincts of 2 pixels.
    stored, data = frame12(J2K)
    at = data.index(b"\xff\x52")
    length, levels = struct.unpack_from(">H", data, at + 2)[0], data[at + 9]
    style = data[at + 4 : at + 2 + length]
    hostile = (
        data[: at + 2]
        + struct.pack(">HB", length + levels + 1, style[0] | 1)
        + style[1:]
        + bytes([0x11] * (levels + 1))
        + data[at + 2 + length :]
    )
    assert "precincts" in refused("decode-failed", hostile, J2K, stored.shape)


def test_a_missing_tile_is_noticed(picture):
    stored = picture(12)
    data = imagecodecs.htj2k_encode(stored, reversible=True, tile=(64, 64))
    assert np.array_equal(decoded(data, HTJ2K, stored.shape).pixels, stored)
    last = data.rindex(b"\xff\x90\x00\x0a")

    refused("truncated", data[:last] + b"\xff\xd9", HTJ2K, stored.shape)


def test_overlay_bits_above_and_below_are_cleared(picture):
    stored = picture(12)
    above = (stored | 0xA000).tobytes()
    shifted = (stored << 4 | 0x9).tobytes()

    assert np.array_equal(decoded(above, EXPLICIT, stored.shape).pixels, stored)
    assert np.array_equal(decoded(shifted, EXPLICIT, stored.shape, high_bit=15).pixels, stored)


@pytest.mark.parametrize("syntax", [EXPLICIT, RLE, LOSSLESS, JPEGLS])
def test_negative_values_survive_where_streams_know_no_sign(syntax, picture):
    stored = picture(12).astype(np.int16) - 2048
    # Twelve bits of two's complement, as some writers keep them and others do not.
    for bits, carried in ((12, stored & 0xFFF), (16, stored)):
        data = encode_frame(carried.view(np.uint16), syntax, bits_stored=bits)
        result = decoded(data, syntax, stored.shape, signed=True)

        assert np.array_equal(result.pixels, stored)


def test_jpeg2000_and_tags_may_disagree_on_the_sign(picture):
    stored = picture(12)
    signed = stored.astype(np.int16) - 2048
    as_unsigned = encode_frame((signed & 0xFFF).view(np.uint16), J2K, bits_stored=12)
    assert np.array_equal(decoded(as_unsigned, J2K, stored.shape, signed=True).pixels, signed)

    as_signed = imagecodecs.jpeg2k_encode(
        signed, level=0, reversible=True, codecformat="j2k", bitspersample=12
    )
    result = decoded(as_signed, J2K, stored.shape, signed=True)
    assert np.array_equal(result.pixels, signed)
    contradicted = decoded(as_signed, J2K, stored.shape, signed=False)
    assert np.array_equal(contradicted.pixels, signed & 0xFFF)
    assert "signed" in contradicted.warnings[0]


def test_more_bits_than_stated_are_kept_and_said(picture):
    stored = picture(14)
    data = encode_frame(stored, LOSSLESS, bits_stored=14)

    result = decoded(data, LOSSLESS, stored.shape, bits_stored=12)

    assert np.array_equal(result.pixels, stored)
    assert result.warnings == ("BitsStored says 12, but the compressed picture uses 14 bits",)
    assert result.bits == 14
    assert decoded(data, LOSSLESS, stored.shape, bits_stored=14).bits == 14


def test_a_stream_that_claims_more_bits_than_it_uses_keeps_those_of_the_tags(picture):
    stored = picture(12)
    data = encode_frame(stored, LOSSLESS, bits_stored=16)

    result = decoded(data, LOSSLESS, stored.shape, bits_stored=12)

    assert (result.bits, result.warnings) == (12, ())


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_view_into_a_file_is_decoded_without_a_copy_of_its_own(syntax, picture):
    stored = picture(8)
    data = encode_frame(stored, syntax, bits_stored=8)
    view = memoryview(b"head" + data + b"tail")[4:-4]

    depth = {"bits_allocated": 8, "bits_stored": 8}
    result, expected = (decoded(it, syntax, stored.shape, **depth) for it in (view, data))

    np.testing.assert_array_equal(result.pixels, expected.pixels)
    assert result.decoder == SYNTAXES[syntax].decoders[0]


def test_colour_by_plane_and_by_pixel_are_the_same(picture):
    colours = np.stack([picture(8), picture(8) // 2, picture(8) // 3], axis=-1)
    tags = dict(samples=3, bits_allocated=8, bits_stored=8)

    by_pixel = decoded(colours.tobytes(), EXPLICIT, colours.shape[:2], **tags)
    planes = np.ascontiguousarray(np.moveaxis(colours, -1, 0)).tobytes()
    by_plane = decoded(planes, EXPLICIT, colours.shape[:2], planar=True, **tags)

    assert np.array_equal(by_pixel.pixels, colours)
    assert np.array_equal(by_plane.pixels, colours)


def test_jpeg_colour_arrives_as_its_luminance_first(picture):
    grey = picture(8)
    data = imagecodecs.jpeg8_encode(np.dstack([grey] * 3), level=98)

    result = decoded(data, JPEG, grey.shape, samples=3, bits_allocated=8, bits_stored=8)

    assert result.color == "YBR"
    assert np.abs(result.pixels[..., 0].astype(int) - grey).max() <= 3


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("dcmcrle", ()),
        ("dcmcjpeg", ("+e1",)),
        ("dcmcjpeg", ("+el", "+sv", "6")),
        ("dcmcjpeg", ("+ee", "+q", "100")),
        ("dcmcjpls", ("+el",)),
        ("dcmcjpls", ("+en", "+md", "2")),
    ],
)
def test_frames_that_dcmtk_wrote_are_opened(program, options, picture, write_dicom, tmp_path):
    if shutil.which(program) is None:
        pytest.skip(f"DCMTK's {program} is not installed")
    stored = picture(12)
    path = write_dicom(stored, 12)
    out = tmp_path / "compressed.dcm"
    subprocess.run([program, *options, path, out], check=True, capture_output=True)

    header = read_header(out)
    result = read_frame(header)

    assert result.decoder == SYNTAXES[header.syntax].decoders[0]
    error = np.abs(result.pixels.astype(int) - stored).max()
    assert error <= (40 if SYNTAXES[header.syntax].lossy else 0)


def test_what_a_syntax_cannot_hold_is_not_written(picture):
    for syntax, bits, pixels in (
        (JPEG, 12, picture(12)),
        (EXTENDED, 14, picture(14)),
        (LOSSLESS, 8, picture(12)),
        (LOSSLESS, 10, picture(12)),
    ):
        with pytest.raises(InputError) as caught:
            encode_frame(pixels, syntax, bits_stored=bits)
        assert caught.value.reason == "not-writable"


def test_impossible_depths_are_refused_by_field(picture):
    stored = picture(12)
    for field, changes in (
        ("BitsAllocated", {"bits_allocated": 12}),
        ("BitsStored", {"bits_stored": 17}),
        ("HighBit", {"high_bit": 3}),
        ("SamplesPerPixel", {"samples": 2}),
    ):
        message = refused("unsupported-depth", stored.tobytes(), EXPLICIT, stored.shape, **changes)
        assert message.startswith(field)


def test_pydicom_opens_what_is_written_here_to_the_same_values(picture, write_dicom):
    # pydicom decodes through GDCM or pyjpegls, none of which wrote these but JPEG-LS.
    stored = picture(12)
    for syntax in (EXPLICIT, RLE, LOSSLESS, JPEGLS, J2K):
        path = write_dicom(stored, 12, syntax=syntax)
        assert np.array_equal(pydicom.dcmread(path).pixel_array, stored)
