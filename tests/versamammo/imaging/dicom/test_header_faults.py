"""Headers that other readers open: two file metas, wrong lengths, a data set deflated by habit."""

import struct
import zlib

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from versamammo.imaging.codecs import encode_frame
from versamammo.imaging.dicom import read_dicom

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED, LOSSLESS = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.70"
WIDE = {"WindowCenter": "2048", "WindowWidth": "4096"}


def meta_of(data):
    """Split a file into preamble, file meta group and data set."""
    (length,) = struct.unpack_from("<I", data, 140)
    return data[:132], data[132 : 144 + length], data[144 + length :]


def same_picture(path, stored):
    mammogram = read_dicom(path)
    np.testing.assert_allclose(mammogram.pixels, stored / 4095, atol=1e-6)
    return mammogram


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED, LOSSLESS])
@pytest.mark.parametrize("other", [EXPLICIT, BIG, LOSSLESS])
@pytest.mark.parametrize("wrapped", [False, True])
def test_of_two_file_metas_the_first_counts(syntax, other, wrapped, picture, write_dicom):
    stored = picture(12)
    path = write_dicom(stored, 12, syntax=syntax, **WIDE)
    head, meta, rest = meta_of(path.read_bytes())
    second = meta_of(write_dicom(stored, 12, syntax=other, name="other.dcm").read_bytes())[1]
    path.write_bytes(head + meta + (head if wrapped else b"") + second + rest)

    said = same_picture(path, stored).warnings
    assert "the file meta group is there more than once: the first was followed" in said


@pytest.mark.parametrize("stated", [None, 0, 4, 198, 100_000, 0xFFFFFFFF])
@pytest.mark.parametrize("syntax", [DEFLATED, EXPLICIT])
def test_the_length_of_the_file_meta_is_not_believed(stated, syntax, picture, write_dicom):
    stored = picture(12)
    path = write_dicom(stored, 12, syntax=syntax, **WIDE)
    head, meta, rest = meta_of(path.read_bytes())
    length = b"" if stated is None else meta[:8] + struct.pack("<I", stated)
    path.write_bytes(head + length + meta[12:] + rest)

    same_picture(path, stored)


@pytest.mark.parametrize("window", [zlib.MAX_WBITS, zlib.MAX_WBITS | 16, None])
def test_a_deflated_data_set_may_be_wrapped_or_plain(window, picture, write_dicom):
    stored = picture(12)
    path = write_dicom(stored, 12, syntax=DEFLATED, **WIDE)
    head, meta, rest = meta_of(path.read_bytes())
    data_set = zlib.decompress(rest, -zlib.MAX_WBITS)
    if window is not None:
        packer = zlib.compressobj(wbits=window)
        data_set = packer.compress(data_set) + packer.flush()
    path.write_bytes(head + meta + data_set)

    same_picture(path, stored)


def icon(encapsulated):
    item = Dataset()
    item.Rows = item.Columns = 16
    item.PhotometricInterpretation = "MONOCHROME2"
    item.BitsAllocated = item.BitsStored = item.SamplesPerPixel = 8
    data = bytes(range(1, 256)) + b"\1"
    item.add_new("PixelData", "OB", encapsulate([data]) if encapsulated else data)
    item["PixelData"].is_undefined_length = encapsulated
    return Sequence([item])


@pytest.mark.parametrize("encapsulated", [False, True])
@pytest.mark.parametrize("syntax", [EXPLICIT, LOSSLESS, DEFLATED])
@pytest.mark.parametrize("wrong", [-24, -25, -2, -100, 8, 40, 5000])
def test_an_icon_of_wrong_length_does_not_hide_the_pixels(
    wrong, syntax, encapsulated, picture, write_dicom
):
    stored = picture(12)
    path = write_dicom(
        stored, 12, syntax=syntax, IconImageSequence=icon(encapsulated),
        PresentationLUTShape="IDENTITY", **WIDE,
    )  # fmt: skip
    head, meta, data = meta_of(path.read_bytes())
    if syntax == DEFLATED:
        data = zlib.decompress(data, -zlib.MAX_WBITS)
    at = data.index(b"\x88\x00\x00\x02SQ\0\0") + 8
    length = struct.unpack_from("<I", data, at)[0] + wrong
    data = data[:at] + struct.pack("<I", length) + data[at + 4 :]
    if syntax == DEFLATED:
        packer = zlib.compressobj(wbits=-15)
        data = packer.compress(data) + packer.flush()
    path.write_bytes(head + meta + data)

    said = same_picture(path, stored).warnings
    assert any("wrong length" in note for note in said)


def test_elements_behind_a_wrong_length_still_count(picture, write_dicom):
    stored = picture(12)
    path = write_dicom(
        stored, 12, IconImageSequence=icon(False), PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape="IDENTITY", **WIDE,
    )  # fmt: skip
    data = path.read_bytes()
    at = data.index(b"\x88\x00\x00\x02SQ\0\0") + 8
    length = struct.unpack_from("<I", data, at)[0] - 24
    path.write_bytes(data[:at] + struct.pack("<I", length) + data[at + 4 :])

    # the shape stands behind the icon, and decides against MONOCHROME1
    same_picture(path, stored)


def test_a_frame_of_its_own_kind_under_another_syntax_is_read(picture, write_dicom):
    stored = picture(12)
    streams = {"70": "JPEG Lossless", "80": "JPEG-LS", "90": "JPEG 2000"}
    for stated in streams:
        for held, name in streams.items():
            path = write_dicom(stored, 12, syntax=f"1.2.840.10008.1.2.4.{stated}", **WIDE)
            data = path.read_bytes()
            at = data.index(b"\xe0\x7f\x10\x00OB")
            frame = encode_frame(stored, f"1.2.840.10008.1.2.4.{held}", bits_stored=12)
            pixels = encapsulate([frame]) + b"\xfe\xff\xdd\xe0\0\0\0\0"
            path.write_bytes(data[: at + 12] + pixels)

            said = same_picture(path, stored).warnings
            assert any(name in note for note in said) == (stated != held)


def test_plain_pixels_under_a_compressed_syntax_are_read(picture, write_dicom):
    stored = picture(12)
    path = write_dicom(stored, 12, **WIDE)
    head, _, rest = meta_of(path.read_bytes())
    compressed = meta_of(write_dicom(stored, 12, syntax=LOSSLESS, name="o.dcm").read_bytes())[1]
    path.write_bytes(head + compressed + rest)

    assert any("not compressed" in note for note in same_picture(path, stored).warnings)
