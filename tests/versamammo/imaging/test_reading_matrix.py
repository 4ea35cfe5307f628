"""Every way to store a picture is read back to the same picture.

What is expected is computed here from the text of DICOM PS3.3 C.11.2, in float64, from the picture
that was stored.
"""

import numpy as np

from versamammo.imaging.codecs import SYNTAXES
from versamammo.imaging.reading import read

# Lossy syntaxes are held to this peak signal-to-noise ratio of what is displayed. The window
# spreads 60 % of the range over the whole, so the stored values are 4 dB better.
DECIBELS = 40


def expected(cell, stored):
    """Show stored values as the cell asks, by the formulas of the standard."""
    x = stored.astype(np.float64)
    c, w = cell.window
    if cell.voi == "none":
        y = x / (2**cell.bits - 1)
    elif cell.voi == "SIGMOID":
        y = 1 / (1 + np.exp(-4 * (x - c) / w))
    elif cell.voi == "LINEAR_EXACT":
        y = np.where(x <= c - w / 2, 0, np.where(x > c + w / 2, 1, (x - c) / w + 0.5))
    elif cell.voi == "table":
        entries, first = cell.table
        y = entries[np.clip(stored.astype(int) - first, 0, len(entries) - 1)] / 4095
    else:  # LINEAR, which also goes before a table
        low, high = c - 0.5 - (w - 1) / 2, c - 0.5 + (w - 1) / 2
        y = np.where(x <= low, 0, np.where(x > high, 1, (x - (c - 0.5)) / (w - 1) + 0.5))
    return 1 - y if cell.photometric == "MONOCHROME1" else y


def test_a_stored_picture_is_read_back(cell, picture, write_dicom):
    stored = picture(cell.bits)
    path = write_dicom(stored, cell.bits, syntax=cell.syntax, **cell.tags())

    mammogram = read(path)

    error = mammogram.pixels - expected(cell, stored)
    info = SYNTAXES[cell.syntax]
    assert mammogram.bits == cell.bits
    assert mammogram.provenance.decoder == info.decoders[0]
    assert mammogram.provenance.inverted == (cell.photometric == "MONOCHROME1")
    if info.lossy:
        assert -20 * np.log10(np.sqrt(np.mean(error**2))) >= DECIBELS
    else:
        np.testing.assert_allclose(error, 0, atol=1e-6)
