"""What a file says of its grey values, with the oddities that real files have."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from versamammo.errors import InputError
from versamammo.imaging.dicom.grayscale_tags import read_grayscale, read_table
from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.grayscale import LookupTable, WindowFunction


def tags_of(**values):
    dataset = Dataset()
    for keyword, value in ({"PhotometricInterpretation": "MONOCHROME2"} | values).items():
        setattr(dataset, keyword, value)
    return Tags(dataset)


def read(choice=None, signed=False, **values):
    return read_grayscale(tags_of(**values), bits=12, signed=signed, choice=choice)


def raw_item(descriptor, data, vr):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", vr, data)
    return Tags(item)


def test_windows_come_before_tables(lookup_item):
    ramp = np.arange(4096, dtype=np.uint16)
    shown = read(
        WindowCenter=["10", "20"],
        WindowWidth=["5", "6"],
        WindowCenterWidthExplanation=["NORMAL", "HARDER"],
        VOILUTFunction="SIGMOID",
        VOILUTSequence=Sequence([lookup_item(ramp, 0, 12, explanation="NORMAL")]),
    )

    assert [w.kind for w in shown.windows] == ["SIGMOID", "SIGMOID", "TABLE"]
    assert [w.explanation for w in shown.windows] == ["NORMAL", "HARDER", "NORMAL"]
    assert shown.used == 0
    assert shown.gray.voi == WindowFunction("SIGMOID", 10, 5)


def test_a_table_is_chosen_by_its_index(lookup_item):
    sequence = Sequence([lookup_item(np.arange(16, dtype=np.uint16), 0, 8)])
    shown = read(choice=1, WindowCenter="10", WindowWidth="5", VOILUTSequence=sequence)

    assert isinstance(shown.gray.voi, LookupTable)


def test_an_index_beyond_the_last_window_is_refused():
    with pytest.raises(InputError, match="the file offers 1") as caught:
        read(choice=1, WindowCenter="10", WindowWidth="5")
    assert caught.value.reason == "no-such-window"


def test_an_impossible_window_is_left_out_with_a_warning():
    shown = read(WindowCenter=["10", "20"], WindowWidth=["0", "6"])

    assert [w.center for w in shown.windows] == [20]
    assert any("width 0" in note for note in shown.warnings)


def test_no_window_is_said():
    shown = read()

    assert shown.used is None
    assert any("full range" in note for note in shown.warnings)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverse", "contradiction"),
    [
        ("MONOCHROME1", "INVERSE", True, False),  # one inversion, said twice
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME1", None, True, False),
        ("MONOCHROME2", None, False, False),
        ("MONOCHROME1", "IDENTITY", False, True),
        ("MONOCHROME2", "INVERSE", True, True),
    ],
)
def test_polarity_is_one_inversion(photometric, shape, inverse, contradiction):
    values = {"PhotometricInterpretation": photometric}
    if shape:
        values["PresentationLUTShape"] = shape
    shown = read(WindowCenter="10", WindowWidth="5", **values)

    assert shown.gray.inverse is inverse
    assert any("contradict" in note for note in shown.warnings) is contradiction


def test_a_descriptor_of_zero_entries_means_65536():
    table = read_table(
        raw_item([0, 0, 16], np.arange(65536, dtype="<u2").tobytes(), "OW"), signed=False
    )
    assert table is not None
    assert len(table.entries) == 65536


def test_the_first_value_is_signed_where_values_are():
    item = raw_item([4, 65534, 8], [1, 2, 3, 4], "US")

    assert read_table(item, signed=True).first == -2
    assert read_table(item, signed=False).first == 65534


def test_eight_bit_entries_may_be_packed_two_to_a_word():
    table = read_table(raw_item([3, 0, 8], bytes([7, 8, 9, 0]), "OW"), signed=False)

    assert table.entries.tolist() == [7, 8, 9]


def test_words_follow_the_byte_order_of_the_file():
    item = raw_item([2, 0, 16], bytes([1, 0, 0, 1]), "OW")

    assert read_table(item, signed=False).entries.tolist() == [1, 256]
    assert read_table(item, signed=False, big_endian=True).entries.tolist() == [256, 1]


def test_entries_that_need_more_bits_than_stated_are_believed():
    table = read_table(raw_item([3, 0, 10], [0, 2000, 4095], "US"), signed=False)

    assert table.bits == 12


@pytest.mark.parametrize("data", [[1, 2], []])
def test_a_table_with_too_few_entries_is_left_out(data):
    item = raw_item([4, 0, 12], data, "US")
    assert read_table(item, signed=False) is None

    shown = read(VOILUTSequence=Sequence([item._datasets[0]]))
    assert shown.windows == ()
    assert any("damaged" in note for note in shown.warnings)


def test_padding_follows_the_sign_of_the_pixels():
    shown = read(signed=True, PixelPaddingValue=63536, PixelPaddingRangeLimit=63540)

    assert shown.gray.padding == (-2000, -1996)


def test_padding_over_half_of_all_values_is_left_out():
    shown = read(PixelPaddingValue=0, PixelPaddingRangeLimit=3000)

    assert shown.gray.padding is None
    assert any("padding" in note for note in shown.warnings)


def test_a_slope_of_zero_is_left_out():
    shown = read(RescaleSlope="0", RescaleIntercept="5")

    assert (shown.gray.slope, shown.gray.intercept) == (1, 0)


def test_an_unknown_function_is_taken_as_linear_with_a_warning():
    shown = read(WindowCenter="10", WindowWidth="5", VOILUTFunction="CUBIC")

    assert shown.windows[0].kind == "LINEAR"
    assert any("VOILUTFunction" in note for note in shown.warnings)
