from __future__ import annotations

import math

import gradio as gr
import pytest

from app.chat.endpoints import checked


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "50", True])
def test_a_number_that_is_none_is_refused_by_name(value: object) -> None:
    with pytest.raises(gr.Error, match="level must be a finite number"):
        checked("level", value)


def test_a_number_passes() -> None:
    assert checked("view", -1) == -1
