"""Rendering agrees with DCMTK, an independent implementation, to one grey level of 256.

`dcmj2pnm` and `dcml2pnm` (Debian's dcmtk) show the same file; ours is quantised to 8 bits for the
comparison only. DCMTK opens no JPEG 2000, so such a file is first stored uncompressed.
"""

import shutil
import subprocess

import cv2
import numpy as np
import pydicom
import pytest

from versamammo.imaging.codecs import SYNTAXES
from versamammo.imaging.dicom.frames import read_frame
from versamammo.imaging.dicom.header import read_header
from versamammo.imaging.reading import read

pytestmark = pytest.mark.skipif(
    shutil.which("dcmj2pnm") is None, reason="DCMTK's dcmj2pnm is not installed"
)
EXPLICIT = "1.2.840.10008.1.2.1"


def show_with_dcmtk(path, tmp_path, *options, family="jpeg"):
    """Render a file with DCMTK into grey levels [H, W]."""
    program = "dcml2pnm" if family == "jpegls" else "dcmj2pnm"
    out = tmp_path / "dcmtk.png"
    subprocess.run([program, "+on", *options, path, out], check=True, capture_output=True)
    return cv2.imread(str(out), cv2.IMREAD_UNCHANGED)


def options_for(cell):
    """Ask DCMTK for what the cell's file asks for."""
    if cell.voi == "LINEAR_EXACT":
        # DCMTK 3.6.7 does not know this function; it is LINEAR with a shifted centre and width.
        center, width = cell.window
        return ("+Ww", f"{center + 0.5:.1f}", f"{width + 1:.1f}")
    return {"none": (), "table": ("+Wl", "1")}.get(cell.voi, ("+Wi", "1"))


def levels_apart(mammogram, levels):
    ours = np.rint(mammogram.pixels * 255)
    return int(np.abs(ours - levels.astype(float)).max())


def stored_uncompressed(path, tmp_path):
    """Write the stored values of a file that DCMTK cannot decode under a syntax that it can."""
    dataset = pydicom.dcmread(path)
    header = read_header(path)
    dataset.PixelData = read_frame(header).pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    dataset["PixelData"].is_undefined_length = False
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    dataset.save_as(tmp_path / path.name)
    return tmp_path / path.name


def test_a_cell_of_the_matrix_looks_the_same(dcmtk_cell, picture, write_dicom, tmp_path):
    path = write_dicom(
        picture(dcmtk_cell.bits), dcmtk_cell.bits, syntax=dcmtk_cell.syntax, **dcmtk_cell.tags()
    )

    family = SYNTAXES[dcmtk_cell.syntax].family
    levels = show_with_dcmtk(path, tmp_path, *options_for(dcmtk_cell), family=family)

    assert levels_apart(read(path), levels) <= 1


@pytest.mark.parametrize(
    ("window", "options"),
    [
        (0, ("+Wi", "1")),
        (1, ("+Wi", "2")),
        (2, ("+Wi", "3")),
        (3, ("+Wl", "1")),
        (4, ("+Wl", "2")),
        (5, ("+Wl", "3")),
    ],
)
def test_every_window_and_table_of_a_real_file_looks_the_same(real, tmp_path, window, options):
    path = real / "dicom" / "GH133_GE_Senographe_R_MLO.dcm"

    assert levels_apart(read(path, window=window), show_with_dcmtk(path, tmp_path, *options)) <= 1


def test_every_real_dicom_file_looks_the_same_by_default(real, tmp_path):
    compared = 0
    for path in sorted((real / "dicom").glob("*.dcm")):
        family = SYNTAXES[read_header(path).syntax].family
        shown = stored_uncompressed(path, tmp_path) if family == "jpeg2000" else path

        assert levels_apart(read(path), show_with_dcmtk(shown, tmp_path, "+Wi", "1")) <= 1
        compared += 1
    assert compared >= 2


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE", None])
def test_contradictory_polarity_is_settled_as_dcmtk_does(
    photometric, shape, picture, write_dicom, tmp_path
):
    path = write_dicom(
        picture(12), 12, PhotometricInterpretation=photometric, PresentationLUTShape=shape,
        WindowCenter="2000", WindowWidth="3000",
    )  # fmt: skip

    assert levels_apart(read(path), show_with_dcmtk(path, tmp_path, "+Wi", "1")) <= 1


@pytest.mark.parametrize(
    "tags",
    [
        {"RescaleSlope": "0.5", "RescaleIntercept": "-100.3"},
        {"RescaleSlope": "-1", "RescaleIntercept": "4095"},
        {"PixelRepresentation": 1, "RescaleSlope": "1", "RescaleIntercept": "2048"},
    ],
    ids=["fraction", "negative", "signed"],
)
def test_rescaled_values_look_the_same(tags, picture, write_dicom, tmp_path):
    path = write_dicom(picture(12), 12, WindowCenter="1400.5", WindowWidth="2000", **tags)

    assert levels_apart(read(path), show_with_dcmtk(path, tmp_path, "+Wi", "1")) <= 1
