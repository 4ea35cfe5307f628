from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box
from versamammo.phantoms import PhantomSettings, make_exam, write_phantoms

SETTINGS = PhantomSettings(exams=3, seed=5, height=160, lesion_rate=1.0)


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantoms") / "out"
    assert write_phantoms(out, SETTINGS) == 3
    return out


def test_two_workers_write_the_bytes_of_one(written: Path, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "two", SETTINGS, workers=2)
    assert contents(tmp_path / "two") == contents(written)


def test_tables_and_files_name_each_other(written: Path) -> None:
    labels, findings = rows(written / "labels.csv"), rows(written / "findings.csv")
    images = {str(path.relative_to(written)) for path in written.rglob("*.dcm")}
    masks = {str(path.relative_to(written)) for path in written.rglob("*.png")}
    assert {row["file"] for row in labels} == images
    assert len(images) == len(labels) == 12
    assert {row["mask"] for row in findings} == masks
    assert {row["file"] for row in findings} <= images


def test_tables_tell_what_the_exam_is(written: Path) -> None:
    labels = {row["file"]: row for row in rows(written / "labels.csv")}
    findings = rows(written / "findings.csv")
    assert findings
    for index in range(SETTINGS.exams):
        for view in make_exam(SETTINGS, index).views:
            row = labels[view.file]
            assert row["density"] == "ABCD"[int(view.labels.density) - 1]
            assert row["birads"] == f"{view.labels.birads:.0f}"
            assert row["pathology"] == ("normal", "benign", "malignant")[int(view.labels.pathology)]
            assert row["birads_edition"] == "5th"
            mine = [found for found in findings if found["file"] == view.file]
            assert len(mine) == len(view.labels.findings)
            for found, finding in zip(mine, view.labels.findings, strict=True):
                box = Box(*(float(found[edge]) for edge in ("x1", "y1", "x2", "y2")))
                assert box == finding.box
                assert found["kind"] == finding.kind


def test_masks_on_disk_are_those_of_the_exam(written: Path) -> None:
    views = make_exam(SETTINGS, 0).views
    assert any(view.masks for view in views)
    for view in views:
        for finding, mask in zip(view.labels.findings, view.masks, strict=True):
            on_disk = cv2.imread(str(written / str(finding.mask)), cv2.IMREAD_GRAYSCALE)
            np.testing.assert_array_equal(np.asarray(on_disk) > 127, mask)


def test_the_folder_says_that_it_is_not_real(written: Path) -> None:
    assert "NOT REAL DATA" in (written / "README.txt").read_text()
    described = json.loads((written / "phantom.json").read_text())
    assert "NOT REAL DATA" in described["notice"]
    assert described["seed"] == 5
    assert "Bayes ceilings" in (written / "README.txt").read_text()


def test_a_finished_folder_is_left_alone(tmp_path: Path) -> None:
    settings = replace(SETTINGS, exams=1)
    write_phantoms(tmp_path, settings)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.dcm")}
    assert write_phantoms(tmp_path, settings) == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_lost_file_is_made_again(written: Path, tmp_path: Path) -> None:
    write_phantoms(tmp_path, SETTINGS)
    before = contents(tmp_path)
    next(tmp_path.rglob("RCC.dcm")).unlink()
    assert write_phantoms(tmp_path, SETTINGS) == 1
    assert contents(tmp_path) == before == contents(written)


def test_a_folder_can_be_made_to_hold_more_exams(written: Path, tmp_path: Path) -> None:
    write_phantoms(tmp_path, replace(SETTINGS, exams=1))
    assert write_phantoms(tmp_path, SETTINGS) == 2
    assert contents(tmp_path) == contents(written)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"seed": 6}, "seed"), ({"exams": 2}, "exams"), ({"height": 161}, "height")],
)
def test_phantoms_of_other_settings_are_not_mixed(
    written: Path, change: dict[str, int], word: str
) -> None:
    before = contents(written)
    with pytest.raises(InputError, match=word) as caught:
        write_phantoms(written, replace(SETTINGS, **change))
    assert caught.value.reason == "other-settings"
    assert contents(written) == before


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError) as caught:
        write_phantoms(tmp_path, SETTINGS)
    assert caught.value.reason == "not-empty"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError) as caught:
            write_phantoms(out, SETTINGS)
        assert caught.value.reason == "bad-output"


def test_no_workers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        write_phantoms(tmp_path, SETTINGS, workers=0)
    assert caught.value.field == "workers"


@pytest.mark.slow
def test_a_killed_run_is_taken_up_where_it_was(written: Path, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from versamammo.phantoms import *;"
        f"write_phantoms(Path({str(tmp_path / 'out')!r}), {SETTINGS!r})"
    )
    for delay in (1.5, 2.0, 2.5, 3.0):
        run = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
        time.sleep(delay)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    write_phantoms(tmp_path / "out", SETTINGS)
    assert contents(tmp_path / "out") == contents(written)
