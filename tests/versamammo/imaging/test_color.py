"""Grey out of colour, unless it really is colour."""

import numpy as np
import pytest

from versamammo.errors import Refused
from versamammo.imaging.color import to_grey


def test_equal_colours_are_taken_as_they_are(picture):
    grey, note = to_grey(np.dstack([picture(16)] * 3))

    assert np.array_equal(grey, picture(16))
    assert "equal" in note


def test_slightly_tinted_films_give_their_luminance(picture):
    stored = picture(8)
    tinted = np.dstack([stored, stored, (stored * 0.95).astype(np.uint8)])

    grey, _ = to_grey(tinted)

    assert np.abs(grey.astype(int) - stored).max() <= 2


def test_a_coloured_label_does_not_make_a_colour_picture(picture):
    film = np.dstack([picture(8)] * 3)
    film[:9, -9:] = (255, 0, 0)

    assert to_grey(film)[0].shape == (90, 70)


@pytest.mark.parametrize("luminance_first", [False, True])
def test_real_colour_is_refused(luminance_first):
    colours = np.zeros((40, 40, 3), np.uint8)
    colours[..., 1] = 200

    with pytest.raises(Refused):
        to_grey(colours, luminance_first=luminance_first)
