from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from versamammo import config
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


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "RENAMED", {"old": "inner", "old.speed": "inner.rate"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("old: {speed: 0.5}", "run.yaml: old.speed is now inner.rate"),
        ("old: {size: [1, 1]}", "run.yaml: old.size is now inner.size"),
        ("old.speed: 0.5", "run.yaml: old.speed is now inner.rate"),
        (
            "old: {speed: 0.5, size: [1, 1]}",
            "run.yaml: old.speed is now inner.rate, old.size is now inner.size",
        ),
    ],
)
@pytest.mark.usefixtures("renamed")
def test_a_file_with_an_old_key_is_refused_by_the_new_name(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)

    for words in (["--config", str(file)], [f"--config={file}", "--steps", "3"]):
        with pytest.raises(InputError) as caught:
            load(Outer, words)
        assert str(caught.value) == said
        assert caught.value.reason == "renamed-key"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--old.speed", "0.5"], "old.speed is now inner.rate"),
        (["--steps=3", "--old.speed=0.5"], "old.speed is now inner.rate"),
        (["--old", "{speed: 0.5}"], "old.speed is now inner.rate"),
        (["--old", "file.yaml"], "old is now inner"),
    ],
)
@pytest.mark.usefixtures("renamed")
def test_an_option_with_an_old_key_is_refused_by_the_new_name(words: list[str], said: str) -> None:
    with pytest.raises(InputError) as caught:
        load(Outer, words)
    assert str(caught.value) == said


def test_a_key_that_these_settings_have_or_never_had_is_not_called_renamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(config, "RENAMED", {"steps": "inner.rate", "ratte": "gone"})

    assert load(Outer, ["--steps", "3"]).steps == 3
    with pytest.raises(SystemExit):
        load(Outer, ["--ratte", "3"])


def test_values_that_do_not_go_together_are_the_callers_fault() -> None:
    with pytest.raises(InputError, match="a run needs steps"):
        load(Outer, ["--steps", "0"])


def test_differences_are_named_and_some_may_be_ignored() -> None:
    settings = Outer()
    other = replace(settings, steps=7, folder=Path("x"), inner=Inner(size=(1, 1)))

    found = differences(settings, other, ignored=["folder"])

    assert found == ["inner.size: [4, 3], not [1, 1]", "steps: 10, not 7"]
