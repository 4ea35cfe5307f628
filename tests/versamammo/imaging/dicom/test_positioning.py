"""Side and view from attributes, and last of all from strict words of a file name."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from versamammo.imaging.dicom.positioning import (
    Positioning,
    name_position,
    read_positioning,
    side_from_orientation,
)
from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.dicom.view_codes import find_label, parse_label
from versamammo.imaging.mammogram import Laterality, View


def coded(value, scheme="SCT", meaning="", modifiers=()):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    if modifiers:
        item.ViewModifierCodeSequence = Sequence([coded(m) for m in modifiers])
    return item


def position(name="image.dcm", **values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return read_positioning(Tags(dataset), name)


@pytest.mark.parametrize(
    ("code", "view"),
    [
        ("399162004", View.CC),
        ("R-10242", View.CC),
        ("R-10226", View.MLO),
        ("399368009", View.MLO),
        ("R-10224", View.ML),
        ("R-10228", View.LM),
        ("R-10230", View.LMO),
        ("R-102D0", View.SIO),
        ("R-40AAA", View.ISO),
        ("R-10244", View.FB),
        ("R-102CF", View.XCC),
        ("R-1024A", View.XCCL),
        ("399101009", View.XCCM),
    ],
)
def test_views_are_read_from_old_and_new_codes(code, view):
    found = position(ViewCodeSequence=Sequence([coded(code, "SNM3")]))

    assert (found.view, found.view_source) == (view, "ViewCodeSequence")


def test_modifiers_inside_the_view_code_are_named():
    item = coded("R-10242", modifiers=["R-102D6", "399055006", "R-102D5"])
    found = position(ViewCodeSequence=Sequence([item]))

    assert found.modifiers == ("magnification", "spot compression", "implant displaced")


def test_a_vendor_code_is_read_by_its_standard_meaning():
    found = position(ViewCodeSequence=Sequence([coded("X1", "99V", "Medio-Lateral Oblique")]))

    assert found.view is View.MLO


@pytest.mark.parametrize(
    ("text", "side", "view", "modifiers"),
    [
        ("CC", None, View.CC, ()),
        ("RCC", Laterality.RIGHT, View.CC, ()),
        ("LMLO", Laterality.LEFT, View.MLO, ()),
        ("MLO ID", None, View.MLO, ("implant displaced",)),
        ("RCCID", Laterality.RIGHT, View.CC, ("implant displaced",)),
        ("XCCL", None, View.XCCL, ()),
        ("LXCCM", Laterality.LEFT, View.XCCM, ()),
        ("RMCC", Laterality.RIGHT, View.CC, ("magnification",)),
        ("LSMLO", Laterality.LEFT, View.MLO, ("spot compression",)),
        ("RML", Laterality.RIGHT, View.ML, ()),
        ("LLM", Laterality.LEFT, View.LM, ()),
        ("LM", None, View.LM, ()),
        ("RCCRL", Laterality.RIGHT, View.CC, ("rolled lateral",)),
        ("LCCTAN", Laterality.LEFT, View.CC, ("tangential",)),
    ],
)
def test_labels_are_taken_apart(text, side, view, modifiers):
    label = parse_label(text)

    assert (label.laterality, label.view, label.modifiers) == (side, view, modifiers)


@pytest.mark.parametrize("text", ["", "AP", "LATERAL", "R", "CCX", "PA CHEST"])
def test_other_words_are_no_labels(text):
    assert parse_label(text) is None


def test_the_tag_of_this_image_goes_before_that_of_its_series():
    found = position(ImageLaterality="R", Laterality="L")

    assert (found.laterality, found.laterality_source) == (Laterality.RIGHT, "ImageLaterality")
    assert any("contradict" in note for note in found.warnings)


def test_the_side_is_found_in_the_anatomic_region():
    region = coded("T-04000", "SRT")
    region.AnatomicRegionModifierSequence = Sequence([coded("G-A101", "SRT")])
    found = position(AnatomicRegionSequence=Sequence([region]))

    assert (found.laterality, found.laterality_source) == (
        Laterality.LEFT,
        "AnatomicRegionSequence",
    )


def test_the_side_within_view_position_counts():
    found = position(ViewPosition="RMLO")

    assert (found.laterality, found.view) == (Laterality.RIGHT, View.MLO)
    assert (found.laterality_source, found.view_source) == ("ViewPosition", "ViewPosition")


def test_a_view_written_as_an_orientation_is_found():
    found = position(PatientOrientation=["MLO"], Laterality="L")

    assert (found.view, found.view_source) == (View.MLO, "PatientOrientation")


def test_both_breasts_are_no_side():
    found = position(ImageLaterality="B", ViewPosition="CC")

    assert found.laterality is None
    assert "ImageLaterality says both breasts" in found.warnings


@pytest.mark.parametrize(
    ("orientation", "view", "side"),
    [
        (("P", "FL"), View.MLO, Laterality.RIGHT),  # as a GE Senographe writes it
        (("A", "FR"), View.MLO, Laterality.LEFT),
        (("A", "HL"), View.MLO, Laterality.LEFT),  # upside down
        (("P", "FR"), View.SIO, Laterality.RIGHT),
        (("P", "L"), View.CC, None),
        (("A", "F"), View.MLO, None),
        (("P", "FL"), None, None),
        ((), View.MLO, None),
    ],
)
def test_orientation_tells_the_side_only_where_anatomy_does(orientation, view, side):
    assert side_from_orientation(orientation, view) is side


def test_an_orientation_against_the_tag_is_a_warning():
    found = position(ImageLaterality="L", ViewPosition="MLO", PatientOrientation=["P", "FL"])

    assert found.laterality is Laterality.LEFT
    assert any("PatientOrientation" in note for note in found.warnings)


@pytest.mark.parametrize(
    ("name", "side", "view"),
    [
        ("L-CC.png", "L", "CC"),
        ("P255_L_DM_MLO.jpg", "L", "MLO"),
        ("R_MLO.dcm", "R", "MLO"),
        ("LMLO.png", "L", "MLO"),
        ("Mass-Training_P_00001_LEFT_CC", "L", "CC"),
        ("A_1141_1.RIGHT_MLO.tif", "R", "MLO"),
        ("20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm", "R", "CC"),
        ("group-12-l-mlo.png", "L", "MLO"),
        ("2013_BC011502_MLO_L.jpg", "L", "MLO"),
        ("mdb025.pgm", None, None),
        ("D1-0012-L-2.dcm", None, None),
        ("L_CC_R_MLO.png", None, None),
        ("model_ML_17.png", None, None),
        ("case_R_ML.png", "R", "ML"),
        ("Laura_Right.png", "R", None),
        ("train_MLO_4.png", None, "MLO"),
        ("CCTV.png", None, None),
    ],
)
def test_file_names_speak_in_strict_words_only(name, side, view):
    found = name_position(Positioning(), name)

    assert (found.laterality, found.view) == (side, view)
    assert (found.view_source == "file name") is (view is not None)


def test_a_file_name_never_overrules_a_tag_and_leaves_a_warning():
    found = position("R_MLO.dcm", ImageLaterality="L")

    assert (found.laterality, found.laterality_source) == (Laterality.LEFT, "ImageLaterality")
    assert (found.view, found.view_source) == (View.MLO, "file name")
    assert found.warnings == ("the view is known from the file name only",)


def test_a_series_description_goes_before_the_file_name():
    found = position("L_CC.dcm", SeriesDescription="R MLO")

    assert (found.laterality_source, found.view) == ("SeriesDescription", View.MLO)


def test_two_views_in_one_name_are_none():
    assert find_label("CC MLO").view is None
