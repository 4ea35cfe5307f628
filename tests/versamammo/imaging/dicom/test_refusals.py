"""What is no 2-D mammogram is refused with a reason that batch jobs can count."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from versamammo.errors import InputError, Refused
from versamammo.imaging.dicom.refusals import refuse_unusable
from versamammo.imaging.dicom.tags import Tags

MG = "1.2.840.10008.5.1.4.1.1.1.2"
SC = "1.2.840.10008.5.1.4.1.1.7"
CR = "1.2.840.10008.5.1.4.1.1.1"
TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"


def refuse(frame=None, for_processing=False, **values):
    dataset = Dataset()
    given = {"SOPClassUID": MG, "Modality": "MG", "Rows": 90, "Columns": 70}
    for keyword, value in (given | values).items():
        if value is not None:
            setattr(dataset, keyword, value)
    return refuse_unusable(Tags(dataset), for_processing=for_processing, frame=frame)


def code(value):
    item = Dataset()
    item.CodeValue = value
    return Sequence([item])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Modality": "CT"}, "not-a-mammogram"),
        ({"Modality": "MR", "BodyPartExamined": "BREAST"}, "not-a-mammogram"),
        ({"Modality": "US"}, "not-a-mammogram"),
        ({"Modality": "DX", "SOPClassUID": CR, "BodyPartExamined": "CHEST"}, "not-a-mammogram"),
        ({"Modality": "CR", "SOPClassUID": CR}, "not-a-mammogram"),
        ({"Modality": "RG", "SOPClassUID": SC, "ViewPosition": "AP"}, "not-a-mammogram"),
        ({"ViewCodeSequence": code("G-8310")}, "specimen"),
        ({"SpecimenDescriptionSequence": code("x")}, "specimen"),
        ({"BodyPartExamined": "BREAST SPECIMEN"}, "specimen"),
        ({"QualityControlImage": "YES"}, "test-pattern"),
        ({"BodyPartExamined": "PHANTOM"}, "test-pattern"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "text"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for-processing"),
        ({"SOPClassUID": MG + ".1"}, "for-processing"),
        ({"SOPClassUID": TOMOSYNTHESIS, "NumberOfFrames": 50}, "tomosynthesis"),
        ({"SOPClassUID": TOMOSYNTHESIS}, "tomosynthesis"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ", "LEFT"]}, "tomosynthesis"),
        ({"SOPClassUID": SC, "NumberOfFrames": 4}, "multi-frame"),
        ({"NumberOfFrames": 4, "frame": 4}, "no-such-frame"),
        ({"NumberOfFrames": 4, "frame": -1}, "no-such-frame"),
        (
            {"Rows": None, "Columns": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11"},
            "no-pixels",
        ),
    ],
)
def test_other_objects_are_refused(values, reason):
    with pytest.raises(Refused) as caught:
        refuse(**values)
    assert caught.value.reason == reason


def test_a_mammogram_cut_within_its_header_is_truncated_and_not_a_report():
    with pytest.raises(InputError) as caught:
        refuse(Rows=None, Columns=None)
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({}, None),
        ({"Modality": "RG", "SOPClassUID": SC, "BodyPartExamined": "BREAST"}, "RG"),
        ({"Modality": None, "SOPClassUID": SC}, "nothing in the header"),
        ({"Modality": None}, "not MG"),
        ({"Modality": "CR", "SOPClassUID": CR, "BodyPartExamined": "BREAST"}, "CR"),
        ({"Modality": "CR", "SOPClassUID": CR, "ViewPosition": "RMLO"}, "CR"),
        ({"Modality": "CR", "SOPClassUID": CR, "StudyDescription": "MAMMOGRAPHIE"}, "CR"),
        ({"Modality": "DX", "SOPClassUID": CR, "PositionerType": "MAMMOGRAPHIC"}, "DX"),
        ({"BodyPartExamined": "CHEST"}, "does not say breast"),
        ({"SOPClassUID": SC, "NumberOfFrames": 4, "frame": 3}, "frame 3"),
        (
            {
                "SOPClassUID": TOMOSYNTHESIS,
                "ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"],
            },
            None,
        ),
        ({"PresentationIntentType": "FOR PROCESSING", "for_processing": True}, "logarithmic"),
    ],
)
def test_unusual_mammograms_are_kept_with_a_warning(values, warning):
    notes = refuse(**values)

    assert (warning is None) == (notes == ())
    assert warning is None or any(warning in note for note in notes)


def test_a_refusal_does_not_repeat_free_text():
    with pytest.raises(Refused) as caught:
        refuse(Modality="Doe^Jane")
    assert "DOE" not in str(caught.value).upper()


def test_a_negative_number_of_frames_is_damage():
    with pytest.raises(InputError) as caught:
        refuse(NumberOfFrames=-1)
    assert caught.value.reason == "broken-header"
