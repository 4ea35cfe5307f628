from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from versamammo.config import differences, dump, load
from versamammo.errors import InputError


@dataclass(frozen=True)
class Inner:
    """Part of a run.

    Attributes:
        rate: of learning.
        size: (H, W).
    """

    rate: float = 0.1
    size: tuple[int, int] = (4, 3)


@dataclass(frozen=True)
class Outer:
    """A run.

    Attributes:
        folder: of the run.
        steps: how many.
        inner: the rest.
    """

    folder: Path | None = None
    steps: int = 10
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError("a run needs steps")


def test_options_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("steps: 20\ninner: {rate: 0.5}\n")

    found = load(Outer, ["--config", str(file), "--inner.rate", "0.7"])

    assert found == Outer(steps=20, inner=Inner(rate=0.7))


def test_what_is_dumped_is_read_back(tmp_path: Path) -> None:
    settings = Outer(Path("there"), 3, Inner(2e-5, (8, 6)))
    file = tmp_path / "run.yaml"
    file.write_text(dump(settings))

    assert load(Outer, ["--config", str(file)]) == settings


@pytest.mark.parametrize("option", ["--inner.ratte=1", "--steps=many"])
def test_a_misspelt_key_or_a_wrong_type_is_refused_by_name(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        load(Outer, [option])

    assert stopped.value.code == 2
    assert option.strip("-").partition("=")[0] in capsys.readouterr().err


def test_values_that_do_not_go_together_are_the_callers_fault() -> None:
    with pytest.raises(InputError, match="a run needs steps"):
        load(Outer, ["--steps", "0"])


def test_differences_are_named_and_some_may_be_ignored() -> None:
    settings = Outer()
    other = replace(settings, steps=7, folder=Path("x"), inner=Inner(size=(1, 1)))

    found = differences(settings, other, ignored=["folder"])

    assert found == ["inner.size: [4, 3], not [1, 1]", "steps: 10, not 7"]
