from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import SOURCES, folder, phantom, table
from versamammo.data.sources.source_contract import ImageRecord, SourceOptions


def test_content_decides_what_is_a_picture(
    tmp_path: Path, picture: Callable[..., Any], write_dicom: Callable[..., Path]
) -> None:
    write_dicom(picture(12), 12, name="without an ending")
    (tmp_path / "named.dcm").write_text("only named so")
    (tmp_path / "empty.png").touch()
    found = {entry.path: entry for entry in folder.records(tmp_path, SourceOptions())}
    assert isinstance(found["without an ending"], ImageRecord)
    for name in ("named.dcm", "empty.png"):
        entry = found[name]
        assert isinstance(entry, Quarantined)
        assert entry.reason == "not-an-image"


def test_labels_meet_their_files_and_both_sides_are_counted(
    tmp_path: Path, picture: Callable[..., Any], write_dicom: Callable[..., Path]
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.dcm", "b.dcm"):
        write_dicom(picture(12), 12, name=f"in/{name}")
    labels = tmp_path / "labels.csv"
    labels.write_text("file,density\na.dcm,C\nc.dcm,A\n")
    entries = list(folder.records(tmp_path / "in", SourceOptions(labels)))
    found = {entry.path: entry for entry in entries}
    assert len(entries) == len(found) == 3
    labelled = found["a.dcm"]
    assert isinstance(labelled, ImageRecord)
    assert labelled.labels.density == 3
    assert isinstance(found["b.dcm"], ImageRecord)
    missing = found["c.dcm"]
    assert isinstance(missing, Quarantined)
    assert missing.reason == "missing-file"


def test_the_most_particular_source_is_asked_first(tmp_path: Path) -> None:
    assert next(iter(SOURCES)) == "phantom"
    assert list(SOURCES)[-2:] == ["table", "folder"]  # which take anything
    (tmp_path / "phantom.json").write_text("{}")
    (tmp_path / "a.csv").touch()
    assert phantom.detect(tmp_path)
    assert folder.detect(tmp_path)
    assert table.detect(tmp_path / "a.csv")
    assert not phantom.detect(tmp_path / "a.csv")
