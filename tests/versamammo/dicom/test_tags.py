"""Attributes as plain values, from headers that may be damaged."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from versamammo.dicom.tags import Tags
from versamammo.errors import InputError


def tags(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return Tags(dataset)


def test_texts_lose_their_padding_and_empty_ones_are_none():
    assert tags(Manufacturer=" GE \0").text("Manufacturer") == "GE"
    assert tags(Manufacturer="").text("Manufacturer") is None
    assert tags().text("Manufacturer") is None


def test_codes_are_in_capitals():
    assert tags(ImageLaterality="l").code("ImageLaterality") == "L"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_number_that_is_none_is_unknown_and_noted():
    found = tags(RescaleSlope="nan", WindowCenter=["1", "2"])

    assert found.number("RescaleSlope") is None
    assert found.numbers("WindowCenter") == (1, 2)
    assert list(found.warnings()) == ["RescaleSlope could not be understood and was left out"]


def test_a_required_field_that_is_missing_is_named():
    with pytest.raises(InputError) as caught:
        tags().required("Rows")
    assert (caught.value.field, caught.value.reason) == ("Rows", "missing-field")


def test_a_frame_speaks_before_what_all_share_and_that_before_the_root():
    def group(keyword, value):
        macro, item = Dataset(), Dataset()
        setattr(macro, keyword, value)
        item.PixelMeasuresSequence = Sequence([macro])
        return item

    found = tags(
        PixelSpacing=["3", "3"],
        SliceThickness="9",
        SharedFunctionalGroupsSequence=Sequence([group("PixelSpacing", ["2", "2"])]),
        PerFrameFunctionalGroupsSequence=Sequence(
            [group("PixelSpacing", ["1", "1"]), group("ImageLaterality", "R")]
        ),
    )

    assert found.for_frame(0).number("PixelSpacing") == 1
    assert found.for_frame(1).number("PixelSpacing") == 2
    assert found.for_frame(1).number("SliceThickness") == 9
    assert found.number("PixelSpacing") == 3


def test_a_vendor_attribute_is_found_by_its_creator():
    dataset = Dataset()
    dataset.private_block(0x45, "GEMS_SENO_02", create=True).add_new(0x1B, "CS", "RMLO")

    assert Tags(dataset).private(0x45, "GEMS_SENO_02", 0x1B) == "RMLO"
    assert Tags(dataset).private(0x45, "OTHER", 0x1B) is None
