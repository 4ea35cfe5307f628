"""Every archive's module against a miniature of that archive: label by label, box by box."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from versamammo.data.labels import Finding, Labels
from versamammo.data.manifest import read_manifest
from versamammo.data.preparation.prepare import prepare
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.data.sources import SOURCES
from versamammo.data.sources.masks import read_mask
from versamammo.errors import InputError
from versamammo.phantoms.phantom_command import parser, run
from versamammo.phantoms.phantom_exam import PhantomExam
from versamammo.phantoms.twins import LAYOUTS, write_twin

from .conftest import SETTINGS, Twin

MASKED = ("cbis-ddsm", "cbis-ddsm-jpeg", "cdd-cesm", "inbreast")
QUIET = {"missing-file", "subtracted", "augmented", "synthetic-2d"}  # what twins hold on purpose


@pytest.fixture(scope="module")
def twin(
    tmp_path_factory: pytest.TempPathFactory, exams: Sequence[PhantomExam]
) -> Callable[[str], Twin]:
    """Write each archive's twin once: nothing here changes its files."""
    folder, made = tmp_path_factory.mktemp("twins"), {}

    def write(layout: str) -> Twin:
        if layout not in made:
            root = folder / layout
            made[layout] = Twin(layout, root, write_twin(root, layout, SETTINGS, exams))
        return made[layout]

    return write


def facts(finding: Finding) -> tuple[object, ...]:
    return (finding.kind, finding.box, repr(finding.pathology), repr(finding.birads),
            repr(finding.subtlety))  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_adapter_tells_what_the_phantoms_are(layout: str, twin: Callable[[str], Twin]) -> None:
    made = twin(layout)
    assert next(name for name, known in SOURCES.items() if known.detect(made.root)) == made.source
    kept, refused = made.read()
    assert set(kept) == {shown.path for shown in made.shown}
    assert {entry.reason for entry in refused} <= QUIET
    for shown in made.shown:
        record = kept[shown.path]
        for name in Labels.names():
            found, true = getattr(record.labels, name), getattr(shown.labels, name)
            assert repr(found) == repr(float(true)), f"{shown.path}: {name}"
        findings = [facts(finding) for finding in record.labels.findings]
        assert sorted(findings, key=repr) == sorted(map(facts, shown.labels.findings), key=repr)
        assert record.identifiers.patient_id == shown.patient
        for told in record.told:
            assert told.words, "a number without the word it came from"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_side_and_view_are_those_of_the_phantoms(layout: str, twin: Callable[[str], Twin]) -> None:
    made = twin(layout)
    kept, _ = made.read()
    assert made.shown
    for shown in made.shown:
        record = kept[shown.path]
        assert record.laterality in (None, shown.view.laterality)
        assert record.view in (None, shown.view.view)


@pytest.mark.parametrize("layout", MASKED)
def test_masks_are_those_of_the_phantoms(layout: str, twin: Callable[[str], Twin]) -> None:
    made = twin(layout)
    kept, _ = made.read()
    compared = 0
    for shown in made.shown:
        size = shown.view.pixels.shape
        found = [
            read_mask(made.root, finding.mask, (size[0], size[1]))
            for finding in kept[shown.path].labels.findings
            if finding.mask is not None
        ]
        for mask, true in zip(found, shown.masks, strict=True):
            np.testing.assert_array_equal(mask, true)
            compared += 1
    assert compared > 3


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_twin_is_prepared_and_nobody_is_in_two_splits(
    layout: str, twin: Callable[[str], Twin], tmp_path: Path
) -> None:
    made = twin(layout)
    settings = Settings(str(made.root), tmp_path / "out", size=(96, 64), workers=1)
    assert prepare(settings) == 0
    rows = read_manifest(tmp_path / "out").to_pylist()
    assert len(rows) >= 0.9 * len(made.shown)  # the breast finder may refuse a tiny phantom
    assert {row["source"] for row in rows} == {f"phantom-{made.source}"}
    for key in ("patient_id", "exam_id"):
        sides: dict[str, set[str]] = {}
        for row in rows:
            if row[key] is not None:
                sides.setdefault(row[key], set()).add(row["split"])
        assert all(len(splits) == 1 for splits in sides.values()), key


def test_official_tests_stay_test(twin: Callable[[str], Twin], tmp_path: Path) -> None:
    for layout in ("vindr-mammo", "csaw-m", "cbis-ddsm", "dbt"):
        made = twin(layout)
        kept, _ = made.read()
        official = {r.identifiers.image_id: r.official_split for r in kept.values()}
        prepare(Settings(str(made.root), tmp_path / f"out-{layout}", size=(96, 64), workers=1))
        prepared = read_manifest(tmp_path / f"out-{layout}").to_pylist()
        assert prepared, layout
        for row in prepared:
            assert (row["split"] == "test") is (official[row["image_id"]] == "test")


def test_words_without_a_number_are_listed(twin: Callable[[str], Twin], tmp_path: Path) -> None:
    made = twin("nlbs")
    prepare(Settings(str(made.root), tmp_path / "out", size=(96, 64), workers=1))
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    unmapped = {(entry["fact"], entry["word"]): entry["images"] for entry in summary["unmapped"]}
    rows = read_manifest(tmp_path / "out").to_pylist()
    wrong = [row for row in rows if row["original"]["pathology"] == "False Positive"]
    assert unmapped == {("pathology", "False Positive"): len(wrong)}
    assert wrong
    assert all(row["pathology"] != row["pathology"] for row in wrong)


def test_a_twin_must_keep_the_word_phantom(twin: Callable[[str], Twin], tmp_path: Path) -> None:
    made = twin("mias")
    with pytest.raises(InputError) as caught:
        prepare(Settings(str(made.root), tmp_path / "out", name="mias"))
    assert caught.value.reason == "phantom-renamed"


def test_the_command_writes_a_layout(tmp_path: Path) -> None:
    words = [str(tmp_path / "twin"), "--layout", "mm", "--exams", "1", "--height", "160"]
    assert run(parser().parse_args(words)) == 0
    assert (tmp_path / "twin" / "PHANTOM-NOT-REAL-DATA.txt").is_file()
    assert len(list((tmp_path / "twin" / "Original Dataset").rglob("IMG*"))) == 4
