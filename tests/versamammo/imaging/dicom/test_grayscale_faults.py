"""Pictures that came out dark: what the data hold beats what is stated, with a warning."""

import numpy as np
import pydicom
import pytest
from pydicom.sequence import Sequence

from versamammo.imaging.dicom import read_dicom

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
LOSSLESS = "1.2.840.10008.1.2.4.70"
RAMP = np.arange(4096, dtype=np.uint16)


def said(mammogram, word):
    return any(word in note for note in mammogram.warnings)


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_table_that_states_sixteen_bits_and_holds_twelve(
    keyword, picture, write_dicom, lookup_item
):
    stored = picture(12)
    right, wrong = (
        read_dicom(write_dicom(stored, 12, name=f"{bits}.dcm", **{keyword: Sequence([table])}))
        for bits, table in ((bits, lookup_item(RAMP, 0, bits)) for bits in (12, 16))
    )

    np.testing.assert_array_equal(wrong.pixels, right.pixels)
    assert said(wrong, f"{keyword} states 16 bits and uses 12")
    assert not said(right, "states")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("vr", ["OW", "US"])
@pytest.mark.parametrize("odd", [0, 1])
def test_a_table_of_bytes_packed_in_words(vr, odd, syntax, picture, write_dicom, lookup_item):
    stored = picture(12)
    entries = (255 * (RAMP[: 4096 - odd] / 4095.0) ** 2).astype(np.uint8)
    words = np.append(entries, np.zeros(odd, np.uint8)).view("<u2")
    item = lookup_item(RAMP, 0, 8)
    item.LUTDescriptor = [len(entries), 0, 8]
    if vr == "US":
        item.add_new("LUTData", "US", words.tolist())
    else:
        item.add_new("LUTData", "OW", words.astype(">u2" if syntax == BIG else "<u2").tobytes())
    path = write_dicom(stored, 12, syntax=syntax, VOILUTSequence=Sequence([item]))

    expected = entries[stored.clip(0, len(entries) - 1)] / 255
    np.testing.assert_allclose(read_dicom(path).pixels, expected, atol=1e-6)


@pytest.mark.parametrize("syntax", [EXPLICIT, LOSSLESS])
@pytest.mark.parametrize(("bits", "window"), [(16, False), (12, False), (16, True), (12, True)])
@pytest.mark.parametrize("limit", [None, 65530])
def test_padding_above_the_used_range_is_dark(limit, bits, window, syntax, picture, write_dicom):
    stored = picture(12).copy()
    stored[:, -8:] = 65535
    tags = {"WindowCenter": "2048", "WindowWidth": "4096"} if window else {}
    path = write_dicom(
        stored, 16, syntax=syntax, PixelPaddingValue=65535, PixelPaddingRangeLimit=limit, **tags
    )
    data = pydicom.dcmread(path)
    data.BitsStored, data.HighBit = bits, bits - 1
    data.save_as(path)
    mammogram = read_dicom(path)

    np.testing.assert_allclose(mammogram.pixels[:, :-8], stored[:, :-8] / 4095, atol=1e-6)
    assert mammogram.pixels[:, -8:].max() == 0
    assert mammogram.bits in (12, bits)


def test_signed_padding_below_the_used_range_is_dark(picture, write_dicom):
    stored = picture(12).astype(np.int16)
    stored[:, -8:] = -32768
    mammogram = read_dicom(write_dicom(stored, 16, PixelPaddingValue=-32768))

    np.testing.assert_allclose(mammogram.pixels[:, :-8], stored[:, :-8] / 4095, atol=1e-6)
    assert mammogram.pixels[:, -8:].max() == 0


