from __future__ import annotations

from pathlib import Path

import pytest

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import phantom
from versamammo.data.sources.source_contract import ImageRecord, SourceOptions
from versamammo.errors import InputError
from versamammo.phantoms.phantom_exam import make_exam
from versamammo.phantoms.phantom_settings import PhantomSettings
from versamammo.phantoms.phantom_writing import write_phantoms

SETTINGS = PhantomSettings(exams=3, seed=11, height=160, lesion_rate=1.0)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantoms")
    write_phantoms(out, SETTINGS)
    return out


def test_what_the_generator_knows_is_what_the_source_tells(phantoms: Path) -> None:
    told = {entry.path: entry for entry in phantom.records(phantoms, SourceOptions())}
    for index in range(SETTINGS.exams):
        exam = make_exam(SETTINGS, index)
        for view in exam.views:
            record = told[view.file]
            assert isinstance(record, ImageRecord), record
            assert repr(record.labels) == repr(view.labels)
            assert record.identifiers.patient_id == exam.patient_id
            assert record.identifiers.exam_date == view.exam_date
            assert (record.laterality, record.view) == (view.laterality, view.view)
            assert record.birads_edition == "5th"
    assert len(told) == 12
    assert any(entry.labels.findings for entry in told.values() if isinstance(entry, ImageRecord))


def test_a_missing_mask_keeps_its_image_out(phantoms: Path, tmp_path: Path) -> None:
    mask = next((phantoms / "masks").rglob("*.png"))
    aside = mask.rename(tmp_path / "aside.png")
    try:
        entries = list(phantom.records(phantoms, SourceOptions()))
    finally:
        aside.rename(mask)
    found = {entry.reason for entry in entries if isinstance(entry, Quarantined)}
    assert found == {"missing-mask"}


def test_phantoms_take_no_other_labels(phantoms: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(phantom.records(phantoms, SourceOptions(labels=phantoms / "labels.csv")))
    assert caught.value.reason == "conflicting-options"
