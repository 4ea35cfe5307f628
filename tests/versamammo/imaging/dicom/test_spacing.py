"""Millimetres per pixel, in the plane of the breast, and only where they can be believed."""

import pytest
from pydicom.dataset import Dataset

from versamammo.imaging.dicom.spacing import read_spacing
from versamammo.imaging.dicom.tags import Tags


def spacing(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return read_spacing(Tags(dataset))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"ImagerPixelSpacing": [0.1, 0.1]}, (0.1, 0.1)),
        (
            {"ImagerPixelSpacing": [0.1, 0.1], "EstimatedRadiographicMagnificationFactor": "2"},
            (0.05, 0.05),
        ),
        # repeated by the writer, not calibrated
        (
            {
                "PixelSpacing": [0.1, 0.1],
                "ImagerPixelSpacing": [0.1, 0.1],
                "EstimatedRadiographicMagnificationFactor": "1.25",
            },
            (0.08, 0.08),
        ),
        (
            {
                "PixelSpacing": [0.09, 0.08],
                "PixelSpacingCalibrationType": "GEOMETRY",
                "ImagerPixelSpacing": [0.1, 0.1],
            },
            (0.09, 0.08),
        ),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, (0.05, 0.05)),
        ({"SpatialResolution": "0.05"}, (0.05, 0.05)),
        ({"ImagerPixelSpacing": [0, 0], "SpatialResolution": "0.05"}, (0.05, 0.05)),
        ({"ImagerPixelSpacing": [70, 70]}, None),
        ({"SpatialResolution": "43.5"}, None),
        ({"ImagerPixelSpacing": "0.1"}, None),
        ({}, None),
    ],
)
def test_the_most_believable_spacing_is_taken(values, expected):
    found, _ = spacing(**values)

    assert found == pytest.approx(expected) if expected else found is None


def test_an_impossible_magnification_is_left_out_and_said():
    found, notes = spacing(
        ImagerPixelSpacing=[0.1, 0.1], EstimatedRadiographicMagnificationFactor="0"
    )

    assert found == (0.1, 0.1)
    assert any("Magnification" in note for note in notes)


def test_a_doubtful_source_is_said():
    for values in ({"SpatialResolution": "0.05"}, {"PixelSpacing": [0.1, 0.1]}, {}):
        assert spacing(**values)[1]
