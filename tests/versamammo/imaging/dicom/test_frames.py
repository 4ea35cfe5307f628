"""Frames of the DICOM files that pydicom ships for its own tests, against pydicom's decoding.

They come from scanners of all kinds, none of them for mammography, and hold what real writers do.
"""

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest

from versamammo.errors import InputError
from versamammo.imaging.dicom.frames import read_frame
from versamammo.imaging.dicom.header import read_header
from versamammo.imaging.reading import looks_readable

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
# Depths that mammograms do not have, and sizes that contradict the data.
REFUSED = {"unsupported-depth", "size-mismatch", "truncated"}


def by_pydicom(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        if "PixelData" not in dataset:
            return None
        try:
            return pydicom.pixels.pixel_array(dataset, index=0, raw=True)
        except (AttributeError, RuntimeError, ValueError):
            return None  # one that pydicom cannot open says nothing of us


def by_us(path):
    try:
        return read_frame(read_header(path)).pixels, None
    except InputError as error:
        return None, error.reason


@pytest.mark.skipif(not FILES.is_dir(), reason="pydicom is installed without its test files")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_stored_values_are_those_that_pydicom_finds():
    compared, refused = 0, []
    for path in sorted(path for path in FILES.rglob("*") if path.is_file()):
        expected = by_pydicom(path)
        if expected is None or not looks_readable(path):
            continue
        found, reason = by_us(path)
        if found is None:
            refused.append(reason)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=path.name)
            compared += 1

    assert compared > 60
    assert len(refused) < 15
    assert set(refused) <= REFUSED
