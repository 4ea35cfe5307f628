"""Finds the layout that is asked for and fills it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from versamammo import NOTICE
from versamammo.data.sources.marker import MARKER
from versamammo.errors import InputError
from versamammo.phantoms.phantom_exam import PhantomExam, make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.twins import cased, circled, named, outlined, screening, tabled, volumes
from versamammo.phantoms.twins.twin_writer import Pen, TwinImage

Writer = Callable[[Pen, Sequence[PhantomExam]], list[TwinImage]]

LAYOUTS: dict[str, Writer] = {
    **cased.LAYOUTS,
    **circled.LAYOUTS,
    **named.LAYOUTS,
    **outlined.LAYOUTS,
    **screening.LAYOUTS,
    **tabled.LAYOUTS,
    **volumes.LAYOUTS,
}


def write_twin(
    out: Path, layout: str, settings: PhantomSettings, exams: Sequence[PhantomExam] | None = None
) -> list[TwinImage]:
    """Write a miniature of an archive; gives what its adapter must find.

    Args:
        out: an empty or new folder.
        layout: one of `LAYOUTS`.
        settings: of the phantoms; two dates each, since some archives have priors.
        exams: ready-made ones of these settings.

    Raises:
        InputError: no such layout (reason "unknown-layout"), or the folder holds something.
    """
    if layout not in LAYOUTS:
        raise InputError(
            f"no layout {layout!r}; expected one of {', '.join(LAYOUTS)}",
            field="--layout", reason="unknown-layout",
        )  # fmt: skip
    if out.is_dir() and any(out.iterdir()):
        raise InputError(
            "the folder holds other files; choose an empty or new one",
            file=out, field="OUT", reason="not-empty",
        )  # fmt: skip
    twice = replace(settings, dates=2)
    made = exams or [make_exam(twice, index) for index in range(twice.exams)]
    pen = Pen(out, twice)
    shown = LAYOUTS[layout](pen, made)
    text = f"PHANTOMS: NOT REAL DATA. A rehearsal of the layout of {layout}. {NOTICE}\n"
    pen.put(MARKER, text.encode())
    return shown
