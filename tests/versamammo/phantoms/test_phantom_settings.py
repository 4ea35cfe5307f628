from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from versamammo.errors import InputError
from versamammo.phantoms import PhantomSettings
from versamammo.phantoms.phantom_settings import Stream, random_stream


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exams", 0),
        ("seed", -1),
        ("height", 64),
        ("height", 100_000),
        ("dates", 3),
        ("lesion_rate", 1.2),
        ("malignant_share", math.nan),
        ("label_noise", -0.1),
        ("density_prior", (0.5, 0.5, 0.5, 0.5)),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        PhantomSettings(**{name: value})
    assert caught.value.field == name
    assert caught.value.reason == "bad-setting"


def test_streams_of_different_purposes_and_exams_are_unrelated() -> None:
    keys = [(0, Stream.PATIENT), (1, Stream.PATIENT), (0, Stream.LESION)]
    numbers = [random_stream(3, index, purpose).random(500) for index, purpose in keys]
    again = random_stream(3, 0, Stream.PATIENT).random(500)
    np.testing.assert_array_equal(numbers[0], again)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(numbers[first], numbers[second])[0, 1]) < 0.2