@pytest.mark.parametrize(
    ("centers", "widths", "pairs"),
    [
        (["", "2144", "2000"], ["1043", "887", "1252"], [(2144, 887), (2000, 1252)]),
        (["2062", "2144", "2000"], ["", "887", "1252"], [(2144, 887), (2000, 1252)]),
        (["2062", "", "2000"], ["1043", "887", "1252"], [(2062, 1043), (2000, 1252)]),
        (["", "2144"], ["1043", ""], []),
        (["", ""], ["", ""], []),
        (["2144,5", "x"], ["887,25", "1252"], [(2144.5, 887.25)]),
    ],
)
def test_pairs_of_windows_keep_their_places(centers, widths, pairs, picture, write_dicom):
    path = write_dicom(picture(12), 12, WindowCenter="11111", WindowWidth="22222")
    # both values as text of their own, since pydicom would not write these
    data = path.read_bytes()
    for old, values, tag in ((b"11111 ", centers, b"\x50\x10"), (b"22222 ", widths, b"\x51\x10")):
        text = "\\".join(values).encode()
        text += b" " * (len(text) % 2)
        head = b"\x28\x00" + tag + b"DS"
        old = head + len(old).to_bytes(2, "little") + old
        assert data.count(old) == 1
        data = data.replace(old, head + len(text).to_bytes(2, "little") + text)
    path.write_bytes(data)
    mammogram = read_dicom(path)

    assert [(w.center, w.width) for w in mammogram.provenance.windows] == pairs
    if any(bool(c) != bool(w) for c, w in zip(centers, widths, strict=True)):
        assert said(mammogram, "was left out")


@pytest.mark.parametrize(
    "keyword", ["WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept",
                "ImagerPixelSpacing", "EstimatedRadiographicMagnificationFactor"]
)  # fmt: skip
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_comma_can_only_be_a_point(keyword, syntax, picture, write_dicom):
    values = {
        "WindowCenter": "2048.5", "WindowWidth": "3000.5", "RescaleSlope": "1.125",
        "RescaleIntercept": "-2.25", "ImagerPixelSpacing": ["0.0855", "0.0855"],
        "EstimatedRadiographicMagnificationFactor": "1.0625",
    }  # fmt: skip
    path = write_dicom(picture(12), 12, syntax=syntax, **values)
    right = read_dicom(path)
    value = values[keyword]
    text = "\\".join(value) if isinstance(value, list) else value
    data = path.read_bytes()
    assert data.count(text.encode()) == 1
    path.write_bytes(data.replace(text.encode(), text.replace(".", ",").encode()))
    mammogram = read_dicom(path)

    np.testing.assert_array_equal(mammogram.pixels, right.pixels)
    assert mammogram.spacing_mm == right.spacing_mm
    assert said(mammogram, f"{keyword} is written with a comma")


def test_values_in_bits_that_are_not_stored_are_said_unless_an_overlay_is(picture, write_dicom):
    stored = picture(12)
    path = write_dicom(stored, 12)
    data = pydicom.dcmread(path)
    data.BitsStored, data.HighBit = 10, 9
    data.save_as(path)
    assert said(read_dicom(path), "BitsStored says 10, but the pixels use 12 bits")

    data.add_new(0x60000010, "US", 90)
    data.add_new(0x60000102, "US", 11)
    data.save_as(path)
    assert not said(read_dicom(path), "BitsStored")


@pytest.mark.parametrize(
    ("tags", "oblong"),
    [
        ({"ImagerPixelSpacing": None, "PixelAspectRatio": ["2", "1"]}, True),
        ({"ImagerPixelSpacing": None, "PixelAspectRatio": ["1", "1"]}, False),
        ({"ImagerPixelSpacing": None, "PixelSpacing": ["0.2", "0.1"]}, True),
        ({"ImagerPixelSpacing": ["0.1", "0.2"]}, True),
        ({"ImagerPixelSpacing": ["4", "2"]}, True),
        ({}, False),
    ],
)
def test_oblong_pixels_are_said(tags, oblong, picture, write_dicom):
    assert said(read_dicom(write_dicom(picture(12), 12, **tags)), "times as high") is oblong


@pytest.mark.parametrize("center", ["60000", "-60000"])
def test_a_window_beside_all_values_is_not_followed(center, picture, write_dicom):
    stored = picture(12)
    path = write_dicom(stored, 12, WindowCenter=center, WindowWidth="10")
    mammogram = read_dicom(path)

    np.testing.assert_allclose(mammogram.pixels, stored / 4095, atol=1e-6)
    assert said(mammogram, "beside all values")
    assert np.ptp(read_dicom(path, window=0).pixels) == 0
