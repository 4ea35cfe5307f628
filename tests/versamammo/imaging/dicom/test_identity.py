"""Keys and age, in the forms that archives write them."""

import pytest
from pydicom.dataset import Dataset

from versamammo.imaging.dicom.identity import read_age, read_identifiers
from versamammo.imaging.dicom.tags import Tags


def tags(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return Tags(dataset)


@pytest.mark.parametrize(
    ("text", "years"),
    [("061Y", 61), ("018M", 1.5), ("000Y", None), ("", None), ("61", None)],
)
def test_age_is_in_years_and_blanked_ages_are_unknown(text, years):
    assert read_age(tags(PatientAge=text)) == years


@pytest.mark.parametrize(
    ("text", "date"), [("20150929", "2015-09-29"), ("20151399", None), ("", None)]
)
def test_dates_are_iso_or_unknown(text, date):
    assert read_identifiers(tags(StudyDate=text)).exam_date == date


def test_empty_keys_are_unknown():
    assert read_identifiers(tags(PatientID="")).patient_id is None
