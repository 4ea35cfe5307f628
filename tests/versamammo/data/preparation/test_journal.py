from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from versamammo.data.preparation.journal import Entry, Journal, Stamp, this_boot
from versamammo.data.preparation.outcome import Failure, FileFacts

FACTS = FileFacts(
    content_key="ab12", cached_bytes=10, patient_id="P1", exam_id=None, image_id="1.2",
    accession=None, exam_date="2019-03-31", laterality="L", laterality_source="ImageLaterality",
    view="CC", view_source="ViewPosition", modifiers=("spot compression",), vendor="V", model="M",
    age=52.0, rows=100, columns=50, bits=12, spacing_mm=(0.1, 0.1), chest_wall="left",
    crop={"box": {"x1": 0}, "mirrored": False}, breast_box=(0.0, 1.0, 20.0, 90.0),
    warnings=("a", "b"),
)  # fmt: skip


def entry(path: str, outcome: FileFacts | Failure = FACTS) -> Entry:
    return Entry(path, Stamp(5, 77), "recipe", outcome)


def test_what_was_added_is_there_after_a_restart(tmp_path: Path) -> None:
    failure = Failure("truncated", "ends early", "PixelData")
    with (journal := Journal(tmp_path / "j")).writing():
        journal.add(entry("a"))
        journal.add(entry("b", failure))
    assert Journal(tmp_path / "j").entries == {"a": entry("a"), "b": entry("b", failure)}


def test_a_line_cut_short_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "j"
    whole = entry("a").to_line() + "\n"
    for cut in (1, 20, len(whole) - 2):
        path.write_text(whole + whole.replace('"a"', '"b"')[:cut])
        with (journal := Journal(path)).writing():
            assert journal.entries == {"a": entry("a")}
            journal.add(entry("c"))
        assert Journal(path).entries.keys() == {"a", "c"}


def test_what_another_version_wrote_is_done_again(tmp_path: Path) -> None:
    line = entry("a").to_line()
    (tmp_path / "j").write_text(line.replace('"bits"', '"depth"') + "\n[]\n\n" + "null\n")
    assert Journal(tmp_path / "j").entries == {}


def test_a_tidy_journal_does_not_show_its_history(tmp_path: Path) -> None:
    for name, order in (("x", "abc"), ("y", "cabac")):
        with (journal := Journal(tmp_path / name)).writing():
            for path in order:
                journal.add(entry(path))
        journal.tidy()
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_a_tidy_journal_believes_its_pictures(tmp_path: Path) -> None:
    with (journal := Journal(tmp_path / "j")).writing():
        journal.add(replace(entry("a"), boot=this_boot()))
    assert Journal(tmp_path / "j").entries["a"].boot == this_boot()
    journal.tidy()
    assert Journal(tmp_path / "j").entries["a"].boot is None


def test_adding_to_a_closed_journal_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        Journal(tmp_path / "j").add(entry("a"))
