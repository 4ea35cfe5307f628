from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from versamammo.imaging.reading import read
from versamammo.phantoms import PhantomExam, PhantomSettings
from versamammo.phantoms.anatomy import draw_patient
from versamammo.phantoms.dicom_out import dicom_bytes
from versamammo.phantoms.machines import MACHINES

MakeExam = Callable[[PhantomSettings, int], PhantomExam]
VENDORS = [machine.vendor for machine in MACHINES]


def exam_of(exam: MakeExam, settings: PhantomSettings, vendor: str) -> PhantomExam:
    index = next(k for k in range(99) if draw_patient(settings, k).machine.vendor == vendor)
    return exam(settings, index)


@pytest.mark.parametrize("vendor", VENDORS)
def test_reading_gives_back_what_was_drawn(
    exam: MakeExam, ill: PhantomSettings, tmp_path: Path, vendor: str
) -> None:
    made = exam_of(exam, ill, vendor)
    assert len(made.views) == 4
    for view in made.views:
        path = tmp_path / "phantom.dcm"
        path.write_bytes(dicom_bytes(ill, made, view))
        mammogram = read(path)
        assert np.abs(mammogram.pixels - view.pixels).max() < 0.001  # half a step of 12 bits
        assert (mammogram.laterality, mammogram.view) == (view.laterality, view.view)
        assert mammogram.spacing_mm == pytest.approx((view.spacing_mm,) * 2, abs=1e-5)
        assert mammogram.identifiers.patient_id == made.patient_id
        assert mammogram.identifiers.exam_id == view.exam_id
        assert mammogram.identifiers.exam_date == view.exam_date
        assert mammogram.warnings == ()


@pytest.mark.parametrize("vendor", VENDORS)
def test_dciodvfy_finds_no_error(
    exam: MakeExam, ill: PhantomSettings, tmp_path: Path, vendor: str
) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")
    made = exam_of(exam, replace(ill, dates=2), vendor)
    assert len(made.views) == 8
    for number, view in enumerate(made.views):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(dicom_bytes(ill, made, view))
        said = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True)
        errors = [line for line in said.stderr.splitlines() if line.startswith("Error")]
        assert errors == []
        assert said.stderr.startswith("MammographyImageForPresentation")


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_file_says_that_it_is_a_phantom(
    exam: MakeExam, ill: PhantomSettings, vendor: str
) -> None:
    made = exam_of(exam, ill, vendor)
    dataset = pydicom.dcmread(BytesIO(dicom_bytes(ill, made, made.views[0])))
    for keyword in ("PatientName", "PatientID", "InstitutionName", "ImageComments", "Manufacturer"):
        assert "PHANTOM" in str(dataset[keyword].value).upper()
    assert "QualityControlImage" not in dataset
    assert dataset.BurnedInAnnotation == "NO"


@pytest.mark.parametrize(("vendor", "mirrored"), [(VENDORS[0], False), (VENDORS[3], True)])
def test_patient_orientation_follows_the_stored_pixels(
    exam: MakeExam, ill: PhantomSettings, vendor: str, mirrored: bool
) -> None:
    made = exam_of(exam, ill, vendor)
    assert len(made.views) == 4
    for view in made.views:
        dataset = pydicom.dcmread(BytesIO(dicom_bytes(ill, made, view)))
        chest_wall_left = bool(view.breast[:, 0].any())
        assert dataset.PatientOrientation[0] == ("A" if chest_wall_left else "P")
        assert chest_wall_left == ((view.laterality == "L") != mirrored)
        assert dataset.PatientOrientation[1].endswith("R" if view.laterality == "L" else "L")


def test_files_of_all_vendors_differ_in_their_habits(exam: MakeExam, ill: PhantomSettings) -> None:
    habits = set()
    for vendor in VENDORS:
        made = exam_of(exam, ill, vendor)
        dataset = pydicom.dcmread(BytesIO(dicom_bytes(ill, made, made.views[0])))
        voi = dataset.get("VOILUTFunction", "TABLE" if "VOILUTSequence" in dataset else "")
        habits.add((dataset.PhotometricInterpretation, voi, dataset.BitsStored))
    assert habits == {
        ("MONOCHROME2", "SIGMOID", 12), ("MONOCHROME2", "LINEAR", 12),
        ("MONOCHROME1", "LINEAR", 14), ("MONOCHROME2", "TABLE", 12),
    }  # fmt: skip


def test_the_same_view_is_the_same_bytes(exam: MakeExam, ill: PhantomSettings) -> None:
    made = exam(ill, 0)
    assert dicom_bytes(ill, made, made.views[2]) == dicom_bytes(ill, made, made.views[2])
