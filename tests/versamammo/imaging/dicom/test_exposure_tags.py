"""Exposure, compression, dose and implants as the tags tell them, in the units of the standard."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from versamammo.imaging.dicom.exposure_tags import read_exposure
from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.mammogram import Exposure
from versamammo.imaging.reading import read

GE = Path(__file__).parents[5] / "shared/data/real/dicom/GH133_GE_Senographe_R_MLO.dcm"


def told(**values: object) -> Exposure:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return read_exposure(Tags(dataset))


def test_a_real_file_tells_all_of_it() -> None:
    if not GE.is_file():
        pytest.skip("needs ../shared")
    assert read(GE).provenance.exposure == Exposure(
        kvp=30, mas=71.4, milliseconds=1149, anode="rhodium", filter="rhodium",
        compression_newtons=100, thickness_mm=73, organ_dose_mgy=pytest.approx(1.521),
        entrance_dose_mgy=8.515, implant=False,
    )  # fmt: skip


def test_decigrays_and_microampere_seconds_are_converted() -> None:
    assert told(OrganDose="0.015").organ_dose_mgy == pytest.approx(1.5)
    assert told(EntranceDose="0.08").entrance_dose_mgy == pytest.approx(8)
    assert told(EntranceDose="1", EntranceDoseInmGy="8.5").entrance_dose_mgy == 8.5
    assert told(ExposureInuAs="71400", Exposure="70").mas == pytest.approx(71.4)
    assert told(Exposure="70").mas == 70


@pytest.mark.parametrize(("code", "implant"), [("YES", True), ("NO", False), ("", None)])
def test_an_implant_is_there_not_there_or_not_said(code: str, implant: bool | None) -> None:
    assert told(BreastImplantPresent=code).implant is implant


def test_what_is_left_out_or_zero_is_not_told() -> None:
    assert told() == Exposure()
    assert told(KVP="0", OrganDose="0", CompressionForce="") == Exposure()


def test_a_material_that_is_no_word_is_not_taken() -> None:
    assert told(AnodeTargetMaterial="RHODIUM").anode == "rhodium"
    assert told(AnodeTargetMaterial="Jane Doe 1970").anode is None
    assert told(FilterMaterial="X" * 17).filter is None
