from __future__ import annotations

import numpy as np
import pytest

from versamammo.phantoms.machines import MACHINES, Machine
from versamammo.phantoms.storage import draw_display


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.vendor[-1])
def test_stored_values_give_back_the_brightness(machine: Machine) -> None:
    display = draw_display(np.random.default_rng(1), machine)
    pixels = np.linspace(0, 1, 4001, dtype=np.float32).reshape(1, -1)
    stored = display.store(pixels)
    assert stored.dtype == np.uint16
    assert stored.max() < 2**machine.bits
    shown = display.brightness()
    # the sigmoid never quite reaches its ends
    inside = (pixels >= shown.min()) & (pixels <= shown.max())
    coarsest = np.abs(np.diff(shown)).max()
    assert np.abs(shown[stored] - pixels)[inside].max() <= coarsest / 2 + 2e-5


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.vendor[-1])
def test_only_air_is_stored_as_padding(machine: Machine) -> None:
    display = draw_display(np.random.default_rng(2), machine)
    stored = display.store(np.array([[0.0, 1e-4, 0.5]], np.float32))
    if machine.padded:
        assert stored[0, 0] == display.padding
        assert stored[0, 1] > stored[0, 0]
    else:
        assert display.padding is None


def test_inverted_values_fall_where_brightness_rises() -> None:
    inverted = next(machine for machine in MACHINES if machine.inverted)
    stored = draw_display(np.random.default_rng(3), inverted).store(
        np.linspace(0.05, 0.95, 50, dtype=np.float32).reshape(1, -1)
    )
    assert (np.diff(stored[0].astype(int)) < 0).all()
