"""The table from stored value to display value, against numbers worked out by hand."""

import numpy as np
import pytest

from versamammo.imaging.grayscale import (
    Grayscale,
    LookupTable,
    WindowFunction,
    log_inverted_table,
    show,
    used_bits,
)


def window(kind, center, width, values):
    return WindowFunction(kind, center, width)(np.array(values, float)).tolist()


def test_linear_reaches_both_ends_one_step_apart_from_its_width():
    # PS3.3 C.11.2.1.2.1: centre 2048, width 4096 maps 0 to black and 4095 to white
    assert window("LINEAR", 2048, 4096, [-1, 0, 2047.5, 4095, 5000]) == [0, 0, 0.5, 1, 1]


def test_a_linear_window_of_width_one_is_a_threshold():
    assert window("LINEAR", 10, 1, [9, 9.5, 9.6, 10]) == [0, 0, 1, 1]


def test_linear_exact_is_centred_on_its_centre():
    assert window("LINEAR_EXACT", 10, 4, [8, 9, 10, 12]) == [0, 0.25, 0.5, 1]


def test_sigmoid_crosses_the_middle_with_slope_one_over_width():
    at_centre, beside = window("SIGMOID", 100, 50, [100, 112.5])

    assert at_centre == 0.5
    assert beside == pytest.approx(1 / (1 + np.exp(-1)))


def test_a_sigmoid_far_from_its_centre_does_not_overflow():
    assert window("SIGMOID", 0, 1, [-1e9, 1e9]) == pytest.approx([0, 1], abs=1e-30)


def test_widths_that_the_standard_forbids_are_not_usable():
    assert not WindowFunction("LINEAR", 5, 0.5).usable
    assert WindowFunction("LINEAR_EXACT", 5, 0.5).usable
    assert not WindowFunction("SIGMOID", 5, 0).usable


def test_a_table_extends_its_ends():
    table = LookupTable(first=-2, bits=8, entries=np.array([10, 20, 30], np.uint16))

    assert table(np.array([-9.0, -2, -1, 0, 7])).tolist() == [10, 10, 20, 30, 30]


def test_inversion_comes_after_the_window():
    plain = Grayscale(bits=12, voi=WindowFunction("LINEAR", 1000, 500))
    inverse = Grayscale(bits=12, voi=WindowFunction("LINEAR", 1000, 500), inverse=True)

    np.testing.assert_allclose(inverse.display_table(), 1 - plain.display_table(), atol=1e-7)
    assert inverse.display_table()[0] == 1


def test_the_window_counts_in_rescaled_units():
    gray = Grayscale(
        bits=12, slope=0.5, intercept=-100, voi=WindowFunction("LINEAR_EXACT", 400, 200)
    )
    # stored 1000 is 400 in rescaled units
    assert gray.display_table()[1000] == pytest.approx(0.5)


def test_the_window_counts_in_units_of_the_modality_table():
    modality = LookupTable(0, 16, np.array([0, 500, 40000], np.uint16))
    gray = Grayscale(bits=8, modality_table=modality, voi=WindowFunction("LINEAR_EXACT", 500, 100))

    assert gray.display_table()[:4].tolist() == [0, 0.5, 1, 1]


def test_without_a_window_the_range_of_the_stored_bits_is_shown():
    table = Grayscale(bits=10).display_table()

    assert table[[0, 1023, 5000]].tolist() == [0, 1, 1]


def test_a_negative_slope_without_window_still_spans_the_range():
    table = Grayscale(bits=8, slope=-2, intercept=7).display_table()

    assert table[[0, 255]].tolist() == [1, 0]


def test_signed_values_are_found_by_their_bits():
    gray = Grayscale(bits=12, signed=True, voi=WindowFunction("LINEAR_EXACT", 0, 4000))
    stored = np.array([[-2000, 0, 2000]], np.int16)

    assert show(stored, gray.display_table()).tolist() == [[0, 0.5, 1]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_bytes_use_the_same_table(dtype):
    stored = np.arange(-5, 6).astype(dtype).reshape(1, -1)
    signed = stored.dtype.kind == "i"
    gray = Grayscale(bits=8, signed=signed)

    expected = (stored.astype(float) + (128 if signed else 0)) / 255
    np.testing.assert_allclose(show(stored, gray.display_table()), expected, atol=1e-7)


def test_padding_is_dark_whatever_the_polarity():
    for inverse in (False, True):
        table = Grayscale(bits=12, inverse=inverse, padding=(100, 110)).display_table()
        assert table[100:111].tolist() == [0] * 11
        assert table[99] > 0


def test_neighbouring_values_of_16_bits_stay_apart():
    table = Grayscale(bits=16).display_table()

    assert len(np.unique(table)) == 65536


@pytest.mark.parametrize(
    ("largest", "bits", "used"),
    [(4095, 16, 12), (4095, 12, 12), (2000, 12, 12), (1000, 12, 10), (30, 8, 8), (40000, 16, 16)],
)
def test_bits_in_use_are_told_from_the_largest_value(largest, bits, used):
    assert used_bits(np.array([[0, largest]], np.uint16), bits) == used


def test_detector_values_come_out_bright_where_few_photons_arrived():
    photons = np.geomspace(16000, 200, 1000).astype(np.uint16).reshape(20, 50)
    table = log_inverted_table(photons, Grayscale(bits=14), linear=True, bright_is_air=True)

    shown = show(photons, table).ravel()

    assert np.all(np.diff(shown) >= 0)
    # equal ratios of photons are equal steps of tissue
    assert shown[500] == pytest.approx(0.5, abs=0.01)


def test_padding_does_not_stretch_the_rendering_of_detector_values():
    photons = np.full((20, 50), 65535, np.uint16)
    photons[:, :10] = np.geomspace(8000, 1000, 200).reshape(20, 10)
    gray = Grayscale(bits=16, padding=(65535, 65535))

    shown = show(photons, log_inverted_table(photons, gray, linear=True, bright_is_air=True))

    assert shown[:, 10:].max() == 0
    assert np.ptp(shown[:, :10]) > 0.98
