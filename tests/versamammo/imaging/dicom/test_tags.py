"""Attributes as plain values, from headers that may be damaged."""

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from versamammo.errors import InputError
from versamammo.imaging.dicom.tags import Tags


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


@pytest.mark.parametrize("vr", ["US", "OW"])
@pytest.mark.parametrize("big_endian", [False, True])
def test_the_entries_of_a_table_are_taken_as_the_file_holds_them(vr, big_endian):
    dataset, order = Dataset(), "big" if big_endian else "little"
    entries = b"".join(number.to_bytes(2, order) for number in (1, 2, 300))
    dataset.add_new("LUTData", vr, [1, 2, 300] if vr == "US" else entries)
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = not big_endian, False
    write_dataset(file, dataset)
    file.seek(0)
    read = read_dataset(file, is_implicit_VR=False, is_little_endian=not big_endian)
    data = Tags(read).data("LUTData")
    assert data == entries if vr == "OW" else data.tolist() == [1, 2, 300]


def test_numbers_that_were_understood_before_are_given_as_such():
    dataset = Dataset()
    dataset.add_new("LUTData", "US", [1, 2, 300])
    assert Tags(dataset).data("LUTData").tolist() == [1, 2, 300]
    assert len(tags().data("LUTData")) == 0


class Broken(Dataset):
    """Converts no value: pydicom does that late, and may raise anything."""

    def get(self, key, default=None):
        raise RecursionError if key in self else KeyError

    def private_block(self, group, creator, create=False):
        raise RuntimeError


def test_a_value_that_cannot_be_converted_costs_that_value():
    broken = Broken()
    broken.PatientID = "1"
    found = Tags(broken)

    assert found.text("PatientID") is None
    assert found.sequence("ViewCodeSequence") == []
    assert found.private(0x0045, "GEMS_SENO_02", 0x1B) is None
    assert any("PatientID" in note for note in found.warnings())


def test_a_frame_group_that_cannot_be_converted_costs_that_group():
    group, macro = Broken(), Dataset()
    macro.PixelSpacing = ["1", "1"]
    group.PixelMeasuresSequence = Sequence([macro])
    found = tags(PixelSpacing=["3", "3"], SharedFunctionalGroupsSequence=Sequence([group]))

    assert found.for_frame(0).numbers("PixelSpacing") == (3, 3)
    assert any("PixelMeasuresSequence" in note for note in found.warnings())


def test_a_lack_of_memory_is_no_damaged_value():
    class Hungry(Dataset):
        def get(self, key, default=None):
            raise MemoryError

    with pytest.raises(MemoryError):
        Tags(Hungry()).text("PatientID")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_one_wrong_number_costs_its_own_place():
    found = tags(WindowCenter=["1", "2"])
    assert found.places("WindowCenter") == (1, 2)
    raw = DicomBytesIO()
    raw.is_little_endian, raw.is_implicit_VR = True, False
    write_dataset(raw, found._datasets[0])
    data = raw.getvalue().replace(b"1\\2 ", b"\\2,5")
    found = Tags(read_dataset(DicomBytesIO(data), False, True))

    assert found.places("WindowCenter") == (None, 2.5)
    assert found.numbers("WindowCenter") == (2.5,)
    assert list(found.warnings()) == [
        "WindowCenter is written with a comma, which was read as the decimal point"
    ]
